"""Las firmas de pensamiento que Gemini 3 pone en sus llamadas y exige de vuelta.

Cada respuesta con llamadas lleva una firma en la primera, como hace Gemini 3 con las paralelas.
Un turno de la historia que repite exactamente las llamadas de una respuesta firmada debe traer
su firma, también en turnos ya cerrados: el real solo mira el turno en curso, pero aquí perderla
delata que el mensaje no se guardó entero. Por lo mismo no vale el comodín que salta la
validación. Los turnos que este doble no firmó (vienen de otro proveedor) no se miran.
"""

from __future__ import annotations

import base64
import itertools
from typing import Any

import orjson

from tests.dobles.lectura_gemini import llamadas_de
from tests.dobles.rechazo import exigir

_AYUDA = "https://ai.google.dev/gemini-api/docs/thought-signatures"


class Firmas:
    """Las firmas repartidas, por las llamadas de la respuesta que firman."""

    def __init__(self) -> None:
        self._repartidas: dict[bytes, set[str]] = {}
        self._numero = itertools.count(1)

    def firmar(self, llamadas: list[tuple[str, Any]]) -> str:
        """Una firma nueva para la primera de estas llamadas."""
        firma = base64.b64encode(f"firma del doble {next(self._numero)}".encode()).decode()
        self._repartidas.setdefault(_huella(llamadas), set()).add(firma)
        return firma

    def exigir_en(self, contenidos: list[dict[str, Any]]) -> None:
        """Lanza `Rechazo` si a un turno firmado le falta su firma o trae otra."""
        for posicion, contenido in enumerate(contenidos, start=1):
            llamadas = llamadas_de(contenido)
            validas = self._repartidas.get(_huella(llamadas), set()) if llamadas else set()
            if validas:
                _exigir_firma(contenido, validas, f"`{llamadas[0][0]}`, position {posicion}")


def _exigir_firma(contenido: dict[str, Any], validas: set[str], cual: str) -> None:
    primera = next(p for p in contenido["parts"] if "functionCall" in p)
    firma = primera.get("thoughtSignature")
    exigir(
        firma,
        "Function call is missing a thought_signature in functionCall parts. This is required "
        f"for tools to work correctly. Additional data, function call {cual}. See {_AYUDA}",
    )
    igualada = str(firma).replace("-", "+").replace("_", "/")
    igualada += "=" * (-len(igualada) % 4)
    exigir(igualada in validas, f"Corrupted thought signature, function call {cual}.")


def _huella(llamadas: list[tuple[str, Any]]) -> bytes:
    return orjson.dumps([[n, _normal(a)] for n, a in llamadas], option=orjson.OPT_SORT_KEYS)


def _normal(valor: Any) -> Any:
    """Los clientes devuelven `5` donde se mandó `5.0`: es el mismo número."""
    match valor:
        case float() if valor.is_integer():
            return int(valor)
        case dict():
            return {k: _normal(v) for k, v in valor.items()}
        case list():
            return [_normal(v) for v in valor]
        case _:
            return valor
