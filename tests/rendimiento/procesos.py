"""Lanzar lo que se mide: hijos con un entorno limpio y el servidor en su proceso."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAIZ = Path(__file__).resolve().parents[2]
LIMITE_S = 300.0
_DEL_ENTORNO = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


class ErrorMedida(Exception):
    """Una medida no se pudo hacer; el texto dice por qué."""


def entorno(**variables: str) -> dict[str, str]:
    """El entorno de un hijo: sin claves, sin proxys y sin depuración de asyncio."""
    base = {clave: os.environ[clave] for clave in _DEL_ENTORNO if clave in os.environ}
    return {**base, "PYTHONPATH": str(RAIZ), "PYTHONUNBUFFERED": "1", **variables}


def medir(que: str, **parametros: Any) -> Any:
    """Corre `modulo:funcion` en un hijo y devuelve su resultado. Lanza `ErrorMedida`."""
    orden = [sys.executable, "-m", "tests.rendimiento.hijo", que, json.dumps(parametros)]
    try:
        hecho = subprocess.run(
            orden,
            env=entorno(),
            cwd=RAIZ,
            capture_output=True,
            text=True,
            timeout=LIMITE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ErrorMedida(f"{que}: no acabó en {LIMITE_S:g} s") from error
    if hecho.returncode:
        ultima = (hecho.stderr.strip().splitlines() or ["sin explicación"])[-1]
        raise ErrorMedida(f"{que}: {ultima[:300]}")
    return json.loads(hecho.stdout.splitlines()[-1])


@dataclass(frozen=True, slots=True)
class Servidor:
    """El modelo de las medidas, en marcha."""

    puerto: int

    @property
    def openai(self) -> str:
        """La dirección base para un cliente de OpenAI."""
        return f"http://127.0.0.1:{self.puerto}/v1"

    @property
    def gemini(self) -> str:
        """La dirección base para un cliente de Gemini."""
        return f"http://127.0.0.1:{self.puerto}"

    def visto(self) -> list[tuple[float, str]]:
        """Lo pedido desde la última vez: (hora de llegada, modelo)."""
        with urllib.request.urlopen(f"{self.gemini}/visto") as respuesta:
            return [(hora, modelo) for hora, modelo in json.loads(respuesta.read())]


@contextmanager
def servidor() -> Iterator[Servidor]:
    """Arranca el servidor y lo para al salir."""
    orden = [sys.executable, "-m", "tests.rendimiento.servidor"]
    with subprocess.Popen(orden, env=entorno(), cwd=RAIZ, stdout=subprocess.PIPE) as proceso:
        try:
            linea = proceso.stdout.readline() if proceso.stdout else b""
            if not linea:
                raise ErrorMedida("el servidor de las medidas no arrancó")
            yield Servidor(int(linea))
        finally:
            proceso.kill()


@contextmanager
def carpeta() -> Iterator[Path]:
    """Una carpeta temporal que también puede cruzar el usuario de las órdenes."""
    ruta = Path(tempfile.mkdtemp(prefix="enjambre-medida-"))
    ruta.chmod(0o755)
    try:
        yield ruta
    finally:
        shutil.rmtree(ruta, ignore_errors=True)


def mediana(valores: Sequence[float]) -> float:
    """El valor de en medio (el de abajo, si son pares)."""
    return sorted(valores)[(len(valores) - 1) // 2]
