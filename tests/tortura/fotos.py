"""El disco tal como lo dejaría un `kill -9`, sin matar a nadie.

Después de cada compromiso de la bitácora se copia la carpeta de datos: la base, su WAL, las
operaciones y los espacios. Abrir una copia es reanudar una sesión que murió en ese instante.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentes.eventos import HechoAnotado
from servicios.ajustes import Ajustes
from servicios.buzon import Difusion, Suscripcion
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import preparar_raiz, variables_de
from tests.dobles.base import Doble
from tests.tortura.guion import LINEA, OBRERO

LANDLOCK = {"ENJAMBRE_AISLAMIENTO": "landlock"}
_DE_NADIE = {"sesiones", "swarm.db-shm", "swarm.db-wal"}
"""Los cerrojos mueren con su proceso; la memoria compartida de SQLite no es del disco."""

_FILAS = "SELECT id, agente_id, tipo, causa, op, details ->> '$.tool' FROM logs ORDER BY id"


@dataclass(frozen=True)
class Fila:
    """Una fila de una foto; `tool` solo la tienen las de herramientas."""

    id: int
    agente_id: str
    tipo: str
    causa: int | None
    op: str | None
    tool: str | None


@dataclass(frozen=True)
class Foto:
    """Una carpeta de datos copiada y las filas que había."""

    datos: Path
    filas: Sequence[Fila]

    @property
    def ultima(self) -> Fila:
        """La última fila comprometida."""
        return self.filas[-1]

    def de(self, agente_id: str) -> list[Fila]:
        """Las de un agente."""
        return [f for f in self.filas if f.agente_id == agente_id]


class Fotografo(Suscripcion):
    """Se suscribe al bus: hace una foto en cuanto se anuncia algo nuevo."""

    def __init__(self, datos: Path, carpeta: Path) -> None:
        super().__init__()
        self.fotos: list[Foto] = []
        self._datos = datos
        self._carpeta = carpeta

    def recibir(self, cosa: Difusion) -> None:
        """La llama el bus, con la fila ya comprometida."""
        vista = self.fotos[-1].ultima.id if self.fotos else 0
        if isinstance(cosa, HechoAnotado) and cosa.id > vista:
            self.fotos.append(self._hacer(cosa.id))

    def _hacer(self, fila: int) -> Foto:
        destino = self._carpeta / f"foto-{fila}"
        copiar_datos(self._datos, destino)
        return Foto(destino, filas_de(destino))


def copiar_datos(de: Path, a: Path) -> None:
    """Lo que quedaría en el disco si todo muriera ahora."""
    copiar_disco(de, a)
    # El WAL, después: lo que falte en la base estará en él.
    _copiar(de / "swarm.db-wal", a / "swarm.db-wal")


def copiar_disco(de: Path, a: Path) -> None:
    """Copia una carpeta mientras otros la cambian: lo que se va por el camino no está."""
    a.mkdir()
    _vestir(de, a)
    for nombre in os.listdir(de) if de.is_dir() else ():  # noqa: PTH208
        if nombre in _DE_NADIE:
            continue
        if (de / nombre).is_dir():
            with suppress(FileNotFoundError):
                copiar_disco(de / nombre, a / nombre)
        else:
            _copiar(de / nombre, a / nombre)


def _copiar(origen: Path, destino: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.copyfile(origen, destino)
        _vestir(origen, destino)


def _vestir(origen: Path, destino: Path) -> None:
    estado = origen.stat()
    os.chown(destino, estado.st_uid, estado.st_gid)
    destino.chmod(stat.S_IMODE(estado.st_mode))


def filas_de(datos: Path) -> list[Fila]:
    """Las de la base de esa carpeta."""
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        return [Fila(*fila) for fila in db.execute(_FILAS)]


def sesion_de(datos: Path) -> str:
    """El id de su única sesión."""
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        [(sesion,)] = db.execute("SELECT id FROM sessions").fetchall()
    return str(sesion)


def programa(carpeta: Path, doble: Doble, *tipos: dict[str, Any], **variables: str) -> Path:
    """Una carpeta de programa que habla con ese doble y encierra con lo que menos cuesta."""
    propias = {**variables_de("openai", doble), **LANDLOCK, **variables}
    return preparar_raiz(carpeta, propias, *(tipos or (OBRERO,)))


@asynccontextmanager
async def abierto(raiz: Path, datos: Path, reanudar: str | None = None) -> AsyncIterator[Sistema]:
    """El sistema sobre esa carpeta de datos; con `reanudar`, esa sesión."""
    ajustes = Ajustes.leer(raiz).con(datos=datos)
    referencia = resolver_modelo(ajustes.model, ajustes)
    assert referencia is not None
    async with abrir_sistema(ajustes, referencia, "headless", reanudar=reanudar) as sistema:
        yield sistema


async def fotografiar(raiz: Path, carpeta: Path, linea: str = LINEA) -> list[Foto]:
    """Corre una sesión entera; una foto por compromiso, en orden."""
    datos = carpeta / "original"
    async with abierto(raiz, datos) as sistema:
        fotografo = Fotografo(datos, carpeta)
        sistema.bus._suscritos.append(fotografo)
        await sistema.conversacion.decir(linea)
        await sistema.conversacion.esperar_calma()
        sistema.bus._suscritos.remove(fotografo)
    return fotografo.fotos


def la_primera(fotos: Sequence[Foto], cumple: Callable[[Foto], bool]) -> Foto:
    """La primera foto que cumple eso. `AssertionError` si no hay ninguna."""
    hallada = next((f for f in fotos if cumple(f)), None)
    assert hallada is not None, "la sesión no pasó por ese punto"
    return hallada
