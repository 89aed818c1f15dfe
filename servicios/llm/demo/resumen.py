"""El resumen que escribe la demostración cuando una historia se compacta, y cómo lo vuelve a leer.

Ella solo sabe lo que hay en su historia, así que el resumen ha de decirle por dónde iba.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORMA = re.compile(
    r"Quedan por hacer: (?P<quedan>\d+)\nEspera a: (?P<espera>[^\n]*)\n"
    r"Avisaron: (?P<avisaron>[^\n]*)\nHecho:\n?(?P<hecho>.*)",
    re.DOTALL,
)
_NADIE = "nadie"


@dataclass(frozen=True, slots=True)
class Resumido:
    """Por dónde iba un agente: órdenes que le quedan, a quién espera y lo que ha de contar."""

    quedan: int
    espera: tuple[str, ...]
    avisaron: tuple[str, ...]
    hecho: str

    @property
    def texto(self) -> str:
        """Como lo escribe."""
        return (
            "Resumen hecho con reglas fijas: no hay un modelo de lenguaje detrás.\n"
            f"Quedan por hacer: {self.quedan}\nEspera a: {_lista(self.espera)}\n"
            f"Avisaron: {_lista(self.avisaron)}\nHecho:\n{self.hecho}"
        )


def leer_resumido(texto: str) -> Resumido | None:
    """Lo que dice un resumen suyo, o `None` si lo escribió otro."""
    hallado = _FORMA.search(texto)
    if hallado is None:
        return None
    espera, avisaron = (_nombres(hallado[campo]) for campo in ("espera", "avisaron"))
    return Resumido(int(hallado["quedan"]), espera, avisaron, hallado["hecho"])


def _lista(nombres: tuple[str, ...]) -> str:
    return ", ".join(nombres) or _NADIE


def _nombres(texto: str) -> tuple[str, ...]:
    return () if texto == _NADIE else tuple(texto.split(", "))
