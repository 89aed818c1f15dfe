"""La demostración en el papel del Master: de lo que ha llegado, a texto y llamadas."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from prompts.avisos import RESUMEN
from servicios.llm.demo.gramatica import (
    Clase,
    Orden,
    es_ingles,
    faltan_dos_puntos,
    leer_ordenes,
)
from servicios.llm.demo.historia import (
    AvisoLeido,
    Decision,
    Esquemas,
    Llamada,
    Respuesta,
    cola,
    cuerpo,
    es_notificacion,
    leer_avisos,
    llamada_directa,
    respuesta_a,
)
from servicios.llm.demo.textos import ayuda, cercar, decir, en_codigo, explicar_estado

if TYPE_CHECKING:
    from collections.abc import Sequence

TIPO_EJECUTOR = "ejecutor"
"""El tipo de agente en el que delega."""

TOPE_RECUERDO = 400
"""Caracteres con que se recuerda el reporte de un agente que terminó antes."""

_LANZADO = re.compile(r"Lanzado (?P<agente>[\w-]+)")
_AYUDA = re.compile(
    r"\W*(?:ayuda|help|hola|buenas|buenos d[ií]as|buenas tardes|hello|hi|hey|\?)\W*", re.IGNORECASE
)
_SIGUE = re.compile(r"\n?\[… \d+ caracteres más: leer_reporte[^\n]*\]")


@dataclass(slots=True)
class _Turno:
    """Lo que se va a decir y a pedir en este turno."""

    ingles: bool
    esquemas: Esquemas
    partes: list[str] = field(default_factory=list)
    llamadas: list[Llamada] = field(default_factory=list)
    lanzados: dict[str, str] = field(default_factory=dict)
    avisos: list[AvisoLeido] = field(default_factory=list)

    def decir(self, clave: str, **datos: object) -> None:
        self.partes.append(decir(clave, self.ingles, **datos))


def idioma_de(mensajes: Sequence[BaseMessage]) -> bool:
    """Si la persona habla en inglés, por su última línea."""
    lineas = (m for m in reversed(mensajes) if isinstance(m, HumanMessage))
    ultima = next((m for m in lineas if not es_notificacion(m)), None)
    return ultima is not None and es_ingles(ultima.text)


def lanzados_en(mensajes: Sequence[BaseMessage]) -> dict[str, str]:
    """Los agentes lanzados en esos mensajes, con su tarea."""
    respuestas = (respuesta_a(m, mensajes) for m in mensajes if isinstance(m, ToolMessage))
    return {
        hallado["agente"]: str(r.llamada.args.get("task_description", ""))
        for r in respuestas
        if r.llamada.nombre == "delegate_task" and (hallado := _LANZADO.match(r.texto))
    }


def decidir_master(mensajes: Sequence[BaseMessage], esquemas: Esquemas) -> Decision:
    """Cuenta lo que contestaron y avisaron, y hace lo que pide la persona."""
    turno = _Turno(idioma_de(mensajes), esquemas)
    for mensaje in cola(mensajes):
        if isinstance(mensaje, ToolMessage):
            _contar_respuesta(respuesta_a(mensaje, mensajes), turno)
        elif es_notificacion(mensaje):
            _leer_notificacion(mensaje, turno)
        elif isinstance(mensaje, HumanMessage):
            _atender_linea(mensaje.text, turno)
    _contar_lanzados(turno)
    for aviso in turno.avisos:
        _contar_aviso(aviso, turno)
    _recordar_anteriores(mensajes, turno)
    if not turno.partes and not turno.llamadas:
        turno.partes.append(ayuda(turno.ingles))
    return Decision("\n\n".join(turno.partes), tuple(turno.llamadas))


# --- lo que pide la persona -------------------------------------------------------------


def _atender_linea(texto: str, turno: _Turno) -> None:
    ordenes = leer_ordenes(texto)
    for orden in ordenes:
        if orden.fallo:
            turno.decir(orden.fallo, frase=en_codigo(orden.texto).strip("` "))
        else:
            turno.llamadas.append(_llamada(orden, turno.esquemas))
    if ordenes:
        return
    if faltan_dos_puntos(texto):
        turno.decir("dos_puntos")
    elif texto.strip() and not _AYUDA.fullmatch(texto):
        turno.decir("no_entiendo", linea=" ".join(texto.split())[:120])
    turno.partes.append(ayuda(turno.ingles))


def _llamada(orden: Orden, esquemas: Esquemas) -> Llamada:
    propia = orden.clase is Clase.USAR and orden.herramienta in esquemas
    if orden.clase in {Clase.EJECUTAR, Clase.PROBLEMA, Clase.USAR} and not propia:
        args = {"agent_type": TIPO_EJECUTOR, "task_description": orden.texto}
        return Llamada("delegate_task", args)
    return llamada_directa(orden, esquemas)


# --- lo que contestan sus herramientas --------------------------------------------------


def _contar_respuesta(respuesta: Respuesta, turno: _Turno) -> None:
    texto, args = respuesta.texto, respuesta.llamada.args
    agente = str(args.get("agent_id", ""))
    lanzado = _LANZADO.match(texto)
    match respuesta.llamada.nombre:
        case _ if texto.startswith("Error"):
            turno.partes.append(texto)
        case "delegate_task" if lanzado:
            turno.lanzados[lanzado["agente"]] = str(args.get("task_description", ""))
        case "estado_enjambre":
            turno.partes.append(explicar_estado(texto, turno.ingles))
        case "leer_reporte":
            turno.partes.append(f"{decir('reporte', turno.ingles, agente=agente)}\n{cercar(texto)}")
        case "send_message_to_agent" if texto.startswith("Entregado"):
            turno.decir("entregado", agente=agente, texto=texto)
        case "cancelar_agente" if texto.endswith("cancelado."):
            turno.decir("cancelado", agente=agente, texto=texto)
        case nombre:
            turno.partes.append(f"{decir('resultado', turno.ingles, herramienta=nombre)} {texto}")


def _contar_lanzados(turno: _Turno) -> None:
    """Los que acaban de arrancar, salvo los que ya avisaron."""
    avisaron = {aviso.agente for aviso in turno.avisos}
    nuevos = [(a, en_codigo(t)) for a, t in turno.lanzados.items() if a not in avisaron]
    if len(nuevos) == 1:
        turno.decir("lanzado", agente=f"**{nuevos[0][0]}**", tarea=nuevos[0][1])
    elif nuevos:
        lista = "\n".join(f"- **{agente}**: {tarea}" for agente, tarea in nuevos)
        turno.decir("lanzados", numero=len(nuevos), lista=f"{lista}\n")


# --- lo que avisan los agentes ----------------------------------------------------------


def _leer_notificacion(mensaje: BaseMessage, turno: _Turno) -> None:
    avisos = leer_avisos(mensaje)
    turno.avisos.extend(avisos)
    if not avisos:
        turno.partes.append(cuerpo(mensaje))


def _contar_aviso(aviso: AvisoLeido, turno: _Turno) -> None:
    texto = _SIGUE.sub("", aviso.texto) or decir("sin_texto", turno.ingles)
    lineas = [decir(aviso.que, turno.ingles, agente=f"**{aviso.agente}**"), cercar(texto)]
    if "leer_reporte" in aviso.texto:
        lineas.append(decir("sigue", turno.ingles, agente=aviso.agente))
    if not (aviso.es_final or aviso.es_nota):
        lineas.append(decir("contestar", turno.ingles, agente=aviso.agente))
    turno.partes.append("\n".join(lineas))


def _recordar_anteriores(mensajes: Sequence[BaseMessage], turno: _Turno) -> None:
    """Al terminar el último de varios, repite en corto lo que dijeron los que terminaron antes."""
    desde = _ultima_linea(mensajes)
    if any(m.text.startswith(RESUMEN) for m in mensajes[desde:]):
        return  # de los que se resumieron no se sabe lo que dijeron
    lanzados = lanzados_en(mensajes[desde:])
    ahora = {a.agente for a in turno.avisos if a.es_final}
    terminados = {
        a.agente: a
        for m in mensajes[desde:]
        if es_notificacion(m)
        for a in leer_avisos(m)
        if a.es_final
    }
    antes = [
        terminados[agente] for agente in lanzados if agente in terminados and agente not in ahora
    ]
    if not ahora or not antes or any(agente not in terminados for agente in lanzados):
        return
    lista = "\n".join(f"**{a.agente}**:\n{cercar(a.texto[:TOPE_RECUERDO])}" for a in antes)
    turno.decir("todos", numero=len(lanzados), lista=lista)


def _ultima_linea(mensajes: Sequence[BaseMessage]) -> int:
    """Dónde está la última línea de la persona."""
    lineas = (
        i for i, m in enumerate(mensajes) if isinstance(m, HumanMessage) and not es_notificacion(m)
    )
    return max(lineas, default=0)
