"""Doble de la API Chat Completions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import orjson

from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.lectura_openai import LectorOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.rechazo import Rechazo
from tests.dobles.respuestas import (
    ID_AUTOMATICO,
    Fin,
    Llamada,
    Respuesta,
    partir,
    uso_de,
)
from tests.dobles.validacion_openai import validar

RUTA = "/v1/chat/completions"
MODELOS = (
    "gpt-prueba", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini",
    "gpt-5-codex", "gpt-5.4-mini", "gpt-5.4-pro",
)  # fmt: skip
_CREADO = 1_760_000_000
_FINES = {
    Fin.LLAMADAS: "tool_calls",
    Fin.LONGITUD: "length",
    Fin.FILTRO: "content_filter",
    Fin.FILTRO_PETICION: "content_filter",
}
_TIPOS = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}


class DobleOpenAI(Doble):
    """`async with DobleOpenAI(guion) as doble:` y `doble.url` (con `/v1`) para el cliente."""

    lector = LectorOpenAI()

    def __init__(
        self, guion: Guion, *, modelos: Iterable[str] | None = MODELOS, **opciones: Any
    ) -> None:
        super().__init__(guion, modelos=modelos, **opciones)
        self._numero = itertools.count(1)

    @property
    def url(self) -> str:
        """La dirección base con `/v1`, como la quiere el cliente."""
        return f"{self.raiz}/v1"

    def _modelo(self, ruta: str, cuerpo: dict[str, Any]) -> str:
        if ruta != RUTA:
            msg = f"Invalid URL (POST {ruta})"
            raise Rechazo(msg, estado=404)
        return str(cuerpo.get("model", ""))

    def _autenticar(self, peticion: Peticion) -> None:
        tipo, _, clave = peticion.cabeceras.get("Authorization", "").partition(" ")
        if tipo != "Bearer" or not clave:
            msg = (
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth."
            )
            raise Rechazo(msg, estado=401)
        if clave != self.clave:
            msg = f"Incorrect API key provided: {clave[:3]}***."
            raise Rechazo(msg, estado=401, codigo="invalid_api_key")

    def _validar(self, peticion: Peticion) -> None:
        validar(peticion.cuerpo)
        if self.modelos is not None and peticion.modelo not in self.modelos:
            msg = f"The model `{peticion.modelo}` does not exist or you do not have access to it."
            raise Rechazo(msg, estado=404, codigo="model_not_found")

    def _en_flujo(self, peticion: Peticion) -> bool:
        return bool(peticion.cuerpo.get("stream"))

    def _error(self, estado: int, mensaje: str, codigo: str | None, donde: str | None) -> bytes:
        tipo = _TIPOS.get(estado, "invalid_request_error")
        return orjson.dumps(
            {"error": {"message": mensaje, "type": tipo, "param": donde, "code": codigo}}
        )

    def _error_en_flujo(self) -> bytes:
        mensaje = "The server had an error while processing your request. Sorry about that!"
        return b"data: " + self._error(500, mensaje, None, None) + b"\n\n"

    def _cabeza(self, peticion: Peticion, objeto: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-doble{next(self._numero)}",
            "object": objeto,
            "created": _CREADO,
            "model": peticion.modelo,
            "service_tier": "default",
            "system_fingerprint": "fp_doble",
        }

    def _flujo(self, dada: Respuesta, peticion: Peticion) -> list[bytes]:
        cabeza = self._cabeza(peticion, "chat.completion.chunk")
        con_uso = bool((peticion.cuerpo.get("stream_options") or {}).get("include_usage"))
        resto: dict[str, Any] = {"usage": None} if con_uso else {}
        eventos = [{**cabeza, "choices": [_opcion(d)], **resto} for d in self._deltas(dada)]
        eventos.append({**cabeza, "choices": [_opcion({}, _fin(dada))], **resto})
        if con_uso:
            eventos.append({**cabeza, "choices": [], "usage": _uso(dada, peticion)})
        return [b"data: " + orjson.dumps(e) + b"\n\n" for e in eventos] + [b"data: [DONE]\n\n"]

    def _deltas(self, dada: Respuesta) -> Iterable[dict[str, Any]]:
        contenido = "" if dada.texto or not dada.llamadas else None
        yield {"role": "assistant", "content": contenido, "refusal": None}
        for pieza in partir(dada.texto, dada.trozos):
            yield {"content": pieza}
        for orden, ll in enumerate(dada.llamadas):
            indice = orden if ll.indice is None else ll.indice
            abierta = {"index": indice, **self._llamada(ll, "")}
            yield {"tool_calls": [abierta]}
            for pieza in partir(ll.texto_args, dada.trozos):
                yield {"tool_calls": [{"index": indice, "function": {"arguments": pieza}}]}

    def _llamada(self, ll: Llamada, argumentos: str) -> dict[str, Any]:
        automatico = f"call_doble{next(self._numero):08d}"
        identidad = automatico if ll.id == ID_AUTOMATICO else ll.id
        return {
            **({} if identidad is None else {"id": identidad}),
            "type": "function",
            "function": {"name": ll.nombre, "arguments": argumentos},
        }

    def _entera(self, dada: Respuesta, peticion: Peticion) -> bytes:
        mensaje: dict[str, Any] = {
            "role": "assistant",
            "content": dada.texto or (None if dada.llamadas else ""),
            "refusal": None,
        }
        if dada.llamadas:
            mensaje["tool_calls"] = [self._llamada(ll, ll.texto_args) for ll in dada.llamadas]
        opcion = {"index": 0, "message": mensaje, "logprobs": None, "finish_reason": _fin(dada)}
        return orjson.dumps(
            {
                **self._cabeza(peticion, "chat.completion"),
                "choices": [opcion],
                "usage": _uso(dada, peticion),
            }
        )


def _opcion(delta: dict[str, Any], fin: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": fin}


def _fin(dada: Respuesta) -> str:
    return _FINES.get(dada.fin, "tool_calls" if dada.llamadas else "stop")


def _uso(dada: Respuesta, peticion: Peticion) -> dict[str, Any]:
    uso = uso_de(dada, int(peticion.cabeceras.get("Content-Length", "0")))
    return {
        "prompt_tokens": uso.entrada,
        "completion_tokens": uso.salida,
        "total_tokens": uso.total,
        "prompt_tokens_details": {"cached_tokens": uso.cacheados, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
