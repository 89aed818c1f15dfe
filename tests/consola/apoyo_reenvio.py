"""Un bwrap propio de las pruebas donde corre el reenviador, como root y como otro usuario."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.consola.apoyo import RAIZ, SOY_ROOT, UID_CORRIENTE, carpeta_para

VARIANTES = ("root", "otro_usuario") if SOY_ROOT else ("otro_usuario",)
PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin") or "python3"
_LIMITE_S = 60.0
_UID_DE_ROOT = 10_001
_ARCHIVOS = ("red/reenvio.py", "aislamientos/seccomp.py")


@dataclass(frozen=True, slots=True)
class Fin:
    """Cómo acabó una orden."""

    codigo: int
    salida: str
    error: str


@dataclass(frozen=True, slots=True)
class Encierro:
    """Una carpeta en la que escribir y el bwrap que la rodea; `duenio` es el del socket."""

    carpeta: Path
    delante: tuple[str, ...]
    detras: tuple[str, ...]
    uid: int

    @property
    def duenio(self) -> int | None:
        return self.uid if SOY_ROOT else None

    def argv(self, enchufe: Path, *orden: str) -> list[str]:
        """La línea entera, con el reenviador delante de la orden."""
        reenvio = self.carpeta / "servicios/consola/red/reenvio.py"
        paso = ("--perms", "0755", "--dir", str(enchufe.parent))
        return [
            *(*self.delante, *paso, "--bind", str(enchufe), str(enchufe), *self.detras),
            *(PYTHON, "-I", "-S", str(reenvio), "--enchufe", str(enchufe), "--", *orden),
        ]

    async def correr(self, enchufe: Path, texto: str, *, entrada: bytes = b"") -> Fin:
        """Ejecuta un texto de bash."""
        return await self.ejecutar(enchufe, "bash", "-c", texto, entrada=entrada)

    async def ejecutar(self, enchufe: Path, *orden: str, entrada: bytes = b"") -> Fin:
        """Ejecuta una orden y espera a que acabe y a que se cierren sus tuberías."""
        proceso = await asyncio.create_subprocess_exec(
            *self.argv(enchufe, *orden),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.carpeta)},
        )
        try:
            async with asyncio.timeout(_LIMITE_S):
                salida, error = await proceso.communicate(entrada)
        finally:
            if proceso.returncode is None:
                proceso.kill()
                await proceso.wait()
        return Fin(proceso.returncode or 0, salida.decode(), error.decode())


@contextmanager
def encierro(variante: str) -> Iterator[Encierro]:
    """Un encierro nuevo; salta la prueba, diciendo por qué, si bwrap no funciona aquí."""
    uid = _UID_DE_ROOT if variante == "root" else UID_CORRIENTE
    with carpeta_para(uid) as carpeta:
        dentro = carpeta / "servicios" / "consola"
        dentro.mkdir(parents=True)
        for archivo in _ARCHIVOS:
            (dentro / archivo).parent.mkdir()
            (dentro / archivo).write_bytes((RAIZ / "servicios/consola" / archivo).read_bytes())
        nuevo = Encierro(carpeta, _delante(variante, uid, carpeta), _detras(variante, uid), uid)
        prueba = subprocess.run(
            [*nuevo.delante, *nuevo.detras, "true"], capture_output=True, check=False
        )
        if prueba.returncode:
            pytest.skip(f"bwrap no funciona aquí: {prueba.stderr.decode().strip()}")
        yield nuevo


def _delante(variante: str, uid: int, carpeta: Path) -> tuple[str, ...]:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        pytest.skip("falta el programa bwrap")
    caps = ("SETUID", "SETGID", "SETPCAP", "DAC_READ_SEARCH")
    de_root = [p for cap in caps for p in ("--cap-add", f"CAP_{cap}")]
    return (
        *(_bajar(uid) if variante != "root" and SOY_ROOT else ()),
        *(bwrap, "--unshare-pid", "--unshare-ipc", "--unshare-net", "--die-with-parent"),
        *("--new-session", "--cap-drop", "ALL"),
        *(de_root if variante == "root" else ("--unshare-user", "--disable-userns")),
        *("--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--tmpfs", "/tmp"),
        *("--bind", str(carpeta), str(carpeta), "--chdir", str(carpeta)),
    )


def _detras(variante: str, uid: int) -> tuple[str, ...]:
    return ("--", *(_bajar(uid) if variante == "root" else ()))


def _bajar(uid: int) -> tuple[str, ...]:
    usuario = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--no-new-privs")
    return ("setpriv", *usuario, "--inh-caps=-all", "--bounding-set=-all")


def certificado(carpeta: Path, nombre: str) -> tuple[ssl.SSLContext, Path]:
    """Un servidor TLS con un certificado hecho por él mismo, y el archivo para fiarse de él."""
    if shutil.which("openssl") is None:
        pytest.skip("falta el programa openssl")
    clave, publico = carpeta / "clave.pem", carpeta / "autoridad.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", clave, "-out", publico, "-subj", f"/CN={nombre}"),
            *("-addext", f"subjectAltName=DNS:{nombre}"),
        ],
        check=True,
        capture_output=True,
    )
    contexto = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexto.load_cert_chain(publico, clave)
    publico.chmod(0o644)
    if os.geteuid() == 0:
        clave.chmod(0o600)
    return contexto, publico


def hacer(texto: str, carpeta: Path) -> str:
    """Lo que escribe un texto de bash fuera de todo encierro; falla si sale mal."""
    fin = subprocess.run(
        ["bash", "-c", texto],
        check=True,
        capture_output=True,
        cwd=carpeta,
        env={**os.environ, "HOME": str(carpeta)},
    )
    return fin.stdout.decode()
