"""Que ningún secreto viaje a un modelo ni salga de él: ni en la historia ni según se escribe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentes.respuestas import LlamadaHerramienta, con_textos
from prompts.tool_definitions import HERRAMIENTAS_MASTER, HERRAMIENTAS_REPORTE
from servicios.llm.colector import Recogido

Redactar = Callable[[str], str]
Retener = Callable[[str], int]
"""De un texto a medio llegar, cuántas letras de su final no se pueden enseñar todavía."""

_DE_PALABRA = {e["name"] for e in (*HERRAMIENTAS_MASTER, *HERRAMIENTAS_REPORTE)}
"""Herramientas que solo llevan texto a otros; las demás se ejecutan como el modelo las escribió."""

_VISIBLES = "".join(map(chr, range(ord("!"), ord("~") + 1)))
_TOPE_PALABRA = 4_096
_CONTEXTO = 80


def no_retener(_: str) -> int:
    """Nada que esperar."""
    return 0


class HistoriaLimpia:
    """Las historias de un agente tal como salen por el cable.

    Un mensaje se mira la primera vez que aparece; el que llevaba secretos se cambia siempre por
    el mismo, así que se convierte una sola vez y lo que ya se mandó no cambia.
    """

    def __init__(self, redactar: Redactar) -> None:
        self._redactar = redactar
        # Con el original se guarda viva su identidad.
        self._cambiados: dict[int, tuple[BaseMessage, BaseMessage]] = {}

    def tomar(self, historial: Sequence[BaseMessage], desde: int) -> Sequence[BaseMessage]:
        """La historia sin secretos; los mensajes anteriores a `desde` ya se miraron."""
        for mensaje in historial[desde:]:
            if not isinstance(mensaje, AIMessage) and id(mensaje) not in self._cambiados:
                contenido = con_textos(mensaje.content, self._redactar)
                if contenido != mensaje.content:
                    limpio = mensaje.model_copy(update={"content": contenido})
                    self._cambiados[id(mensaje)] = (mensaje, limpio)
        if not self._cambiados:
            return historial
        return [self._cambiados.get(id(mensaje), (None, mensaje))[1] for mensaje in historial]


class TextoVivo:
    """Lo que se puede enseñar de un texto según llega.

    Espera una palabra a medias, y lo que diga `retener`: así una clave partida en trozos no se
    ve. Lo que se enseña se juzga con lo de delante y no cambia al llegar lo de detrás.
    """

    def __init__(self, redactar: Redactar, retener: Retener = no_retener) -> None:
        self._redactar = redactar
        self._retener = retener
        self._espera = ""
        self._visto = ""

    def tomar(self, trozo: str) -> str:
        """Lo nuevo que se puede enseñar; puede no ser nada."""
        junto = self._espera + trozo
        cola = junto[-_TOPE_PALABRA:]
        palabra = len(cola) - len(cola.rstrip(_VISIBLES))
        corte = len(junto) - max(palabra, self._retener(junto))
        if corte <= 0 or not self._firme(junto, corte):
            self._espera = junto
            return ""
        self._espera = junto[corte:]
        return self._limpiar(junto[:corte])

    def acabar(self) -> str:
        """Lo que quedaba por enseñar."""
        resto, self._espera = self._espera, ""
        return self._limpiar(resto)

    def _firme(self, junto: str, corte: int) -> bool:
        """Si el corte no parte nada que entero se taparía."""
        partes = self._redactar(self._visto + junto[:corte]) + self._redactar(junto[corte:])
        return self._redactar(self._visto + junto) == partes

    def _limpiar(self, nuevo: str) -> str:
        if not nuevo:
            return ""
        junto = self._redactar(self._visto + nuevo)
        limpio = (
            junto[len(self._visto) :] if junto.startswith(self._visto) else self._redactar(nuevo)
        )
        self._visto = (self._visto + limpio)[-_CONTEXTO:]
        return limpio


def sin_secretos(recogido: Recogido, redactar: Redactar) -> Recogido:
    """Una respuesta sin secretos en lo que se guarda, se enseña o se vuelve a mandar.

    De sus llamadas, las que se ejecutan conservan los argumentos como los escribió el modelo.
    """
    mensaje = recogido.mensaje
    cambios = {
        "content": con_textos(mensaje.content, redactar)
        if isinstance(mensaje.content, str)
        else [_bloque(bloque, redactar) for bloque in mensaje.content],
        "tool_calls": [
            {**ll, "args": con_textos(ll["args"], redactar)} for ll in mensaje.tool_calls
        ],
    }
    sucios = {k: v for k, v in cambios.items() if v != getattr(mensaje, k)}
    texto = redactar(recogido.texto)
    if not sucios and texto == recogido.texto:
        return recogido
    return replace(
        recogido,
        mensaje=mensaje.model_copy(update=sucios),
        texto=texto,
        llamadas=tuple(_llamada(ll, redactar) for ll in recogido.llamadas),
    )


def _bloque(bloque: Any, redactar: Redactar) -> Any:
    """Un bloque de contenido con su texto redactado; sus firmas no se tocan."""
    if isinstance(bloque, dict) and isinstance(bloque.get("text"), str):
        return {**bloque, "text": redactar(bloque["text"])}
    return con_textos(bloque, redactar) if isinstance(bloque, str) else bloque


def _llamada(llamada: LlamadaHerramienta, redactar: Redactar) -> LlamadaHerramienta:
    if llamada.nombre not in _DE_PALABRA:
        return llamada
    return replace(llamada, args=con_textos(llamada.args, redactar))
