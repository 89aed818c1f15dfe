"""El demonio de Docker de esta máquina, por su programa: encontrarlo, pedirle cosas y barrer.

El programa se lanza siempre con un entorno propio: ni nuestras claves llegan a él ni la carpeta
personal de un agente le dice qué complementos ejecutar.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.entorno import RUTA_PROGRAMAS

SIN_CARPETA = "/nonexistent"
"""Donde el programa no encuentra configuración de nadie."""

ETIQUETA = "enjambre.sesion"
"""La de nuestros contenedores: su valor dice qué proceso los hizo."""

_LIMITE_RESPUESTA_S = 5.0
_LIMITE_PEDIDO_S = 60.0
_SUYAS = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME")
_SALIDA = "o usa `--aislamiento auto`"


class ErrorDocker(ErrorConsola):
    """El demonio dijo que no o no dijo nada; el texto va detrás de «el demonio»."""


@dataclass(frozen=True, slots=True)
class Demonio:
    """Un demonio que respondió: el programa que le habla y su dirección (`unix://…`)."""

    programa: str
    direccion: str

    @classmethod
    async def buscar(cls) -> Demonio:
        """El que elijan `DOCKER_HOST` o el contexto en uso.

        Lanza `ErrorConsola` si no hay programa, el demonio no responde o no es de esta máquina.
        """
        programa = shutil.which("docker", path=RUTA_PROGRAMAS)
        if programa is None:
            raise ErrorConsola(
                f"consola: se pidió docker y no está instalado. No arranco; instálalo {_SALIDA}"
            )
        donde = ("context", "inspect", "-f", "{{.Endpoints.docker.Host}}")
        suyo = {nombre: os.environ[nombre] for nombre in _SUYAS if nombre in os.environ}
        try:
            direccion = (await _correr((programa, *donde), suyo, _LIMITE_RESPUESTA_S)).strip()
            demonio = cls(programa, direccion)
            if not direccion.startswith("unix://"):
                raise ErrorConsola(
                    f"consola: se pidió docker y su demonio está en {direccion}. No arranco; las"
                    f" carpetas se prestan a uno de esta máquina (unix://…): cámbialo {_SALIDA}"
                )
            await demonio.pedir("version", limite_s=_LIMITE_RESPUESTA_S)
        except ErrorDocker as error:
            raise ErrorConsola(
                f"consola: se pidió docker y el demonio {error}. No arranco; arráncalo (y mira si"
                f" tu usuario está en el grupo docker) {_SALIDA}"
            ) from error
        return demonio

    @property
    def orden(self) -> tuple[str, ...]:
        """Con lo que empieza cualquier orden a este demonio."""
        return (self.programa, "--config", SIN_CARPETA, "-H", self.direccion)

    async def pedir(self, *argumentos: str, limite_s: float = _LIMITE_PEDIDO_S) -> str:
        """Hace un pedido y devuelve su salida. Lanza `ErrorDocker`."""
        return await _correr((*self.orden, *argumentos), {}, limite_s)

    async def borrar(self, contenedores: Iterable[str]) -> None:
        """Mata y borra contenedores; los que ya no estén, da igual."""
        if nombres := list(contenedores):
            with suppress(ErrorDocker):
                await self.pedir("rm", "--force", "--volumes", *nombres)

    async def barrer(self) -> None:
        """Borra los contenedores de sesiones muertas en los que ya no corre ninguna orden."""
        formato = f'{{{{.Names}}}} {{{{.Label "{ETIQUETA}"}}}}'
        lineas = await self.pedir(
            "ps", "--all", "--filter", f"label={ETIQUETA}", "--format", formato
        )
        parejas = (linea.split(" ", 1) for linea in lineas.splitlines())
        muertos = [nombre for nombre, sesion in parejas if not _vive(sesion)]
        # Una orden sobrevive a su enjambre hasta su límite: la lleva su supervisor.
        en_uso = _argumentos_de_todos() if muertos else set()
        await self.borrar(nombre for nombre in muertos if nombre not in en_uso)


def sesion_propia() -> str:
    """El valor de la etiqueta para este proceso: arranque de la máquina, pid y su nacimiento."""
    return f"{_arranque()} {os.getpid()} {_nacimiento(os.getpid())}"


def _vive(sesion: str) -> bool:
    arranque, _, resto = sesion.partition(" ")
    pid, _, nacimiento = resto.partition(" ")
    return arranque == _arranque() and pid.isdigit() and _nacimiento(int(pid)) == nacimiento


def _arranque() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _nacimiento(pid: int) -> str:
    try:
        estado = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    return estado.rpartition(b")")[2].split()[19].decode("ascii")


def _argumentos_de_todos() -> set[str]:
    argumentos: set[str] = set()
    for ruta in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            argumentos.update(os.fsdecode(ruta.read_bytes()).split("\0"))
    return argumentos


async def _correr(argv: tuple[str, ...], ademas: dict[str, str], limite_s: float) -> str:
    proceso = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": RUTA_PROGRAMAS, "HOME": SIN_CARPETA, **ademas},
        cwd="/",
    )
    try:
        async with asyncio.timeout(limite_s):
            salida, error = await proceso.communicate()
    except TimeoutError:
        raise ErrorDocker(f"no responde en {limite_s:g} s") from None
    finally:
        if proceso.returncode is None:
            proceso.kill()
            await proceso.wait()
    if proceso.returncode != 0:
        lineas = error.decode(errors="replace").strip().splitlines()
        raise ErrorDocker(f"dice «{_la_que_dice(lineas) or f'código {proceso.returncode}'}»")
    return salida.decode(errors="replace")


def _la_que_dice(lineas: list[str]) -> str:
    """La línea que explica el fallo: detrás puede haber una que remite a la ayuda."""
    return next((linea for linea in lineas if linea.strip()), "")
