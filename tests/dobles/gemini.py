"""Doble de la API generateContent de Gemini."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

import orjson

from tests.dobles.base import Doble
from tests.dobles.firmas import Firmas
from tests.dobles.guion import Guion
from tests.dobles.lectura_gemini import LectorGemini
from tests.dobles.peticion import Peticion
from tests.dobles.rechazo import Rechazo
from tests.dobles.respuestas import ID_AUTOMATICO, Fin, Llamada, Respuesta, partir, uso_de
from tests.dobles.validacion_gemini import validar

MODELOS = (
    "gemini-prueba", "gemini-3-prueba", "gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro",
    "gemini-3-flash-preview", "gemini-3-pro-preview", "gemini-3.5-flash", "gemini-flash-latest",
)  # fmt: skip
_RUTA = re.compile(r"/v1beta/models/([^/:]+):(streamGenerateContent|generateContent)")
_ESTADOS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip
_FINES = {
    Fin.LONGITUD: "MAX_TOKENS",
    Fin.FILTRO: "SAFETY",
    Fin.MALFORMADA: "MALFORMED_FUNCTION_CALL",
}
_INVALIDA = "API key not valid. Please pass a valid API key."
_DESBORDE = (
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
)
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_SIN_ARGS = object()


class DobleGemini(Doble):
    """`async with DobleGemini(guion) as doble:` y `doble.url` (sin `/v1beta`) para el cliente.

    Las llamadas salen firmadas (véase `firmas`); `firmar=False` imita a los modelos anteriores.
    """

    lector = LectorGemini()

    def __init__(
        self,
        guion: Guion,
        *,
        modelos: Iterable[str] | None = MODELOS,
        firmar: bool = True,
        **opciones: Any,
    ) -> None:
        super().__init__(guion, modelos=modelos, **opciones)
        self._numero = itertools.count(1)
        self._firmas = Firmas()
        self._con_firma = firmar

    @property
    def url(self) -> str:
        """La dirección base, sin `/v1beta`, como la quiere el cliente."""
        return self.raiz

    def _modelo(self, ruta: str, cuerpo: dict[str, Any]) -> str:
        hallado = _RUTA.fullmatch(ruta)
        if hallado is None:
            msg = f"The requested URL {ruta} was not found on this server."
            raise Rechazo(msg, estado=404)
        return hallado.group(1)

    def _autenticar(self, peticion: Peticion) -> None:
        clave = peticion.cabeceras.get("x-goog-api-key")
        if not clave:
            msg = (
                "Method doesn't allow unregistered callers (callers without established "
                "identity). Please use API Key or other form of API consumer identity."
            )
            raise Rechazo(msg, estado=403)
        if clave != self.clave:
            raise Rechazo(_INVALIDA, codigo="API_KEY_INVALID")

    def _validar(self, peticion: Peticion) -> None:
        if self.modelos is not None and peticion.modelo not in self.modelos:
            msg = (
                f"models/{peticion.modelo} is not found for API version v1beta, or is not "
                "supported for generateContent. Call ListModels to see the available models."
            )
            raise Rechazo(msg, estado=404)
        validar(peticion.cuerpo)
        self._firmas.exigir_en(peticion.cuerpo["contents"])

    def _en_flujo(self, peticion: Peticion) -> bool:
        return peticion.ruta.endswith(":streamGenerateContent")

    def _error(self, estado: int, mensaje: str, codigo: str | None, donde: str | None) -> bytes:
        if codigo in {"API_KEY_INVALID", "invalid_api_key"}:
            estado, mensaje, codigo = 400, _INVALIDA, "API_KEY_INVALID"
        if codigo == "context_length_exceeded":
            mensaje = _DESBORDE
        error: dict[str, Any] = {
            "code": estado,
            "message": mensaje,
            "status": _ESTADOS.get(estado, "UNKNOWN"),
        }
        if codigo == "API_KEY_INVALID":
            error["details"] = [
                {"@type": _ERROR_INFO, "reason": codigo, "domain": "googleapis.com"}
            ]
        return orjson.dumps({"error": error})

    def _error_en_flujo(self) -> bytes:
        error = self._error(503, "The model is overloaded. Please try again later.", None, None)
        return b"data: " + error + b"\r\n\r\n"

    def _flujo(self, dada: Respuesta, peticion: Peticion) -> list[bytes]:
        comun = self._comun(dada, peticion)
        eventos = [
            {"candidates": [{"content": _contenido([parte]), "index": 0}], **comun}
            for parte in self._partes(dada, dada.trozos)
        ]
        eventos.append({**self._final(dada, [{"text": ""}]), **comun})
        return [b"data: " + orjson.dumps(e) + b"\r\n\r\n" for e in eventos]

    def _entera(self, dada: Respuesta, peticion: Peticion) -> bytes:
        partes = list(self._partes(dada, 1)) or [{"text": ""}]
        return orjson.dumps({**self._final(dada, partes), **self._comun(dada, peticion)})

    def _comun(self, dada: Respuesta, peticion: Peticion) -> dict[str, Any]:
        uso = uso_de(dada, int(peticion.cabeceras.get("Content-Length", "0")))
        cuenta = {
            "promptTokenCount": uso.entrada,
            "candidatesTokenCount": uso.salida,
            "totalTokenCount": uso.total,
        }
        if uso.cacheados:
            cuenta["cachedContentTokenCount"] = uso.cacheados
        return {
            "usageMetadata": cuenta,
            "modelVersion": peticion.modelo,
            "responseId": f"doble{next(self._numero)}",
        }

    def _partes(self, dada: Respuesta, trozos: int) -> Iterable[dict[str, Any]]:
        for pieza in partir(dada.texto, trozos):
            yield {"text": pieza}
        if _es_malformada(dada):
            return
        llamadas = [(ll, _args(ll, dada.fin)) for ll in dada.llamadas]
        for orden, (ll, args) in enumerate(llamadas):
            funcion: dict[str, Any] = {"name": ll.nombre}
            if args is not _SIN_ARGS:
                funcion["args"] = args
            if ll.id not in {ID_AUTOMATICO, None}:
                funcion["id"] = ll.id
            parte: dict[str, Any] = {"functionCall": funcion}
            if self._con_firma and orden == 0:
                recibidas = [(x.nombre, {} if a is _SIN_ARGS else a) for x, a in llamadas]
                parte["thoughtSignature"] = self._firmas.firmar(recibidas)
            yield parte

    def _final(self, dada: Respuesta, partes: list[dict[str, Any]]) -> dict[str, Any]:
        if dada.fin is Fin.FILTRO_PETICION:
            return {"promptFeedback": {"blockReason": "SAFETY"}}
        fin = "MALFORMED_FUNCTION_CALL" if _es_malformada(dada) else _FINES.get(dada.fin, "STOP")
        candidato: dict[str, Any] = {"finishReason": fin, "index": 0}
        if fin in {"STOP", "MAX_TOKENS"}:
            candidato["content"] = _contenido(partes)
        if fin == "MALFORMED_FUNCTION_CALL":
            candidato["finishMessage"] = "Malformed function call: print(default_api."
        return {"candidates": [candidato]}


def _contenido(partes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "model", "parts": partes}


def _es_malformada(dada: Respuesta) -> bool:
    return dada.fin is Fin.MALFORMADA or any(_args(ll, dada.fin) is None for ll in dada.llamadas)


def _args(ll: Llamada, fin: Fin) -> Any:
    """Los argumentos como valor JSON; None si no lo son, `_SIN_ARGS` si están vacíos.

    Unos cortados por longitud se cierran como se pueda: es lo más peligroso que cabe aquí.
    """
    if ll.texto_args == "":
        return _SIN_ARGS
    for cierre in ("", '"}', "}") if fin is Fin.LONGITUD else ("",):
        try:
            return orjson.loads(ll.texto_args + cierre)
        except orjson.JSONDecodeError:
            continue
    return None
