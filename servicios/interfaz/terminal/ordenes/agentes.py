"""Las órdenes que mandan sobre los agentes: uno, una rama o todos."""

from __future__ import annotations

from collections.abc import Sequence

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import RAMA, TODOS, Escena
from servicios.interfaz.texto import corto


async def pausar(escena: Escena, args: str) -> bool:
    """Pausa a un agente, a una rama o, si no se dice a quién, a todos."""
    mandos = escena.sistema.gestor.mandos
    return await _mandar(escena, Mando.PAUSAR, args or TODOS, mandos.sueltos())


async def dar_paso(escena: Escena, quien: str) -> bool:
    """Deja dar un paso a uno que está en pausa."""
    return await _mandar(escena, Mando.PASO, quien, ())


async def reanudar(escena: Escena, args: str) -> bool:
    """Hace seguir a los que se mandó pausar."""
    mandos = escena.sistema.gestor.mandos
    return await _mandar(escena, Mando.REANUDAR, args, mandos.pausados())


async def cancelar(escena: Escena, args: str) -> bool:
    """Para a un agente y a los que cuelgan de él, o a todos."""
    mandos = escena.sistema.gestor.mandos
    ids = _a_quienes(escena, args, mandos.vivos())
    if ids is None:
        return False
    if args == TODOS:
        await mandos.cancelar_a(ids, USUARIO)
        texto = f"Cancelados: {', '.join(ids)}." if ids else "No hay agentes que cancelar."
        escena.papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
    else:
        # Con la cabeza de una rama van los demás.
        _decir(escena, await mandos.cancelar_a(ids[:1], USUARIO))
    return True


async def _mandar(escena: Escena, mando: Mando, args: str, todos: Sequence[str]) -> bool:
    ids = _a_quienes(escena, args, todos)
    if ids is None:
        return False
    if not ids:
        de_que = "pausar" if mando is Mando.PAUSAR else "reanudar"
        _decir(escena, [f"No hay agentes que {de_que}."])
        return True
    _decir(escena, await escena.sistema.gestor.mandos.dar_a(mando, ids, USUARIO))
    return True


def _a_quienes(escena: Escena, args: str, todos: Sequence[str]) -> Sequence[str] | None:
    """Los ids que se piden; `None` si no se entiende.

    De una rama, los que están entre `todos`; si no hay ninguno, su cabeza, que dirá por qué no.
    """
    primera, _, resto = args.partition(" ")
    if primera == RAMA:
        quien = resto.strip()
        rama = escena.sistema.gestor.mandos.rama(quien)
        return ([i for i in rama if i in todos] or [quien]) if quien else None
    if resto:
        return None
    return todos if primera == TODOS else [primera]


def _decir(escena: Escena, lineas: Sequence[str]) -> None:
    for linea in lineas:
        escena.papel.linea(Linea(corto(linea, 2_000), tono=Tono.AVISO, entera=True))
