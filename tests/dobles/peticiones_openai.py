"""Peticiones a Chat Completions: las válidas y las que hay que rechazar."""

from __future__ import annotations

from typing import Any

SISTEMA = {"role": "system", "content": "Eres ejecutor-1."}
USUARIO = {"role": "user", "content": "hola"}
HECHO = {"role": "assistant", "content": "hecho"}
CONSOLA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "ejecutar_comando_consola",
        "description": "Ejecuta un comando.",
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        },
    },
}


def pide(*ids: str, argumentos: Any = '{"command": "ls"}', **campos: Any) -> dict[str, Any]:
    """Un turno del asistente con esas llamadas."""
    funcion = {"name": "ejecutar_comando_consola", "arguments": argumentos}
    llamadas = [{"id": i, "type": "function", "function": funcion} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": llamadas, **campos}


def da(identidad: str, contenido: str = "ok") -> dict[str, Any]:
    """El resultado de una llamada."""
    return {"role": "tool", "tool_call_id": identidad, "content": contenido}


def cuerpo(*mensajes: Any, **campos: Any) -> dict[str, Any]:
    """Una petición con esa historia."""
    return {"model": "gpt-prueba", "messages": list(mensajes), **campos}


def _con_funcion(**cambios: Any) -> dict[str, Any]:
    herramienta = {"type": "function", "function": {**CONSOLA["function"], **cambios}}
    return cuerpo(SISTEMA, USUARIO, tools=[herramienta])


VALIDAS: dict[str, dict[str, Any]] = {
    "solo_texto": cuerpo(SISTEMA, USUARIO),
    "dos_usuarios_seguidos": cuerpo(SISTEMA, USUARIO, USUARIO),
    "llamada_respondida": cuerpo(SISTEMA, USUARIO, pide("a"), da("a"), tools=[CONSOLA]),
    "dos_llamadas_en_otro_orden": cuerpo(SISTEMA, USUARIO, pide("a", "b"), da("b"), da("a")),
    "texto_y_llamadas": cuerpo(SISTEMA, USUARIO, pide("a", content="voy"), da("a"), USUARIO),
    "resultado_vacio": cuerpo(SISTEMA, USUARIO, pide("a"), da("a", "")),
    "mismo_id_en_dos_turnos": cuerpo(SISTEMA, USUARIO, pide("a"), da("a"), pide("a"), da("a")),
    "opciones": cuerpo(SISTEMA, USUARIO, temperature=0.2, n=1, seed=7, user="x", stop=["fin"]),
    "partes": cuerpo(SISTEMA, {"role": "user", "content": [{"type": "text", "text": "hola"}]}),
}

_SIN_ID = pide("a")
del _SIN_ID["tool_calls"][0]["id"]

INVALIDAS: dict[str, tuple[dict[str, Any], str]] = {
    "llamada_sin_respuesta": (
        cuerpo(SISTEMA, USUARIO, pide("a"), USUARIO),
        "did not have response messages: a",
    ),
    "falta_una_de_dos": (
        cuerpo(SISTEMA, USUARIO, pide("a", "b"), da("a"), USUARIO),
        "did not have response messages: b",
    ),
    "llamada_al_final": (cuerpo(SISTEMA, USUARIO, pide("a")), "did not have response"),
    "respuesta_tras_otro_mensaje": (
        cuerpo(SISTEMA, USUARIO, pide("a"), USUARIO, da("a")),
        "did not have response",
    ),
    "resultado_huerfano": (cuerpo(SISTEMA, USUARIO, da("a")), "must be a response to"),
    "resultado_de_otro_id": (cuerpo(SISTEMA, USUARIO, pide("a"), da("z")), "'z' is not waiting"),
    "resultado_doble": (
        cuerpo(SISTEMA, USUARIO, pide("a"), da("a"), da("a")),
        "must be a response to",
    ),
    "sistema_tardio": (cuerpo(SISTEMA, USUARIO, SISTEMA, USUARIO), "at the beginning"),
    "sistema_al_final": (cuerpo(SISTEMA, USUARIO, SISTEMA), "at the beginning"),
    "solo_sistema": (cuerpo(SISTEMA), "last message must have role"),
    "sin_mensajes": (cuerpo(), "empty array"),
    "sin_campo_mensajes": ({"model": "gpt-prueba"}, "Missing required parameter: 'messages'"),
    "usuario_vacio": (cuerpo(SISTEMA, {"role": "user", "content": ""}), "must not be empty"),
    "usuario_nulo": (cuerpo(SISTEMA, {"role": "user", "content": None}), "expected a string"),
    "parte_vacia": (
        cuerpo(SISTEMA, {"role": "user", "content": [{"type": "text", "text": ""}]}),
        "must be non-empty",
    ),
    "asistente_vacio": (
        cuerpo(SISTEMA, USUARIO, {"role": "assistant", "content": ""}, USUARIO),
        "needs content or tool_calls",
    ),
    "llamadas_vacias": (
        cuerpo(SISTEMA, USUARIO, pide(content="hola"), USUARIO),
        "tool_calls': empty array",
    ),
    "acaba_en_asistente": (cuerpo(SISTEMA, USUARIO, HECHO), "last message must have role"),
    "argumentos_rotos": (
        cuerpo(SISTEMA, USUARIO, pide("a", argumentos='{"command": "l'), da("a")),
        "expected a JSON object",
    ),
    "argumentos_lista": (
        cuerpo(SISTEMA, USUARIO, pide("a", argumentos="[1]"), da("a")),
        "expected a JSON object",
    ),
    "argumentos_vacios": (
        cuerpo(SISTEMA, USUARIO, pide("a", argumentos=""), da("a")),
        "expected a JSON object",
    ),
    "llamada_sin_id": (cuerpo(SISTEMA, USUARIO, _SIN_ID, da("a")), "Missing"),
    "id_largo": (cuerpo(SISTEMA, USUARIO, pide("a" * 41), da("a" * 41)), "too long"),
    "ids_repetidos": (
        cuerpo(SISTEMA, USUARIO, pide("a", "a"), da("a"), da("a")),
        "Duplicate tool call id",
    ),
    "rol_desconocido": (cuerpo(SISTEMA, {"role": "master", "content": "x"}), "Invalid value"),
    "campo_desconocido": (cuerpo(USUARIO, inventado=1), "Unknown parameter: 'inventado'"),
    "campo_desconocido_en_mensaje": (cuerpo({**USUARIO, "x": 1}), "Unknown parameter"),
    "stream_options_sin_stream": (
        cuerpo(USUARIO, stream_options={"include_usage": True}),
        "only allowed when 'stream'",
    ),
    "temperatura_texto": (cuerpo(USUARIO, temperature="0"), "Invalid type for 'temperature'"),
    "temperatura_alta": (cuerpo(USUARIO, temperature=3), "between 0 and 2"),
    "n_decimal": (cuerpo(USUARIO, n=1.5), "Invalid type for 'n'"),
    "n_booleano": (cuerpo(USUARIO, n=True), "Invalid type for 'n'"),
    "herramientas_vacias": (cuerpo(USUARIO, tools=[]), "empty array"),
    "herramienta_repetida": (cuerpo(USUARIO, tools=[CONSOLA, CONSOLA]), "must be unique"),
    "nombre_de_herramienta": (_con_funcion(name="con espacio"), "does not match"),
    "esquema_de_otro_tipo": (_con_funcion(parameters={"type": "string"}), "Invalid schema"),
    "esquema_roto": (
        _con_funcion(parameters={"type": "object", "properties": {"a": {"type": "texto"}}}),
        "Invalid schema",
    ),
    "requerido_inexistente": (
        _con_funcion(parameters={"type": "object", "properties": {}, "required": ["a"]}),
        "unknown properties",
    ),
    "eleccion_sin_herramientas": (cuerpo(USUARIO, tool_choice="auto"), "tool_choice"),
}
