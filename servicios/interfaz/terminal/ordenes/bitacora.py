"""Las órdenes que miran la bitácora: otras sesiones, por qué pasó algo, y sacar esta a un archivo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agentes.errores import ErrorConfiguracion
from agentes.eventos import USUARIO
from agentes.eventos_sesion import SesionNombrada
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.texto import corto
from servicios.registros.auditoria.arbol import leer_arbol
from servicios.registros.auditoria.base import Base, abrir_base
from servicios.registros.auditoria.exportar import EXPORTADORES, Pedido, exportar_a
from servicios.registros.auditoria.filtros import Filtro, leer_fila
from servicios.registros.auditoria.preguntas import fila_de_agente, por_que, sesiones
from servicios.registros.reanudacion.cerrojo import esta_abierta

if TYPE_CHECKING:
    from servicios.sistema import Sistema

_T = TypeVar("_T")

ULTIMAS = 20
PASOS = 40
NOMBRE_MAXIMO = 80
FORMATO = "html"
"""El de `/exportar` si no se dice otro."""


async def ver_sesiones(escena: Escena, pedida: str) -> bool:
    """Las últimas sesiones; con una pedida, cómo fue y cómo se sigue."""
    if pedida:
        await _ver_sesion(escena.sistema, escena.papel, pedida)
    else:
        await _listar_sesiones(escena.sistema, escena.papel)
    return True


async def _listar_sesiones(sistema: Sistema, papel: Papel) -> None:
    hoja = await leer(sistema, lambda base: sesiones(base, Filtro(limite=ULTIMAS)))
    filas = [
        (
            str(sesion["session"]),
            corto(str(sesion.get("name") or ""), 30),
            _cuando(sesion["start_time"]),
            str(sesion["agentes"]),
            _como_esta(sesion, sistema),
        )
        for sesion in hoja.objetos()
    ]
    papel.tabla(("sesión", "nombre", "empezó (UTC)", "agentes", "estado"), filas, entera=True)
    if hoja.nota:
        papel.linea(Linea("Hay más: python main.py auditar sesiones", tono=Tono.TENUE, entera=True))


async def _ver_sesion(sistema: Sistema, papel: Papel, pedida: str) -> None:
    def mirar(base: Base) -> tuple[dict[str, Any], list[str]]:
        cual = base.elegir_sesion(pedida)
        (fila,) = base.leer("SELECT * FROM v_sesiones WHERE session = ?", cual)
        arbol = [
            f"{nudo.rama}{nudo.fila['agente']} ({nudo.fila['estado']}): {nudo.fila['tarea']}"
            for nudo in leer_arbol(base, cual)
        ]
        return dict(fila), arbol

    sesion, arbol = await leer(sistema, mirar)
    nombre = f" «{corto(str(sesion['name']), NOMBRE_MAXIMO)}»" if sesion.get("name") else ""
    papel.linea(Linea(f"Sesión {sesion['session']}{nombre}", tono=Tono.FUERTE))
    papel.linea(
        Linea(
            f"  empezó {_cuando(sesion['start_time'])} (UTC) · {_como_esta(sesion, sistema)}"
            f" · {sesion['modelo']} · {sesion['tokens_in']} tokens de entrada y"
            f" {sesion['tokens_out']} de salida",
            entera=True,
        )
    )
    for linea in arbol:
        papel.linea(Linea(f"  {linea[: len(linea) - len(linea.lstrip())]}{corto(linea, 300)}"))
    if sesion["session"] == sistema.sesion:
        papel.linea(Linea("Es esta misma conversación.", tono=Tono.TENUE))
        return
    papel.linea(
        Linea(
            "Dentro de una conversación no se cambia de sesión: sal y sigue esa con"
            f" python main.py --reanudar {sesion['session']}",
            tono=Tono.AVISO,
            entera=True,
        )
    )


async def nombrar(escena: Escena, nombre: str) -> bool:
    """Pone nombre a esta sesión; queda en la bitácora. Lanza `ErrorBitacora`."""
    limpio = corto(nombre, NOMBRE_MAXIMO)
    await escena.sistema.anotar(SesionNombrada(agente_id=USUARIO, nombre=limpio))
    escena.papel.linea(Linea(f"Esta sesión se llama «{limpio}».", entera=True))
    return True


async def ver_por_que(escena: Escena, que: str) -> bool:
    """La cadena de causas de una fila o del nacimiento de un agente de esta sesión."""

    def mirar(base: Base) -> list[dict[str, Any]]:
        fila = leer_fila(que)
        if fila is None:
            fila = fila_de_agente(base, escena.sistema.sesion, que)
        return por_que(base, fila, PASOS).objetos()

    pasos = await leer(escena.sistema, mirar)
    filas = [
        (str(p["fila"]), p["timestamp"][11:19], p["agente_id"], p["tipo"], corto(p["mensaje"]))
        for p in pasos
    ]
    escena.papel.tabla(("fila", "hora", "agente", "tipo", "qué pasó"), filas, entera=True)
    return True


async def sacar(escena: Escena, formato: str) -> bool:
    """Exporta lo que va de esta sesión a un archivo de la carpeta actual."""
    sistema, papel = escena.sistema, escena.papel
    elegido = formato.lower() or FORMATO
    if elegido not in EXPORTADORES:
        raise ErrorConfiguracion(
            f"No sé exportar a «{corto(formato, 40)}»: usa {', '.join(EXPORTADORES)}"
        )
    ruta = sistema.ajustes.datos / "swarm.db"
    pedido = Pedido(ruta, sistema.sesion, elegido, sistema.redactar)
    hora = f"{datetime.now(UTC):%H%M%S}"
    destino = await asyncio.to_thread(Path.cwd)
    destino /= f"enjambre-{sistema.sesion}-{hora}.{elegido}"
    _, nota = await asyncio.to_thread(exportar_a, pedido, destino)
    papel.linea(Linea(f"Sesión exportada a {destino}", entera=True))
    if nota:
        papel.linea(Linea(nota, tono=Tono.AVISO, entera=True))
    return True


async def leer(sistema: Sistema, mirar: Callable[[Base], _T]) -> _T:
    """Lo que `mirar` saca de la bitácora, en un hilo: no estorba a la conversación."""

    def en_el_hilo() -> _T:
        with abrir_base(sistema.ajustes.datos / "swarm.db") as base:
            return mirar(base)

    return await asyncio.to_thread(en_el_hilo)


def _como_esta(sesion: dict[str, Any], sistema: Sistema) -> str:
    if sesion["session"] == sistema.sesion:
        return "esta"
    if esta_abierta(sistema.ajustes.datos, sesion["session"]):
        return "abierta en otro proceso"
    return "a medias" if sesion["end_time"] is None else f"cerrada ({sesion['motivo']})"


def _cuando(timestamp: str) -> str:
    return timestamp[:16].replace("T", " ")
