"""Del arranque al prompt y a la primera petición. Se mira desde fuera: un proceso cada vez."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.rendimiento.procesos import (
    LIMITE_S,
    RAIZ,
    ErrorMedida,
    Servidor,
    carpeta,
    entorno,
)

_LIMITE_PROMPT_S = 30.0
_ECO = b"zqz"
_CURSOR = b"\x1b[6n"


def imports_minimos() -> float:
    """Segundos de `python -c "import prompt_toolkit, rich"`."""
    return _cronometrar([sys.executable, "-c", "import prompt_toolkit, rich"])


def prompt() -> float:
    """Segundos hasta que la conversación enseña lo que se teclea, sin clave (la demostración).

    Se teclea antes de que el programa arranque y el terminal no repite nada por sí mismo: si
    aparece, es que el prompt está vivo.
    """
    maestro, esclavo = pty.openpty()
    atributos = termios.tcgetattr(esclavo)
    atributos[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(esclavo, termios.TCSANOW, atributos)
    termios.tcsetwinsize(esclavo, (40, 120))
    os.write(maestro, _ECO)
    with carpeta() as donde:
        inicio = time.monotonic()
        proceso = subprocess.Popen(
            [sys.executable, "main.py"],
            env=entorno(ENJAMBRE_DATOS=str(donde), TERM="xterm-256color"),
            cwd=RAIZ,
            stdin=esclavo,
            stdout=esclavo,
            stderr=esclavo,
            start_new_session=True,
        )
        os.close(esclavo)
        try:
            _esperar_eco(maestro, inicio)
            return time.monotonic() - inicio
        finally:
            proceso.kill()
            proceso.wait()
            os.close(maestro)


def _esperar_eco(maestro: int, inicio: float) -> None:
    leido = b""
    while time.monotonic() - inicio < _LIMITE_PROMPT_S:
        if not select.select([maestro], [], [], 0.5)[0]:
            continue
        try:
            trozo = os.read(maestro, 65536)
        except OSError as error:
            raise ErrorMedida(f"main.py acabó sin prompt: {_cola(leido)}") from error
        if _CURSOR in trozo:
            os.write(maestro, b"\x1b[1;1R")
        leido += trozo
        if _ECO in leido:
            return
    raise ErrorMedida(f"main.py no enseñó lo tecleado en {_LIMITE_PROMPT_S:g} s: {_cola(leido)}")


def _cola(leido: bytes) -> str:
    return ascii(leido.decode(errors="replace").strip()[-200:])


def primera_peticion(servidor: Servidor) -> float:
    """Segundos desde que arranca `main.py -p` hasta que su petición llega al servidor."""
    with carpeta() as donde:
        variables = {
            "MODEL": "openai:maestro.0",
            "OPENAI_API_KEY": "clave-de-medida",
            "OPENAI_BASE_URL": servidor.openai,
            "ENJAMBRE_DATOS": str(donde),
        }
        return _hasta_la_peticion(servidor, [sys.executable, "main.py", "-p", "hola"], variables)


def primera_peticion_suelo(servidor: Servidor, medida: str) -> float:
    """Lo mismo de un programa a mano: `medida` es su `modulo:funcion`."""
    argumentos = f'{{"servidor": "{servidor.openai}"}}'
    orden = [sys.executable, "-m", "tests.rendimiento.hijo", medida, argumentos]
    return _hasta_la_peticion(servidor, orden, {})


def _hasta_la_peticion(servidor: Servidor, orden: list[str], variables: dict[str, str]) -> float:
    servidor.visto()
    inicio = time.time()
    _cronometrar(orden, **variables)
    vistas = servidor.visto()
    if not vistas:
        raise ErrorMedida(f"{' '.join(orden[1:3])}: no llegó ninguna petición")
    return vistas[0][0] - inicio


def _cronometrar(orden: list[str], **variables: str) -> float:
    inicio = time.monotonic()
    hecho = subprocess.run(
        orden,
        env=entorno(**variables),
        cwd=RAIZ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMITE_S,
        check=False,
    )
    if hecho.returncode:
        ultima = (hecho.stderr.strip().splitlines() or ["sin explicación"])[-1]
        raise ErrorMedida(f"{Path(orden[1]).name}: {ultima[:300]}")
    return time.monotonic() - inicio
