"""La historia que un proveedor estricto acepta: adaptar lo que entra y reparar lo que sale.

Reglas: un solo mensaje de sistema y el primero; a cada llamada a herramienta, una respuesta,
justo detrás y en su orden; sin huérfanas; nada vacío; termina en persona o en herramienta.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from prompts.avisos import MARCA, RETIRADO, notificacion

_METADATOS_UTILES = {"model_provider", "output_version"}
"""Los que los clientes miran al volver a mandar el mensaje."""

INTERRUMPIDA = "interrumpido: efecto desconocido, verifica antes de repetir"
SIGUE = "Sigue con la tarea."


def adaptar(mensaje: BaseMessage | str) -> BaseMessage:
    """Lo que se añade a una historia empezada: un mensaje de sistema pasa a notificación.

    Los proveedores mueven o pierden un mensaje de sistema que no va el primero.
    """
    if isinstance(mensaje, str):
        return HumanMessage(mensaje)
    if isinstance(mensaje, SystemMessage):
        texto = mensaje.text
        return HumanMessage(texto if texto.startswith(MARCA) else notificacion(texto))
    return mensaje


def sin_lastre(mensaje: AIMessage) -> AIMessage:
    """El mensaje que queda en la historia: lo que viaja, sin lo que ya tiene su fila.

    Los metadatos de la respuesta ocupan más que un mensaje corto, y en la bitácora está entero.
    """
    utiles = {k: v for k, v in mensaje.response_metadata.items() if k in _METADATOS_UTILES}
    return mensaje.model_copy(update={"response_metadata": utiles, "usage_metadata": None})


def aceptado(historia: Sequence[BaseMessage]) -> int:
    """Cuántos mensajes del principio tienen ya respuesta del modelo.

    Sin ninguna todavía, el de sistema.
    """
    for indice in range(len(historia), 0, -1):
        if isinstance(historia[indice - 1], AIMessage):
            return indice
    return int(bool(historia) and isinstance(historia[0], SystemMessage))


def retirar_lo_nuevo(historia: list[BaseMessage]) -> int:
    """Quita lo que el proveedor no admite; lo que se sabe de las acciones se queda.

    Devuelve cuántos mensajes del principio no se han tocado.
    """
    quedan = aceptado(historia)
    sabido = [m for m in historia[quedan:] if isinstance(m, ToolMessage)]
    historia[quedan:] = [*sabido, HumanMessage(RETIRADO)]
    return quedan


def reparar(historia: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Una copia válida de la historia. Si ya lo era, los mensajes son los mismos objetos."""
    salida: list[BaseMessage] = []
    indice = 0
    while indice < len(historia):
        mensaje = historia[indice]
        indice += 1
        if isinstance(mensaje, ToolMessage) or _esta_vacio(mensaje):
            continue
        if isinstance(mensaje, SystemMessage) and salida:
            mensaje = adaptar(mensaje)
        salida.append(mensaje)
        if isinstance(mensaje, AIMessage) and mensaje.tool_calls:
            salida.extend(_respuestas(mensaje, historia, indice))
    if not salida or isinstance(salida[-1], AIMessage | SystemMessage):
        salida.append(HumanMessage(notificacion(SIGUE)))
    return salida


def _respuestas(
    mensaje: AIMessage, historia: Sequence[BaseMessage], desde: int
) -> list[BaseMessage]:
    """Las respuestas a sus llamadas, en orden; se buscan hasta el siguiente mensaje del modelo."""
    dadas: dict[str, ToolMessage] = {}
    for indice in range(desde, len(historia)):
        candidato = historia[indice]
        if isinstance(candidato, AIMessage):
            break
        if isinstance(candidato, ToolMessage):
            dadas.setdefault(candidato.tool_call_id, candidato)
    return [
        dadas.get(llamada["id"] or "")
        or ToolMessage(INTERRUMPIDA, tool_call_id=llamada["id"] or "", name=llamada["name"])
        for llamada in mensaje.tool_calls
    ]


def _esta_vacio(mensaje: BaseMessage) -> bool:
    if isinstance(mensaje, AIMessage) and mensaje.tool_calls:
        return False
    contenido = mensaje.content
    return not (contenido if isinstance(contenido, list) else contenido.strip())
