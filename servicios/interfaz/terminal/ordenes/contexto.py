"""`/contexto` y `/compactar`: lo que un agente ve de verdad, y acortarlo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentes.eventos import MASTER
from prompts.tool_definitions import ESQUEMAS, HERRAMIENTAS_MASTER, Esquema
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.texto import corto
from servicios.llm.medidas_contexto import medir_esquemas
from servicios.registros.lectura.radiografia import MensajeVisto, Radiografia, radiografiar

if TYPE_CHECKING:
    from servicios.sistema import Sistema

MENSAJES = 60
"""Mensajes que se enseñan de cada lista; los demás se cuentan."""


async def ver_contexto(escena: Escena, args: str) -> bool:
    """Lo que vio un agente en un paso (el último, sin él); falso si no se entiende lo pedido."""
    sistema, papel = escena.sistema, escena.papel
    agente_id, _, paso = args.partition(" ")
    if paso and not paso.strip().isdecimal():
        return False
    filas = await sistema.consultas.filas_de_historia(sistema.sesion, agente_id)
    vista = radiografiar(filas, int(paso) if paso else None)
    if vista is None:
        ultima = radiografiar(filas)
        hay = f"tiene del {ultima.pasos[0]} al {ultima.pasos[-1]}" if ultima else "no tiene ninguno"
        cual = f"el paso {paso.strip()}" if paso else "ningún paso"
        texto = f"No hay {cual} de «{agente_id}» en esta sesión: {hay}."
        papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
        return True
    esquemas = await _esquemas(agente_id, sistema)
    _ensenar(vista, agente_id, medir_esquemas(esquemas), papel)
    return True


async def _esquemas(agente_id: str, sistema: Sistema) -> Sequence[Esquema]:
    """Las herramientas que tiene hoy su tipo: la bitácora no las guarda."""
    if agente_id == MASTER:
        return HERRAMIENTAS_MASTER
    filas = await sistema.consultas.agentes(sistema.sesion)
    tipo = next((f.agent_type for f in filas if f.agente_id == agente_id), "")
    nombres = sistema.tipos[tipo].available_tools if tipo in sistema.tipos else ()
    return [ESQUEMAS.get(n) or sistema.registro.esquemas([n])[0] for n in nombres]


def _ensenar(vista: Radiografia, agente_id: str, esquemas: int, papel: Papel) -> None:
    cabecera = f"paso {vista.paso} de {vista.pasos[-1]} · {vista.modelo} · fila {vista.entrada}"
    papel.linea(Linea(cabecera, agente_id))
    filas = [
        (str(parte), str(mensajes), str(tokens))
        for parte, (mensajes, tokens) in vista.por_parte().items()
    ]
    filas.append(("esquemas de herramientas", "", str(esquemas)))
    filas.append(("total estimado", str(len(vista.mensajes)), str(vista.tokens + esquemas)))
    if vista.reales:
        filas.append(("contado por el proveedor", "", str(vista.reales)))
    papel.tabla(("parte", "mensajes", "tokens"), filas)
    papel.linea(Linea("lo que vio", tono=Tono.FUERTE))
    _listar(vista.mensajes, " ", papel)
    papel.linea(Linea("respecto al paso anterior", tono=Tono.FUERTE))
    if not (vista.nuevos or vista.quitados):
        papel.linea(Linea("  nada cambió"))
    _listar(vista.quitados, "-", papel)
    _listar(vista.nuevos, "+", papel)


def _listar(mensajes: Sequence[MensajeVisto], signo: str, papel: Papel) -> None:
    """Los primeros y los últimos; cada uno en una línea."""
    sobran = len(mensajes) - MENSAJES
    for numero, visto in enumerate(mensajes):
        if sobran > 0 and numero == MENSAJES // 2:
            papel.linea(Linea(f"{signo} … {sobran} mensajes más …"))
        if sobran <= 0 or not MENSAJES // 2 <= numero < MENSAJES // 2 + sobran:
            papel.linea(Linea(f"{signo} {visto.parte} ({visto.tokens}) · {corto(visto.texto)}"))


async def compactar(escena: Escena, args: str) -> bool:
    """Resume los mensajes viejos del Master, o del agente que va detrás de una arroba.

    Lanza `ErrorModelo` si el modelo no lo hace: la historia queda como estaba.
    """
    sistema, papel = escena.sistema, escena.papel
    agente_id, foco = MASTER, args
    if args.startswith("@"):
        agente_id, _, foco = args[1:].partition(" ")
    interlocutor = sistema.interlocutores.get(agente_id)
    if interlocutor is None:
        hay = ", ".join(sorted(sistema.interlocutores))
        texto = f"No hay ningún agente vivo «{agente_id}». Los que hay: {hay}."
        papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
    elif await interlocutor.compactar(foco.strip()) is None:
        papel.linea(Linea("No hay nada que resumir: su historia ya es corta.", agente_id))
    return True
