"""Una cuenta: lo que se puede gastar con ella, lo gastado y lo apartado. Sin efectos."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentes.presupuesto import Recurso, Topes
from servicios.llm.presupuestos.precios import Precio

SALIDA_MAXIMA = 16_384
"""Tokens que se dejan escribir a una llamada si hay presupuesto y queda de sobra."""
SALIDA_MINIMA = 64
"""Con menos sitio para escribir, no merece la pena llamar."""


@dataclass(slots=True)
class Gastos:
    """Lo gastado de cada recurso."""

    tokens: float = 0
    usd: float = 0.0
    segundos: float = 0.0
    comandos: float = 0
    agentes: float = 0

    def de(self, recurso: Recurso) -> float:
        """Lo de uno."""
        return float(getattr(self, recurso.value))

    def sumar(self, recurso: Recurso, cantidad: float) -> None:
        """Gasta eso."""
        setattr(self, recurso.value, getattr(self, recurso.value) + cantidad)


@dataclass(slots=True, eq=False)
class Cuenta:
    """Una cuenta: sus topes, lo gastado, lo apartado y desde cuándo hay algo en marcha."""

    nombre: str
    topes: Topes = field(default_factory=dict)
    gastado: Gastos = field(default_factory=Gastos)
    apartado: Gastos = field(default_factory=Gastos)
    en_marcha: int = 0
    desde: float = 0.0
    avisados: set[tuple[str, float]] = field(default_factory=set)

    def usado(self, recurso: Recurso, ahora: float) -> float:
        """Lo gastado, con el tiempo de lo que está en marcha."""
        corre = recurso is Recurso.SEGUNDOS and self.en_marcha
        return self.gastado.de(recurso) + (ahora - self.desde if corre else 0.0)

    def empezar(self, ahora: float) -> None:
        """Algo suyo se pone en marcha; a la vez que otra cosa, el tiempo cuenta una vez."""
        if not self.en_marcha:
            self.desde = ahora
        self.en_marcha += 1

    def acabar(self, ahora: float) -> None:
        """Y acaba."""
        self.en_marcha -= 1
        if not self.en_marcha:
            self.gastado.segundos += ahora - self.desde

    def cabe(self, recurso: Recurso, cantidad: float, ahora: float) -> bool:
        """Si se puede gastar eso más, sin contar lo apartado. Del tiempo, si queda algo."""
        tope = self.topes.get(recurso)
        if tope is None:
            return True
        usado = self.usado(recurso, ahora)
        return usado < tope if recurso is Recurso.SEGUNDOS else usado + cantidad <= tope

    def salida(self, entrada: int, precio: Precio, *, con_apartado: bool) -> float:
        """Los tokens que se podrían escribir tras esa entrada; negativo si ni ella cabe."""
        cabe = float(SALIDA_MAXIMA)
        apartado = self.apartado if con_apartado else Gastos()
        if Recurso.TOKENS in self.topes:
            usados = self.gastado.tokens + apartado.tokens
            cabe = min(cabe, self.topes[Recurso.TOKENS] - usados - entrada)
        if Recurso.USD in self.topes:
            usado = self.gastado.usd + apartado.usd
            queda = self.topes[Recurso.USD] - usado - entrada * precio.entrada
            if queda < 0 or precio.salida:
                cabe = min(cabe, queda / precio.salida if precio.salida else -1.0)
        return cabe

    def por_que(self, recurso: Recurso, ahora: float) -> str:
        """Cómo va ese tope, dicho."""
        usado, tope = self.usado(recurso, ahora), self.topes[recurso]
        return f"{self.nombre}: gastado {recurso.dicho(usado)} de {recurso.dicho(tope)}"
