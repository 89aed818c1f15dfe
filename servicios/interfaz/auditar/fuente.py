"""De dónde se lee y con qué ojos: la bitácora que se pide y la redacción de secretos."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from servicios.ajustes import Ajustes
from servicios.consola.secretos.secretos import Secretos
from servicios.herramientas.guardia import NO_SECRETAS

Redactar = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Fuente:
    """Qué bitácora se lee y cómo se tapan los secretos de lo que se saca de ella.

    `retener` dice cuánto del final de un texto a medias no se puede enseñar todavía. La bitácora ya se escribió sin secretos; se mira otra vez por los que se conocieron después.
    """

    ruta: Path
    redactar: Redactar
    retener: Callable[[str], int]


def elegir_fuente(ruta: str | None) -> Fuente:
    """La de los ajustes, u otra. Lanza `ErrorConfiguracion` si los ajustes no valen."""
    ajustes = Ajustes.leer()
    elegida = Path(ruta).expanduser() if ruta else ajustes.datos / "swarm.db"
    env = dotenv_values(ajustes.raiz / ".env", encoding="utf-8")
    secretos = Secretos.desde(os.environ, env, NO_SECRETAS)
    return Fuente(elegida, secretos.redactar, secretos.retener)
