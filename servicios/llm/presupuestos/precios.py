"""Lo que cuesta cada modelo: una tabla con fecha y, encima, la de la persona.

    servicios/llm/presupuestos/precios.json  <  data/precios.json (con la misma forma)

En `modelos`, cada `proveedor:modelo` (o `proveedor:*`) lleva `entrada`, `salida` y, si la hay,
`cache`, en dólares por millón de tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentes.errores import ErrorConfiguracion
from agentes.respuestas import Uso

PROPIOS = "precios.json"
"""El archivo de la persona, en su carpeta de datos."""

_TABLA = Path(__file__).with_name("precios.json")
_MILLON = 1_000_000
_MAXIMO = 1e9
_CLAVES = {"entrada", "salida", "cache"}


@dataclass(frozen=True, slots=True)
class Precio:
    """Dólares por token de entrada, de salida y de entrada que el proveedor tenía en caché."""

    entrada: float
    salida: float
    cache: float

    def de(self, uso: Uso) -> float:
        """Lo que cuesta un uso, en dólares."""
        nuevos = max(uso.entrada - uso.cacheados, 0)
        return nuevos * self.entrada + uso.cacheados * self.cache + uso.salida * self.salida


GRATIS = Precio(0.0, 0.0, 0.0)


class Precios:
    """Los precios que se saben, por referencia `proveedor:modelo`."""

    def __init__(self, tabla: Mapping[str, Precio]) -> None:
        self._tabla = dict(tabla)

    @classmethod
    def leer(cls, datos: Path) -> Precios:
        """Los del producto y, encima, los de esa carpeta de datos. Lanza `ErrorConfiguracion`."""
        propios = datos / PROPIOS
        tabla = _leer(_TABLA)
        return cls(tabla | _leer(propios) if propios.exists() else tabla)

    def de(self, referencia: str) -> Precio | None:
        """El de un modelo, o `None` si no se sabe."""
        proveedor = referencia.partition(":")[0]
        return self._tabla.get(referencia) or self._tabla.get(f"{proveedor}:*")

    def exigir(self, referencias: Iterable[str]) -> None:
        """Que se sepan todos. Lanza `ErrorConfiguracion`, que dice cuáles faltan y cómo darlos."""
        faltan = sorted({r for r in referencias if self.de(r) is None})
        if faltan:
            raise ErrorConfiguracion(
                f"hay un tope de usd y no se sabe el precio de {', '.join(faltan)}: ponlo en"
                f" {PROPIOS}, en la carpeta de datos, como"
                f' {{"modelos": {{"{faltan[0]}": {{"entrada": 1, "salida": 2}}}}}}'
                " (dólares por millón de tokens)"
            )


def _leer(ruta: Path) -> dict[str, Precio]:
    try:
        leido = json.loads(ruta.read_text(encoding="utf-8"))
        modelos = leido["modelos"]
        return {str(modelo): _precio(dato) for modelo, dato in modelos.items()}
    except OSError as error:
        raise ErrorConfiguracion(f"{ruta}: no se puede leer ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        motivo = str(error) if isinstance(error, _PrecioMaloError) else "no es una tabla de precios"
        raise ErrorConfiguracion(
            f"{ruta}: {motivo}; la forma es"
            ' {"modelos": {"proveedor:modelo": {"entrada": 1, "salida": 2, "cache": 0.1}}}'
        ) from error


class _PrecioMaloError(ValueError):
    """Un precio que no lo es."""


def _precio(dato: Any) -> Precio:
    if not isinstance(dato, dict) or not {"entrada", "salida"} <= dato.keys() <= _CLAVES:
        raise _PrecioMaloError(f"un precio lleva «entrada», «salida» y quizá «cache»: {dato}")
    entrada, salida = _por_token("entrada", dato), _por_token("salida", dato)
    return Precio(entrada, salida, _por_token("cache", dato) if "cache" in dato else entrada)


def _por_token(clave: str, dato: Mapping[str, Any]) -> float:
    valor = dato[clave]
    sano = isinstance(valor, int | float) and not isinstance(valor, bool)
    if not sano or not 0 <= valor <= _MAXIMO:  # NaN tampoco
        raise _PrecioMaloError(
            f"«{clave}» ha de ser un número desde 0, y razonable, y es {str(valor)[:40]}"
        )
    return float(valor) / _MILLON
