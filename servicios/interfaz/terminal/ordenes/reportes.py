"""`/textual` y `/recap`: lo que dijo un agente, letra por letra, y la sesión en pocas líneas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from agentes.eventos import Espera, EstadoAgente
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.tablero import PALABRAS, cabecera, duracion, frase
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.seguir import decir_que_no_existe
from servicios.interfaz.terminal.ordenes.tablero import foto
from servicios.interfaz.texto import corto
from servicios.registros.lectura.recuento import Recuento, contar
from servicios.registros.tablero.visto import Tablero, Visto

LINEAS = 6
"""Líneas de la persona que se enseñan; de más, la primera y las últimas."""

AGENTES = 30


async def ver_textual(escena: Escena, agente_id: str) -> bool:
    """Los reportes de un agente, enteros: solo se quita lo que mueve el cursor o no se ve."""
    sistema, papel = escena.sistema, escena.papel
    tablero = await foto(sistema)
    if all(agente.id != agente_id for agente in tablero.agentes):
        decir_que_no_existe(agente_id, tablero, papel)
        return True
    reportes = await sistema.consultas.reportes(sistema.sesion, agente_id)
    if not reportes:
        papel.linea(Linea("aún no ha reportado nada.", agente_id))
    for reporte in reportes:
        clase = reporte.clase
        que = clase if clase == "problema" else PALABRAS[EstadoAgente(clase)][0]
        papel.linea(Linea(f"{que} · {reporte.timestamp[11:19]} (UTC)", agente_id, Tono.FUERTE))
        papel.linea(Linea(reporte.texto, entera=True))
    return True


async def recapitular(escena: Escena, _: str) -> bool:
    """Qué se pidió, quién lo hizo y cómo acabó, qué espera a la persona y cuánto costó."""
    sistema = escena.sistema
    tablero = await foto(sistema)
    recuento = await asyncio.to_thread(contar, sistema.ajustes.datos / "swarm.db", sistema.sesion)
    for linea in _resumen(tablero, recuento):
        escena.papel.linea(linea)
    return True


def _resumen(tablero: Tablero, recuento: Recuento) -> Iterator[Linea]:
    yield cabecera(tablero)
    gasto = f"{recuento.tokens_in} tokens de entrada y {recuento.tokens_out} de salida"
    costes = [agente.coste for agente in tablero.agentes if agente.coste is not None]
    dinero = f" · {sum(costes):.4f} $" if costes else ""
    yield Linea(
        f"  {tablero.master.modelo} · {duracion(tablero.master.tiempo_s)} · {gasto}{dinero}"
    )
    yield Linea("Pediste", tono=Tono.FUERTE)
    yield from _pedido(recuento.lineas)
    yield Linea("Agentes", tono=Tono.FUERTE)
    for agente in tablero.agentes[:AGENTES]:
        resto = f" → {corto(agente.motivo, 300)}" if agente.motivo else ""
        texto = f"{frase(agente)} ({duracion(agente.tiempo_s)}) · {corto(agente.tarea, 300)}{resto}"
        yield Linea(f"  {agente.rama}{agente.id} {texto}")
    if (sobran := len(tablero.agentes) - AGENTES) > 0:
        yield Linea(f"  … {sobran} más: /agentes los enseña", tono=Tono.TENUE)
    yield Linea("Te espera", tono=Tono.FUERTE)
    esperan = [linea for agente in tablero.todos if (linea := _te_espera(agente))]
    yield from esperan or [Linea("  nada")]
    if recuento.respuesta:
        yield Linea("Lo último que dijo el Master", tono=Tono.FUERTE)
        yield Linea(f"  {corto(recuento.respuesta, 600)}", entera=True)


def _pedido(lineas: Sequence[tuple[str, str]]) -> Iterator[Linea]:
    if not lineas:
        yield Linea("  nada todavía")
    sobran = len(lineas) - LINEAS
    for numero, (hora, texto) in enumerate(lineas):
        if sobran > 0 and numero == 1:
            yield Linea(f"  … {sobran} líneas más …", tono=Tono.TENUE)
        if sobran <= 0 or numero == 0 or numero > sobran:
            yield Linea(f"  {hora[11:16]} {corto(texto, 300)}")


def _te_espera(agente: Visto) -> Linea | None:
    """Lo que un agente necesita de la persona, y cómo se le da."""
    if agente.espera == Espera.APROBACION:
        texto = f"pide permiso: {corto(agente.motivo, 300)} (/permisos)"
    elif agente.espera == Espera.SUPERIOR:
        texto = f"en pausa por un problema: {corto(agente.motivo, 300)}"
    elif agente.profundidad and agente.espera_a_la_persona:
        texto = frase(agente)
    else:
        return None
    return Linea(f"  {texto}", agente.id, Tono.AVISO)
