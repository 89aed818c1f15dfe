"""Relleno estricto de prompts: solo huecos conocidos, y las demás llaves son texto."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from agentes.errores import ErrorPlantilla

CARPETA = Path(__file__).parent
TOPE_BYTES = 256 * 1024

_HUECO = re.compile(r"\{([a-z_]+)\}")


def rellenar(plantilla: str, valores: dict[str, str]) -> str:
    """Cambia cada `{nombre}` que esté en `valores`; cualquier otra llave queda como está."""
    return _HUECO.sub(lambda m: valores.get(m[1], m[0]), plantilla)


def rellenar_propia(nombre: str, valores: dict[str, str]) -> str:
    """Rellena una plantilla nuestra, donde todo hueco ha de tener valor.

    Lanza `ErrorPlantilla` si falta un valor.
    """
    plantilla = leer_prompt(nombre)
    faltan = sorted(set(_HUECO.findall(plantilla)) - valores.keys())
    if faltan:
        raise ErrorPlantilla(f"prompts/{nombre}: falta valor para {', '.join(faltan)}")
    return rellenar(plantilla, valores)


@cache
def leer_prompt(nombre: str) -> str:
    """Lee un archivo de `prompts/` (UTF-8).

    Lanza `ErrorPlantilla` si no existe, sale de la carpeta, no es UTF-8 o pasa de 256 KiB.
    """
    ruta = (CARPETA / nombre).resolve()
    if not ruta.is_relative_to(CARPETA):
        raise ErrorPlantilla(f"el prompt «{nombre}» sale de la carpeta prompts/")
    try:
        if ruta.stat().st_size > TOPE_BYTES:
            raise ErrorPlantilla(f"prompts/{nombre} pasa de {TOPE_BYTES // 1024} KiB")
        return ruta.read_text(encoding="utf-8")
    except OSError as error:
        raise ErrorPlantilla(f"no se puede leer prompts/{nombre}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ErrorPlantilla(f"prompts/{nombre} no está en UTF-8") from error
