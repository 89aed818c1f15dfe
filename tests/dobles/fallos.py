"""Las averías que un proveedor puede tener, por su nombre.

`fallo("reinicio")` da la respuesta averiada; `FALLOS` las enumera para pruebas parametrizadas.
Donde un proveedor no puede tener la avería tal cual (Gemini manda los argumentos como objeto),
el doble hace lo que haría el real: terminar con `MALFORMED_FUNCTION_CALL`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.dobles.respuestas import ClaseCorte, Corte, Error, Fin, Llamada, Respuesta

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTO = "Una respuesta que iba a ser bastante larga y que nunca llega entera."
HERRAMIENTA = "ejecutar_comando_consola"
ORDEN = "rm -rf /datos/tmp/basura"
ARGS = {"command": ORDEN}
HTML = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


def _http(estado: int, mensaje: str, codigo: str | None = None) -> Callable[..., Respuesta]:
    def crear(retry_after: str | float | None = None, mensaje: str = mensaje) -> Respuesta:
        cabecera = None if retry_after is None else str(retry_after)
        return Respuesta(error=Error(estado, mensaje, codigo, cabecera))

    return crear


def _reinicio() -> Respuesta:
    return Respuesta(error=Error(reinicio=True))


def _basura(cuerpo: str = HTML) -> Respuesta:
    return Respuesta(error=Error(estado=200, crudo=cuerpo))


def _cortado(clase: ClaseCorte) -> Callable[..., Respuesta]:
    def crear(
        texto: str = TEXTO,
        llamadas: tuple[Llamada, ...] = (),
        tras: int | None = None,
        espera_s: float = 0.0,
    ) -> Respuesta:
        corte = Corte(clase, tras, espera_s)
        return Respuesta(texto=texto, llamadas=llamadas, corte=corte, trozos=6)

    return crear


def _silencio(espera_s: float = 30.0) -> Respuesta:
    return Respuesta(corte=Corte(ClaseCorte.SILENCIO, tras=0, espera_s=espera_s))


def _lento(texto: str = TEXTO, entre_trozos_s: float = 0.05, trozos: int = 10) -> Respuesta:
    return Respuesta(texto=texto, entre_trozos_s=entre_trozos_s, trozos=trozos)


def _crudo(crudo: str, fin: Fin = Fin.AUTO) -> Callable[..., Respuesta]:
    def crear(nombre: str = HERRAMIENTA, crudo: str = crudo, texto: str = "") -> Respuesta:
        return Respuesta(texto=texto, llamadas=(Llamada(nombre, crudo=crudo),), fin=fin)

    return crear


def _corte_en_args(nombre: str = HERRAMIENTA, args: dict[str, Any] | None = None) -> Respuesta:
    """El flujo se cierra limpiamente con la llamada a medias, sin motivo de fin."""
    corte = Corte(ClaseCorte.LIMPIO, tras=4)
    return Respuesta(llamadas=(Llamada(nombre, args or ARGS),), corte=corte, trozos=6)


def _dos(**opciones: Any) -> Callable[..., Respuesta]:
    def crear(
        nombre: str = HERRAMIENTA,
        primera: dict[str, Any] | None = None,
        segunda: dict[str, Any] | None = None,
    ) -> Respuesta:
        una, otra = primera or {"command": "echo una"}, segunda or {"command": "echo dos"}
        llamadas = (Llamada(nombre, una, **opciones), Llamada(nombre, otra, **opciones))
        return Respuesta(llamadas=llamadas)

    return crear


def _desconocida(nombre: str = "herramienta_que_no_existe") -> Respuesta:
    return Respuesta(llamadas=(Llamada(nombre, {"a": 1}),))


def _terminado(fin: Fin) -> Callable[..., Respuesta]:
    def crear(texto: str = "") -> Respuesta:
        return Respuesta(texto=texto, fin=fin)

    return crear


_CORTADO = '{"command": "rm -rf /datos/tmp/bas'

FALLOS: dict[str, Callable[..., Respuesta]] = {
    "429": _http(429, "Rate limit reached for requests.", "rate_limit_exceeded"),
    "500": _http(500, "The server had an error while processing your request."),
    "503": _http(503, "The model is overloaded. Please try again later."),
    "401": _http(401, "Incorrect API key provided: sk-falsa.", "invalid_api_key"),
    "contexto": _http(
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted "
        "in 140000 tokens. Please reduce the length of the messages.",
        "context_length_exceeded",
    ),
    "reinicio": _reinicio,
    "reinicio_a_mitad": _cortado(ClaseCorte.REINICIO),
    "fin_limpio_a_mitad": _cortado(ClaseCorte.LIMPIO),
    "fin_limpio_en_argumentos": _corte_en_args,
    "error_en_flujo": _cortado(ClaseCorte.ERROR),
    "basura_html": _basura,
    "silencio": _silencio,
    "lento": _lento,
    "argumentos_cortados_longitud": _crudo(_CORTADO, Fin.LONGITUD),
    "argumentos_cortados_completos": _crudo(_CORTADO, Fin.LLAMADAS),
    "json_malformado": _crudo('{"command": echo hola}'),
    "argumentos_texto": _crudo('"ls -la"'),
    "argumentos_lista": _crudo('["ls", "-la"]'),
    "argumentos_numero": _crudo("42"),
    "argumentos_vacios": _crudo(""),
    "ids_repetidos": _dos(id="call_repetida"),
    "sin_ids": _dos(id=None),
    "mismo_indice": _dos(indice=0),
    "herramienta_desconocida": _desconocida,
    "respuesta_vacia": _terminado(Fin.AUTO),
    "longitud": _terminado(Fin.LONGITUD),
    "filtro": _terminado(Fin.FILTRO),
    "filtro_peticion": _terminado(Fin.FILTRO_PETICION),
    "llamada_malformada": _terminado(Fin.MALFORMADA),
}
"""Nombre → fábrica. Las opciones de cada una son las de su función."""


def fallo(nombre: str, **opciones: Any) -> Respuesta:
    """La avería de ese nombre; las opciones dependen de cuál (`retry_after=1`, `tras=2`...)."""
    return FALLOS[nombre](**opciones)
