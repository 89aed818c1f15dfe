"""Un árbol de trabajo con de todo, sus secretos y quien lo recorre."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UID = 10_001
CANARIO = "CANARIO-7f3a91"
"""Está en los archivos secretos y en ningún otro."""

_ARCHIVOS = {
    "README.md": "# Título\nuno main dos\n",
    "src/a.py": "import os\n\n\ndef main() -> None:\n    return None\n" * 4,
    "src/b.py": "class UnError(Exception): ...\n# TODO\n",
    "tests/test_a.py": "import src\n",
    "datos.csv": "a,b,c\nuno,2,3\ndos,5,6\n",
    "a.txt": "uno\n",
    "b.txt": "dos\n",
    "año.txt": "ñ\n",
    "nombre con espacios.txt": "x\n",
    "registro.log": "error: uno\nwarning: dos\n" * 30,
    "package.json": '{"name": "x", "version": "1", "scripts": {"test": "y"}}\n',
    "pyproject.toml": "[project]\n",
    "requirements.txt": "# nada\nx\n",
    "Makefile": "todo:\n",
    "binario": "\0\1texto imprimible\2\n",
    ".gitignore": "*.pyc\n.env\nid_rsa\n*.pem\n*.key\n",
    ".github/workflows/ci.yml": "on: push\n",
    ".env.example": "CLAVE=\n",
}
_SECRETOS = (
    *(".env", ".env.local", "id_rsa", "server.pem", "server.key", ".netrc", ".ssh/id_rsa"),
    *("src/.env", "tests/prod.env", "token.txt", "server.key.bak", "deploy_key"),
)
_TRAMPAS = (
    *(
        "-osalida",
        "-osalida.txt",
        "-osalida.py",
        "-osalida.csv",
        "--output=salida",
        "--output=salida.py",
        "-delete",
    ),
    *("--files0-from=.env", "-f.env", "-r", "-r.py", "-rf", "-exec", "--compress-program=touch"),
    *("--pre=touch", "-i", "-i.csv", "-s", "--ext-diff", "-e", "-fsalida", "-o", "-w", "-rHe.py"),
)
"""Archivos que se llaman como opciones, por si un comodín los alcanza."""


@dataclass(frozen=True, slots=True)
class Sitio:
    """Dónde corre una orden, su casa y un vecino que también podría escribir."""

    raiz: Path

    @property
    def trabajo(self) -> Path:
        return self.raiz / "trabajo"

    def correr(self, orden: str) -> subprocess.CompletedProcess[bytes]:
        """Corre la orden con bash y sin privilegios."""
        return subprocess.run(
            [*_bajar(), "bash", "-c", orden],
            cwd=self.trabajo,
            env={**_ENTORNO, "HOME": str(self.raiz / "casa")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )

    def foto(self) -> dict[str, tuple[object, ...]]:
        """Todo lo que hay: modo, fecha y contenido. Git retoca su índice al mirarlo."""
        foto: dict[str, tuple[object, ...]] = {}
        for ruta in sorted(self.raiz.rglob("*")):
            nombre = str(ruta.relative_to(self.raiz))
            if nombre in {"trabajo/.git", "trabajo/.git/index"}:
                continue
            datos = ruta.lstat()
            cuerpo = hashlib.sha256(ruta.read_bytes()).hexdigest() if ruta.is_file() else ""
            foto[nombre] = (datos.st_mode, datos.st_uid, datos.st_mtime_ns, cuerpo)
        return foto


_ENTORNO = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def _bajar() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--no-new-privs"]


@contextmanager
def sitio(*, con_trampas: bool = False) -> Iterator[Sitio]:
    """Un sitio nuevo, del usuario de las órdenes."""
    raiz = Path(tempfile.mkdtemp(prefix="permisos-", dir="/tmp"))
    try:
        _llenar(raiz, con_trampas=con_trampas)
        nuevo = Sitio(raiz)
        _historia(nuevo)
        yield nuevo
    finally:
        shutil.rmtree(raiz)


def _llenar(raiz: Path, *, con_trampas: bool) -> None:
    archivos = {f"trabajo/{nombre}": texto for nombre, texto in _ARCHIVOS.items()}
    for carpeta in ("trabajo", "casa", "vecino"):
        archivos |= {f"{carpeta}/{nombre}": f"CLAVE={CANARIO}\n" for nombre in _SECRETOS}
    if con_trampas:
        archivos |= {f"trabajo/{nombre}": "trampa\n" for nombre in _TRAMPAS}
    for nombre, texto in archivos.items():
        ruta = raiz / nombre
        ruta.parent.mkdir(parents=True, exist_ok=True)
        ruta.write_text(texto, encoding="utf-8")
    for ruta in (raiz, *raiz.rglob("*")):
        os.chown(ruta, UID if os.geteuid() == 0 else -1, UID if os.geteuid() == 0 else -1)


def _historia(nuevo: Sitio) -> None:
    quien = "git -c user.name=Ana -c user.email=ana@example.com"
    orden = f"""
    set -e
    tar -cf archivo.tar a.txt b.txt; tar -czf archivo.tar.gz a.txt
    git init -q -b main; git remote add origin https://example.com/x.git
    git add .gitignore src README.md; {quien} commit -qm uno
    git add datos.csv; {quien} commit -qm dos; git tag v1
    git config http.extraHeader 'Authorization: {CANARIO}'
    """
    hecho = nuevo.correr(orden)
    assert hecho.returncode == 0, hecho.stderr
