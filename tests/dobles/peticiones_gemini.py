"""Peticiones a generateContent: las válidas y las que hay que rechazar."""

from __future__ import annotations

from typing import Any

SISTEMA = {"role": "user", "parts": [{"text": "Eres ejecutor-1."}]}
USUARIO = {"role": "user", "parts": [{"text": "hola"}]}
MODELO = {"role": "model", "parts": [{"text": "hecho"}]}
PROPIEDADES = {"command": {"type": "STRING"}}
CONSOLA: dict[str, Any] = {
    "name": "ejecutar_comando_consola",
    "description": "Ejecuta un comando.",
    "parameters": {"type": "OBJECT", "properties": PROPIEDADES, "required": ["command"]},
}


def turno(rol: str, *partes: dict[str, Any]) -> dict[str, Any]:
    """Un turno cualquiera."""
    return {"role": rol, "parts": list(partes)}


def pide(*nombres: str, args: Any = None) -> dict[str, Any]:
    """Un turno del modelo que llama a esas herramientas."""
    return turno(
        "model",
        *(
            {"functionCall": {"name": n, "args": {"x": 1} if args is None else args}}
            for n in nombres
        ),
    )


def da(*nombres: str) -> dict[str, Any]:
    """El turno con sus resultados."""
    resultado = {"output": "ok"}
    return turno(
        "user", *({"functionResponse": {"name": n, "response": resultado}} for n in nombres)
    )


def cuerpo(*contenidos: Any, **campos: Any) -> dict[str, Any]:
    """Una petición con esa historia."""
    return {"systemInstruction": SISTEMA, "contents": list(contenidos), **campos}


def _con(*declaraciones: dict[str, Any]) -> dict[str, Any]:
    return cuerpo(USUARIO, tools=[{"functionDeclarations": list(declaraciones)}])


def _con_esquema(esquema: dict[str, Any]) -> dict[str, Any]:
    return _con({**CONSOLA, "parameters": esquema})


VALIDAS: dict[str, dict[str, Any]] = {
    "solo_texto": cuerpo(USUARIO),
    "sin_sistema_que_no_hace_falta": cuerpo(USUARIO, generationConfig={"temperature": 0.2}),
    "dos_usuarios_seguidos": cuerpo(USUARIO, USUARIO),
    "llamada_respondida": {
        **_con(CONSOLA),
        "contents": [USUARIO, pide("ejecutar_comando_consola"), da("ejecutar_comando_consola")],
    },
    "dos_llamadas": cuerpo(USUARIO, pide("a", "b"), da("a", "b")),
    "aviso_tras_resultado": cuerpo(USUARIO, pide("a"), da("a"), USUARIO),
    "texto_y_llamada": cuerpo(
        USUARIO, turno("model", {"text": "voy"}, *pide("a")["parts"]), da("a"), MODELO, USUARIO
    ),
    "texto_vacio_firmado": cuerpo(
        USUARIO, turno("model", {"text": "", "thoughtSignature": "eA=="}), USUARIO
    ),
    "sin_parametros": _con({"name": "estado_enjambre", "description": "Cómo va."}),
}

_VACIO = {"text": ""}
_RAMA = {"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}

INVALIDAS: dict[str, tuple[dict[str, Any], str]] = {
    "partes_vacias": (cuerpo(USUARIO, turno("model"), USUARIO), "parts must not be empty"),
    "sin_partes": (cuerpo({"role": "user"}), "parts must not be empty"),
    "texto_vacio": (cuerpo(turno("user", _VACIO)), "must have a text parameter"),
    "texto_vacio_del_modelo": (cuerpo(USUARIO, turno("model", _VACIO), USUARIO), "text parameter"),
    "parte_sin_datos": (cuerpo(turno("user", {})), "must have one initialized field"),
    "parte_con_dos_datos": (
        cuerpo(turno("user", {"text": "x", "inlineData": {}})),
        "must have one initialized field",
    ),
    "sin_contenidos": (cuerpo(), "contents is not specified"),
    "sin_campo_contenidos": ({"systemInstruction": SISTEMA}, "contents is not specified"),
    "sistema_vacio": ({"contents": [USUARIO], "systemInstruction": {"parts": []}}, "not be empty"),
    "empieza_el_modelo": (cuerpo(MODELO, USUARIO), "start with a user turn"),
    "acaba_el_modelo": (cuerpo(USUARIO, MODELO), "end with a user turn"),
    "acaba_en_llamada": (cuerpo(USUARIO, pide("a")), "end with a user turn"),
    "llamada_sin_respuesta": (cuerpo(USUARIO, pide("a"), USUARIO), "number of function response"),
    "falta_una_de_dos": (cuerpo(USUARIO, pide("a", "b"), da("a")), "number of function response"),
    "sobra_una": (cuerpo(USUARIO, pide("a"), da("a", "a")), "number of function response"),
    "otro_orden": (cuerpo(USUARIO, pide("a", "b"), da("b", "a")), "in the order"),
    "otro_nombre": (cuerpo(USUARIO, pide("a"), da("z")), "in the order"),
    "resultado_huerfano": (cuerpo(USUARIO, da("a")), "immediately after a function call"),
    "llamada_tras_modelo": (
        cuerpo(USUARIO, MODELO, pide("a"), da("a")),
        "immediately after a user turn",
    ),
    "rol_sistema": (cuerpo(USUARIO, turno("system", {"text": "x"})), "valid role: user, model"),
    "rol_inventado": (cuerpo(turno("assistant", {"text": "x"})), "valid role: user, model"),
    "llamada_del_usuario": (cuerpo(turno("user", *pide("a")["parts"])), "valid role"),
    "resultado_del_modelo": (cuerpo(USUARIO, turno("model", *da("a")["parts"])), "valid role"),
    "argumentos_texto": (cuerpo(USUARIO, pide("a", args="ls"), da("a")), "protobuf.Struct"),
    "resultado_sin_respuesta": (
        cuerpo(USUARIO, pide("a"), turno("user", {"functionResponse": {"name": "a"}})),
        "must not be empty",
    ),
    "campo_desconocido": (cuerpo(USUARIO, inventado=1), 'Unknown name \\"inventado\\"'),
    "temperatura_texto": (
        cuerpo(USUARIO, generationConfig={"temperature": "0"}),
        "generation_config.temperature",
    ),
    "opcion_desconocida": (cuerpo(USUARIO, generationConfig={"n": 1}), 'Unknown name \\"n\\"'),
    "nombre_de_funcion": (_con({"name": "1 mal"}), "Invalid function name"),
    "funcion_repetida": (_con(CONSOLA, CONSOLA), "Duplicate function declaration"),
    "esquema_con_referencias": (
        _con_esquema({"type": "OBJECT", "properties": {}, "$defs": {}}),
        "Cannot find field",
    ),
    "tipo_en_minusculas": (_con_esquema({"type": "texto"}), "parameters.type"),
    "lista_sin_elementos": (_con_esquema(_RAMA), "items: missing field"),
    "requerido_inexistente": (
        _con_esquema({"type": "OBJECT", "properties": PROPIEDADES, "required": ["z"]}),
        "property is not defined",
    ),
    "parametros_no_objeto": (_con_esquema({"type": "STRING"}), "must be OBJECT"),
}
