"""La demostración en el papel de un agente: hace sus órdenes de una en una y reporta.

Todo lo que sabe es su historia: las órdenes que llegaron menos las que ya pidió.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from prompts.avisos import RESUMEN
from servicios.llm.demo.gramatica import Clase, Orden, es_ingles, leer_ordenes
from servicios.llm.demo.historia import (
    Decision,
    Esquemas,
    Llamada,
    Respuesta,
    es_notificacion,
    leer_avisos,
    leer_directiva,
    llamada_directa,
    respuesta_a,
)
from servicios.llm.demo.master import lanzados_en
from servicios.llm.demo.resumen import leer_resumido
from servicios.llm.demo.textos import decir, en_codigo

if TYPE_CHECKING:
    from collections.abc import Sequence


_MARCAS = ("inicio_datos", "fin_datos")


@dataclass(slots=True)
class Trabajo:
    """La historia, resumida: qué falta por hacer y qué hay que contar."""

    esquemas: Esquemas
    tarea: str | None = None
    ingles: bool = False
    entendida: bool = False
    pendientes: deque[Orden] = field(default_factory=deque)
    cuento: list[str] = field(default_factory=list)
    avisaron: set[str] = field(default_factory=set)
    esperaba: tuple[str, ...] = ()
    recordado: bool = False

    def esperados(self, mensajes: Sequence[BaseMessage]) -> list[str]:
        """Los agentes suyos que aún no avisaron."""
        return [a for a in (*self.esperaba, *lanzados_en(mensajes)) if a not in self.avisaron]

    def decir(self, clave: str, **datos: object) -> None:
        """Añade un texto al reporte."""
        self.cuento.append(decir(clave, self.ingles, **datos))


def decidir_agente(mensajes: Sequence[BaseMessage], esquemas: Esquemas) -> Decision:
    """La siguiente orden, esperar a los agentes propios, o el reporte final."""
    trabajo = leer_trabajo(mensajes, esquemas)
    if trabajo.pendientes:
        return Decision(llamadas=(_llamada(trabajo.pendientes[0], esquemas),))
    esperados = trabajo.esperados(mensajes)
    if esperados and not trabajo.recordado:
        return Decision(decir("espero", trabajo.ingles, agentes=", ".join(esperados)))
    if trabajo.cuento or trabajo.entendida:
        return _reportar("\n\n".join(trabajo.cuento) or decir("nada", trabajo.ingles))
    return _no_entendida(trabajo, esquemas)


def _reportar(resultado: str) -> Decision:
    return Decision(llamadas=(Llamada("reportar_resultado_final", {"resultado": resultado}),))


def _no_entendida(trabajo: Trabajo, esquemas: Esquemas) -> Decision:
    tarea = " ".join((trabajo.tarea or "").split())[:300]
    texto = decir("tarea_no_entendida", trabajo.ingles, tarea=tarea)
    if "reportar_problema" not in esquemas:
        return _reportar(texto)
    return Decision(llamadas=(Llamada("reportar_problema", {"descripcion_problema": texto}),))


def _llamada(orden: Orden, esquemas: Esquemas) -> Llamada:
    match orden.clase:
        case Clase.EJECUTAR:
            return Llamada("ejecutar_comando_consola", {"command": orden.contenido})
        case Clase.PROBLEMA:
            return Llamada("reportar_problema", {"descripcion_problema": orden.contenido})
        case _:
            return llamada_directa(orden, esquemas)


# --- leer la historia -------------------------------------------------------------------


def leer_trabajo(mensajes: Sequence[BaseMessage], esquemas: Esquemas) -> Trabajo:
    """Lo que dice su historia: qué le pidieron, qué hizo y qué le queda."""
    trabajo = Trabajo(esquemas)
    for mensaje in mensajes:
        match mensaje:
            case AIMessage():
                _descontar(mensaje, trabajo)
            case ToolMessage():
                _contar(respuesta_a(mensaje, mensajes), trabajo)
            case HumanMessage():
                _escuchar(mensaje, trabajo)
            case _:
                pass
    return trabajo


def _descontar(mensaje: AIMessage, trabajo: Trabajo) -> None:
    """Lo que ya pidió deja de estar pendiente."""
    trabajo.recordado = False
    for llamada in mensaje.tool_calls:
        if not trabajo.pendientes:
            return
        if _llamada(trabajo.pendientes[0], trabajo.esquemas).nombre == llamada["name"]:
            trabajo.pendientes.popleft()


def _escuchar(mensaje: HumanMessage, trabajo: Trabajo) -> None:
    """La tarea, una directiva, un aviso de un agente suyo, un resumen o un recuerdo del sistema."""
    if mensaje.text.startswith(RESUMEN):
        _retomar(mensaje.text, trabajo)
        return
    directiva = leer_directiva(mensaje) if es_notificacion(mensaje) else mensaje.text.strip()
    if directiva is None:
        avisos = leer_avisos(mensaje)
        trabajo.recordado = not avisos
        trabajo.avisaron.update(a.agente for a in avisos if not a.es_nota)
        trabajo.cuento.extend(f"{a.agente} {a.que}:\n{a.texto}" for a in avisos)
        return
    es_tarea = trabajo.tarea is None
    if es_tarea:
        trabajo.tarea, trabajo.ingles = directiva, es_ingles(directiva)
    ordenes = leer_ordenes(directiva)
    trabajo.pendientes.extend(orden for orden in ordenes if not orden.fallo)
    trabajo.entendida |= bool(ordenes)
    for orden in ordenes:
        if orden.fallo:
            trabajo.decir(orden.fallo, frase=en_codigo(orden.texto).strip("` "))
    if not ordenes and not es_tarea:
        trabajo.decir("recibida", texto=directiva)


def _retomar(texto: str, trabajo: Trabajo) -> None:
    """Sigue por donde iba: de lo que le han pedido, lo último es lo que queda."""
    resumido = leer_resumido(texto)
    if resumido is None:
        return
    hechas = max(0, len(trabajo.pendientes) - resumido.quedan)
    trabajo.pendientes = deque(list(trabajo.pendientes)[hechas:])
    trabajo.esperaba, trabajo.entendida = resumido.espera, True
    trabajo.avisaron.update(resumido.avisaron)
    trabajo.cuento = [resumido.hecho] if resumido.hecho.strip() else []


def _contar(respuesta: Respuesta, trabajo: Trabajo) -> None:
    """Lo que contestó una herramienta, para el reporte. Entregar un problema no se cuenta."""
    texto, nombre = respuesta.texto, respuesta.llamada.nombre
    reporta = nombre in {"reportar_problema", "reportar_resultado_final"}
    if reporta and not texto.startswith("Error"):
        return
    if nombre == "delegate_task" and texto.startswith("Lanzado"):
        return
    if nombre == "ejecutar_comando_consola":
        orden = str(respuesta.llamada.args.get("command", ""))
        trabajo.cuento.append(_consola(orden, texto, trabajo.ingles))
        return
    trabajo.cuento.append(f"{decir('resultado', trabajo.ingles, herramienta=nombre)} {texto}")


def _consola(orden: str, texto: str, ingles: bool) -> str:
    """Lo que hizo una orden, entero: salida, error, código y lo que la consola añada."""
    try:
        datos = json.loads(texto)
    except ValueError:
        datos = None
    if not isinstance(datos, dict) or "codigo" not in datos:
        return f"$ {orden}\n{texto}"
    datos = {clave: valor for clave, valor in datos.items() if clave not in _MARCAS}
    salida, error, codigo = (datos.pop(clave, "") for clave in ("salida", "error", "codigo"))
    lineas = [f"$ {orden}", str(salida).rstrip("\n")]
    lineas += [f"[stderr] {str(error).rstrip()}"] if error else []
    lineas += [f"[{clave}] {valor}" for clave, valor in datos.items() if valor]
    if not any(lineas[1:]):
        lineas.append(decir("sin_salida", ingles))
    lineas.append(decir("codigo", ingles, codigo=codigo))
    return "\n".join(linea for linea in lineas if linea)
