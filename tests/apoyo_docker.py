"""Un demonio de Docker para toda la sesión de pruebas y una imagen base que no pide registro."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

RAIZ = Path(__file__).resolve().parents[1]
GUIONES = RAIZ / "tests/docker"
BASE = "enjambre-base"
"""La imagen base, hecha con los paquetes de esta máquina."""

_LIMITE_S = 120.0


@dataclass(frozen=True, slots=True)
class Prestado:
    """Un demonio que solo usan las pruebas."""

    direccion: str
    ruedas: Path
    bajada: subprocess.Popen[str]

    @property
    def entorno(self) -> dict[str, str]:
        """El entorno con el que cualquier programa habla con él."""
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_HOST": self.direccion}

    def pedir(self, *argumentos: str, bien: bool = True) -> subprocess.CompletedProcess[str]:
        """Ejecuta `docker …`; con `bien`, ha de salir bien."""
        hecho = subprocess.run(
            ["docker", *argumentos],
            env=self.entorno,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMITE_S,
            check=False,
        )
        assert not bien or hecho.returncode == 0, hecho.stderr
        return hecho

    def hacer_base(self, imagen: str, *ruedas: Path) -> str:
        """Importa una imagen base; devuelve «listo» o la causa."""
        hecha = subprocess.run(
            [GUIONES / "base_local.sh", imagen, *ruedas],
            env=self.entorno,
            capture_output=True,
            text=True,
            timeout=_LIMITE_S,
            check=False,
        )
        return hecha.stdout.strip() or hecha.stderr.strip()

    def hacer_base_con_ruedas(self, imagen: str) -> None:
        """Importa una con los requisitos dentro. Salta la prueba si no se pueden bajar."""
        _, quejas = self.bajada.communicate(timeout=_LIMITE_S)
        if self.bajada.returncode != 0:
            pytest.skip(f"pip no baja los requisitos: {quejas.strip().splitlines()[-1]}")
        assert self.hacer_base(imagen, self.ruedas) == "listo"


def demonio_prestado(config: pytest.Config) -> Prestado:
    """El de la sesión, que arranca la primera vez que se pide. Salta la prueba si no puede ser."""
    prestado = _prestar(config)
    if isinstance(prestado, str):
        pytest.skip(f"sin Docker: {prestado}")
    return prestado


@functools.cache
def _prestar(config: pytest.Config) -> Prestado | str:
    carpeta = Path(tempfile.mkdtemp(prefix="enjambre-docker-", dir="/var/tmp"))
    demonio = subprocess.Popen(
        [GUIONES / "demonio.sh", carpeta],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    config.add_cleanup(lambda: _acabar(demonio))
    assert demonio.stdout is not None
    causa = demonio.stdout.readline().strip()
    if causa == "listo":
        bajada = _bajar_ruedas(carpeta / "ruedas")
        config.add_cleanup(bajada.kill)
        prestado = Prestado(f"unix://{carpeta}/sock", carpeta / "ruedas", bajada)
        causa = prestado.hacer_base(BASE)
        if causa == "listo":
            return prestado
    return causa.removeprefix("no: ")


def _acabar(demonio: subprocess.Popen[str]) -> None:
    """Su entrada se cierra y él limpia lo suyo, con la carpeta."""
    demonio.communicate()


def _bajar_ruedas(destino: Path) -> subprocess.Popen[str]:
    """Empieza a bajar los requisitos para el Python de la imagen base, que es el de Debian."""
    version = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"),
            *("--python-version", version.stdout.strip(), "--dest", destino),
            *("-r", "requirements.txt", "-c", "requirements-lock.txt"),
        ],
        cwd=RAIZ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
