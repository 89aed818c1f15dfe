"""Lo que generateContent no acepta."""

from __future__ import annotations

from typing import Any

from tests.dobles.declaraciones import validar_declaraciones
from tests.dobles.lectura_gemini import declaradas, llamadas_de
from tests.dobles.rechazo import exigir

_CAMPOS = {
    "contents": list, "systemInstruction": dict, "tools": list, "toolConfig": dict,
    "safetySettings": list, "generationConfig": dict, "cachedContent": str,
}  # fmt: skip
_GENERACION: dict[str, tuple[type, ...]] = {
    "temperature": (int, float), "topP": (int, float), "topK": (int, float),
    "candidateCount": (int,), "maxOutputTokens": (int,), "stopSequences": (list,),
    "seed": (int,), "presencePenalty": (int, float), "frequencyPenalty": (int, float),
    "responseMimeType": (str,), "responseSchema": (dict,), "responseJsonSchema": (dict,),
    "responseModalities": (list,), "thinkingConfig": (dict,), "logprobs": (int,),
    "responseLogprobs": (bool,), "mediaResolution": (str,), "speechConfig": (dict,),
}  # fmt: skip
_DATOS = {
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
    "codeExecutionResult",
}  # fmt: skip
_ADORNOS = {"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"}
_RAIZ = "GenerateContentRequest"


def validar(cuerpo: dict[str, Any]) -> None:
    """Lanza `Rechazo` con el primer defecto de la petición (las firmas se miran aparte)."""
    _campos(cuerpo)
    if "systemInstruction" in cuerpo:
        _partes("system_instruction", cuerpo["systemInstruction"], "user")
    _herramientas(cuerpo)
    contenidos = cuerpo.get("contents")
    exigir(contenidos, f"* {_RAIZ}.contents: contents is not specified")
    for i, contenido in enumerate(contenidos or ()):
        donde = f"contents[{i}]"
        exigir(isinstance(contenido, dict), f"Invalid value at '{donde}': expected an object.")
        rol = contenido.get("role")
        exigir(rol in {"user", "model"}, "Please use a valid role: user, model.")
        _partes(donde, contenido, rol)
    _turnos(contenidos or [])


def _campos(cuerpo: dict[str, Any]) -> None:
    for campo, valor in cuerpo.items():
        exigir(
            campo in _CAMPOS,
            f'Invalid JSON payload received. Unknown name "{campo}": Cannot find field.',
        )
        exigir(isinstance(valor, _CAMPOS[campo]), f"Invalid value at '{campo}'.")
    for campo, valor in cuerpo.get("generationConfig", {}).items():
        exigir(
            campo in _GENERACION,
            f'Invalid JSON payload received. Unknown name "{campo}" at '
            "'generation_config': Cannot find field.",
        )
        es_otro = isinstance(valor, bool) and bool not in _GENERACION[campo]
        exigir(
            isinstance(valor, _GENERACION[campo]) and not es_otro,
            f"Invalid value at 'generation_config.{campo}': {valor!r}.",
        )


def _herramientas(cuerpo: dict[str, Any]) -> None:
    for i, herramienta in enumerate(cuerpo.get("tools") or ()):
        exigir(
            isinstance(herramienta, dict) and set(herramienta) == {"functionDeclarations"},
            f"Invalid JSON payload received at 'tools[{i}]': expected function_declarations.",
        )
        exigir(
            isinstance(herramienta["functionDeclarations"], list),
            f"Invalid value at 'tools[{i}].function_declarations'.",
        )
    validar_declaraciones(declaradas(cuerpo))


def _partes(donde: str, contenido: dict[str, Any], rol: str) -> None:
    sobra = set(contenido) - {"role", "parts"}
    exigir(not sobra, f"Unknown name {sorted(sobra)} at '{donde}': Cannot find field.")
    partes = contenido.get("parts")
    exigir(
        isinstance(partes, list) and partes,
        f"* {_RAIZ}.{donde}.parts: contents.parts must not be empty.",
    )
    for j, parte in enumerate(partes or ()):
        _parte(f"{donde}.parts[{j}]", parte, rol)


def _parte(donde: str, parte: Any, rol: str) -> None:
    exigir(isinstance(parte, dict), f"Invalid value at '{donde}': expected an object.")
    sobra = set(parte) - _DATOS - _ADORNOS
    exigir(not sobra, f"Unknown name {sorted(sobra)} at '{donde}': Cannot find field.")
    datos = set(parte) & _DATOS
    exigir(
        len(datos) == 1,
        f"* {_RAIZ}.{donde}.data: required oneof field 'data' must have one initialized field",
    )
    match datos.pop():
        case "text":
            exigir(isinstance(parte["text"], str), f"Invalid value at '{donde}.text'.")
            exigir(
                parte["text"] or parte.get("thoughtSignature"),
                f"Unable to submit request because it must have a text parameter ({donde}.text).",
            )
        case "functionCall":
            _funcion(donde, parte["functionCall"], "args", rol == "model")
        case "functionResponse":
            _funcion(donde, parte["functionResponse"], "response", rol == "user")
            exigir(
                "response" in parte["functionResponse"],
                f"* {_RAIZ}.{donde}.function_response.response: must not be empty.",
            )
        case _:
            pass


def _funcion(donde: str, funcion: Any, campo: str, en_su_turno: bool) -> None:
    exigir(en_su_turno, f"Please use a valid role for the function part at '{donde}'.")
    exigir(isinstance(funcion, dict), f"Invalid value at '{donde}': expected an object.")
    exigir(
        isinstance(funcion.get("name"), str) and funcion["name"],
        f"* {_RAIZ}.{donde}.name: Name cannot be empty.",
    )
    exigir(
        isinstance(funcion.get(campo, {}), dict),
        f"Invalid value at '{donde}.{campo}' (type.googleapis.com/google.protobuf.Struct).",
    )


def _turnos(contenidos: list[dict[str, Any]]) -> None:
    exigir(
        contenidos[0]["role"] == "user",
        "Please ensure that multiturn requests start with a user turn.",
    )
    exigir(
        contenidos[-1]["role"] == "user",
        "Please ensure that multiturn requests end with a user turn or a function response turn.",
    )
    esperadas: list[str] = []
    anterior = ""
    for contenido in contenidos:
        _responder(contenido, esperadas)
        esperadas = [nombre for nombre, _ in llamadas_de(contenido)]
        exigir(
            not esperadas or anterior == "user",
            "Please ensure that function call turn comes immediately after a user turn or after "
            "a function response turn.",
        )
        anterior = contenido["role"]


def _responder(contenido: dict[str, Any], esperadas: list[str]) -> None:
    dadas = [p["functionResponse"] for p in contenido["parts"] if "functionResponse" in p]
    nombres = [r["name"] for r in dadas]
    exigir(
        esperadas or not nombres,
        "Please ensure that function response turn comes immediately after a function call turn.",
    )
    exigir(
        len(nombres) == len(esperadas),
        "Please ensure that the number of function response parts is equal to the number of "
        "function call parts of the function call turn.",
    )
    exigir(
        nombres == esperadas,
        "Please ensure that function response parts come in the order of the function calls: "
        f"expected {esperadas}, got {nombres}.",
    )
