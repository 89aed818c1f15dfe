"""El resumen de los mensajes que se quitan: cómo se pide a un modelo y qué se dice sin él."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from prompts.plantillas import rellenar_propia
from servicios.llm.compactacion import Partes, Topes, es_de_persona, es_resumen, recortar
from servicios.llm.medidas_contexto import BYTES_POR_TOKEN, medir_texto

COMPACTAR = "compactar"
"""El propósito de la llamada que lo pide."""

_TEXTO_MINIMO = 160
_RESUMEN_MINIMO = 1_200
_MARCO = 120
_PALABRAS_POR_TOKEN = 0.6


def pedir_resumen(partes: Partes, agente_id: str, foco: str, topes: Topes) -> list[BaseMessage]:
    """La petición al modelo: qué ha de escribir y los mensajes viejos, como datos y acotados."""
    valores = {
        "agente": agente_id,
        "palabras": str(max(50, int(topes.resumen * _PALABRAS_POR_TOKEN))),
        "foco": f"Sobre todo, no pierdas nada de esto: {foco}" if foco else "",
    }
    instrucciones = rellenar_propia("compactar.md", valores)
    sitio = (topes.peticion - medir_texto(instrucciones)) * BYTES_POR_TOKEN
    return [SystemMessage(instrucciones), HumanMessage(_transcribir(partes, max(sitio, 2_000)))]


def _transcribir(partes: Partes, tope: int) -> str:
    """Los viejos, uno por línea y en no más de `tope` bytes: si no caben, cada uno con menos."""
    entero = max((len(m.text) for m in partes.viejos), default=0)
    parejo = tope // max(1, len(partes.viejos)) // 2 - _MARCO
    for largo in (entero, parejo):
        lineas = _lineas(partes, max(largo, _TEXTO_MINIMO))
        if _bytes(lineas) <= tope:
            return "\n".join(lineas)
    return "\n".join(_sin_el_medio(_lineas(partes, _TEXTO_MINIMO), tope))


def _lineas(partes: Partes, largo: int) -> list[str]:
    quedan = set(map(id, partes.conservados))
    return [_linea(m, id(m) in quedan, largo) for m in partes.viejos]


def _sin_el_medio(lineas: list[str], tope: int) -> list[str]:
    """Las primeras y las últimas que quepan."""
    quitadas = 0
    while len(lineas) > 2 and _bytes(lineas) + _MARCO > tope:
        del lineas[len(lineas) // 2]
        quitadas += 1
    nota = orjson.dumps({"quien": "sistema", "texto": f"[… {quitadas} mensajes que no caben …]"})
    lineas.insert(len(lineas) // 2, nota.decode())
    return lineas


def _bytes(lineas: Sequence[str]) -> int:
    return sum(len(linea.encode("utf-8", "replace")) + 1 for linea in lineas)


def _linea(mensaje: BaseMessage, se_conserva: bool, largo: int) -> str:
    cabe = max(largo, _RESUMEN_MINIMO) if es_resumen(mensaje) else largo
    datos: dict[str, object] = {"quien": _quien(mensaje), "texto": recortar(mensaje.text, cabe)}
    if isinstance(mensaje, AIMessage) and mensaje.tool_calls:
        datos["llamadas"] = [
            {"nombre": ll["name"], "args": recortar(_en_json(ll["args"]), largo)}
            for ll in mensaje.tool_calls
        ]
    if isinstance(mensaje, ToolMessage):
        datos["herramienta"] = mensaje.name or ""
    if se_conserva:
        datos["se_conserva"] = True
    return _en_json(datos)


def _quien(mensaje: BaseMessage) -> str:
    match mensaje:
        case AIMessage():
            return "modelo"
        case ToolMessage():
            return "herramienta"
        case _ if es_de_persona(mensaje):
            return "persona"
    return "sistema"


def _en_json(datos: object) -> str:
    try:
        return orjson.dumps(datos, default=str).decode()
    except orjson.JSONEncodeError:
        return str(datos)


def acotar(texto: str, topes: Topes) -> str:
    """Un resumen que no ocupa más de lo suyo."""
    sobra = medir_texto(texto) / max(1, topes.resumen)
    return texto if sobra <= 1 else recortar(texto, int(len(texto) / sobra))


def resumen_de_emergencia(partes: Partes, motivo: str, topes: Topes) -> str:
    """Lo que se puede decir sin modelo: qué falta, dónde está, y lo que ya había resumido."""
    quitados = partes.resumibles
    pedidas = [ll["name"] for m in quitados if isinstance(m, AIMessage) for ll in m.tool_calls]
    cuenta = ", ".join(f"{n} × {pedidas.count(n)}" for n in sorted(set(pedidas))) or "ninguna"
    lineas = [
        (
            f"AVISO: no se pudo escribir un resumen ({recortar(motivo, 200)}). Faltan"
            f" {len(quitados)} mensajes y lo que sabías por ellos; siguen enteros en la bitácora,"
            " que la persona puede consultar. No supongas lo que decían: comprueba antes de repetir."
        ),
        f"Herramientas que pediste en ellos: {cuenta}.",
    ]
    parte = max(_TEXTO_MINIMO, topes.resumen * BYTES_POR_TOKEN // 4)
    anteriores = [m.text.partition("\n")[2] for m in quitados if es_resumen(m)]
    dicho = [m.text for m in quitados if isinstance(m, AIMessage) and m.text]
    lineas += [f"Lo resumido antes: {recortar(texto, parte)}" for texto in anteriores[-1:]]
    lineas += [f"Lo último que dijiste: {recortar(texto, parte)}" for texto in dicho[-1:]]
    return "\n".join(lineas)
