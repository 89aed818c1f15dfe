"""Lo que Chat Completions no acepta.

En cuatro cosas el doble es más estricto que OpenAI, porque otros servidores compatibles también
lo son o porque delatan un descuido: un mensaje de sistema tardío, una historia que acaba en el
asistente, un contenido de usuario vacío y unos argumentos que no son un objeto JSON.
"""

from __future__ import annotations

from typing import Any

import orjson

from tests.dobles.esquemas import validar_herramientas
from tests.dobles.lectura_openai import SISTEMA
from tests.dobles.rechazo import Rechazo, exigir

_NUMERO = (int, float)
_TIPOS: dict[str, tuple[type, ...]] = {
    "model": (str,), "messages": (list,), "tools": (list,), "tool_choice": (str, dict),
    "stream": (bool,), "stream_options": (dict,), "n": (int,), "seed": (int,),
    "temperature": _NUMERO, "top_p": _NUMERO, "frequency_penalty": _NUMERO,
    "presence_penalty": _NUMERO, "max_tokens": (int,), "max_completion_tokens": (int,),
    "stop": (str, list), "user": (str,), "parallel_tool_calls": (bool,),
    "response_format": (dict,), "reasoning_effort": (str,), "verbosity": (str,),
    "logprobs": (bool,), "top_logprobs": (int,), "logit_bias": (dict,), "metadata": (dict,),
    "store": (bool,), "service_tier": (str,), "prompt_cache_key": (str,),
    "safety_identifier": (str,), "modalities": (list,), "prediction": (dict,),
}  # fmt: skip
_RANGOS: dict[str, tuple[float, float]] = {"temperature": (0, 2), "top_p": (0, 1), "n": (1, 128)}
_ROLES = SISTEMA | {"user", "assistant", "tool"}
_CAMPOS_MENSAJE = {
    "role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call",
}  # fmt: skip
_LARGO_ID = 40


def validar(cuerpo: dict[str, Any]) -> None:
    """Lanza `Rechazo` con el primer defecto de la petición."""
    _campos(cuerpo)
    validar_herramientas(cuerpo.get("tools"))
    exigir(
        "tool_choice" not in cuerpo or cuerpo.get("tools"),
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
        "specified.",
        "tool_choice",
    )
    mensajes = cuerpo["messages"]
    for i, mensaje in enumerate(mensajes):
        _mensaje(i, mensaje)
    _emparejar(mensajes)
    exigir(
        mensajes[-1]["role"] in {"user", "tool"},
        f"The last message must have role 'user' or 'tool', not '{mensajes[-1]['role']}'.",
        f"messages.[{len(mensajes) - 1}].role",
    )


def _campos(cuerpo: dict[str, Any]) -> None:
    for campo, valor in cuerpo.items():
        if campo not in _TIPOS:
            msg = f"Unknown parameter: '{campo}'."
            raise Rechazo(msg, codigo="unknown_parameter", donde=campo)
        _tipo(campo, valor)
        if campo in _RANGOS:
            _rango(campo, valor)
    exigir(cuerpo.get("model"), "you must provide a model parameter")
    exigir("messages" in cuerpo, "Missing required parameter: 'messages'.", "messages")
    if not cuerpo["messages"]:
        msg = "Invalid 'messages': empty array. Expected an array with minimum length 1."
        raise Rechazo(msg, codigo="empty_array", donde="messages")
    exigir(
        cuerpo.get("stream") or cuerpo.get("stream_options") is None,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )


def _tipo(campo: str, valor: Any) -> None:
    if valor is None and campo not in {"model", "messages", "tools"}:
        return
    es_otro = isinstance(valor, bool) and bool not in _TIPOS[campo]
    if es_otro or not isinstance(valor, _TIPOS[campo]):
        msg = f"Invalid type for '{campo}': got {type(valor).__name__} instead."
        raise Rechazo(msg, codigo="invalid_type", donde=campo)


def _rango(campo: str, valor: Any) -> None:
    minimo, maximo = _RANGOS[campo]
    exigir(
        valor is None or minimo <= valor <= maximo,
        f"Invalid '{campo}': expected a value between {minimo} and {maximo}, but got {valor}.",
        campo,
    )


def _mensaje(i: int, mensaje: Any) -> None:
    donde = f"messages[{i}]"
    exigir(isinstance(mensaje, dict), f"Invalid type for '{donde}': expected an object.", donde)
    rol = mensaje.get("role")
    exigir(rol in _ROLES, f"Invalid value: '{rol}'. Supported values are: {sorted(_ROLES)}.", donde)
    sobra = set(mensaje) - _CAMPOS_MENSAJE
    exigir(not sobra, f"Unknown parameter: '{donde}.{min(sobra, default='')}'.", donde)
    ajeno = {"tool_calls": "assistant", "tool_call_id": "tool"}
    for campo, suyo in ajeno.items():
        exigir(campo not in mensaje or rol == suyo, f"'{campo}' is only for '{suyo}'.", donde)
    match rol:
        case "assistant":
            _asistente(donde, mensaje)
        case "tool":
            exigir(
                isinstance(mensaje.get("tool_call_id"), str) and mensaje["tool_call_id"],
                f"Missing required parameter: '{donde}.tool_call_id'.",
                donde,
            )
            _contenido(donde, mensaje.get("content"), admite_vacio=True)
        case "user":
            _contenido(donde, mensaje.get("content"), admite_vacio=False)
        case _:
            exigir(i == 0, "System message must be at the beginning of 'messages'.", donde)
            _contenido(donde, mensaje.get("content"), admite_vacio=False)


def _contenido(donde: str, contenido: Any, *, admite_vacio: bool) -> None:
    exigir(
        isinstance(contenido, str | list),
        f"Invalid value for 'content': expected a string, got {type(contenido).__name__}.",
        f"{donde}.content",
    )
    exigir(contenido or admite_vacio, f"'{donde}.content' must not be empty.", f"{donde}.content")
    for parte in contenido if isinstance(contenido, list) else ():
        exigir(
            isinstance(parte, dict) and parte.get("type"),
            f"Missing required parameter: '{donde}.content[].type'.",
            donde,
        )
        exigir(
            parte["type"] != "text" or parte.get("text"),
            f"'{donde}.content': text content blocks must be non-empty.",
            donde,
        )


def _asistente(donde: str, mensaje: dict[str, Any]) -> None:
    llamadas = mensaje.get("tool_calls")
    exigir(llamadas != [], f"Invalid '{donde}.tool_calls': empty array.", f"{donde}.tool_calls")
    if mensaje.get("content"):
        _contenido(donde, mensaje["content"], admite_vacio=False)
    exigir(
        mensaje.get("content") or llamadas,
        f"Invalid value for 'content': '{donde}' needs content or tool_calls.",
        f"{donde}.content",
    )
    vistos: set[str] = set()
    for ll in llamadas or ():
        identidad = _llamada(donde, ll)
        exigir(identidad not in vistos, f"Duplicate tool call id '{identidad}'.", donde)
        vistos.add(identidad)


def _llamada(donde: str, ll: Any) -> str:
    donde = f"{donde}.tool_calls"
    exigir(isinstance(ll, dict), f"Invalid type for '{donde}': expected objects.", donde)
    exigir(ll.get("type") == "function", f"Missing required parameter: '{donde}.type'.", donde)
    identidad = ll.get("id")
    exigir(identidad and isinstance(identidad, str), f"Missing '{donde}.id'.", donde)
    exigir(len(str(identidad)) <= _LARGO_ID, f"Invalid '{donde}.id': string too long.", donde)
    funcion = ll.get("function") or {}
    exigir(funcion.get("name"), f"Missing required parameter: '{donde}.function.name'.", donde)
    try:
        args = orjson.loads(funcion.get("arguments") or "")
    except (orjson.JSONDecodeError, TypeError):
        args = None
    exigir(
        isinstance(args, dict),
        f"Invalid '{donde}.function.arguments': expected a JSON object, "
        f"got {str(funcion.get('arguments'))[:60]!r}.",
        donde,
    )
    return str(identidad)


def _emparejar(mensajes: list[dict[str, Any]]) -> None:
    """Cada llamada tiene una respuesta, justo detrás; ninguna respuesta está suelta."""
    faltan: list[str] = []
    for i, mensaje in enumerate(mensajes):
        if mensaje["role"] == "tool":
            _responder(i, mensaje["tool_call_id"], faltan)
            continue
        _exigir_respondidas(i, faltan)
        faltan = [ll["id"] for ll in mensaje.get("tool_calls") or ()]
    _exigir_respondidas(len(mensajes), faltan)


def _responder(i: int, identidad: str, faltan: list[str]) -> None:
    exigir(
        identidad in faltan,
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
        f"with 'tool_calls' (tool_call_id '{identidad}' is not waiting for one).",
        f"messages.[{i}].role",
    )
    faltan.remove(identidad)


def _exigir_respondidas(i: int, faltan: list[str]) -> None:
    exigir(
        not faltan,
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        f"{', '.join(faltan)}",
        f"messages.[{i}].role",
    )
