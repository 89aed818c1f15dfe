"""Un presupuesto: qué se puede gastar, como mucho, y cómo se dice. Datos puros.

tokens=N, usd=X, segundos=N, comandos=N, agentes=N      lo que no se nombra no tiene tope
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from agentes.errores import ErrorConfiguracion

SOLO = "solo"
"""La clave de lo que se puede gastar sin contar lo de los que cuelgan de uno."""

_MAXIMO = 1e12


class Recurso(StrEnum):
    """De qué se pone un tope. `agentes` son los que se lanzan."""

    TOKENS = "tokens"
    USD = "usd"
    SEGUNDOS = "segundos"
    COMANDOS = "comandos"
    AGENTES = "agentes"

    @property
    def va_entero(self) -> bool:
        """Si solo se cuenta de uno en uno."""
        return self not in {Recurso.USD, Recurso.SEGUNDOS}

    def dicho(self, cantidad: float) -> str:
        """Una cantidad, para leerla."""
        match self:
            case Recurso.USD:
                return f"{cantidad:.4f} $"
            case Recurso.SEGUNDOS:
                return f"{cantidad:.1f} s"
        return f"{cantidad:.0f} {self.value}"


Topes = Mapping[Recurso, float]
"""Lo que tiene tope. Cero es que de eso no se permite nada."""


@dataclass(frozen=True, slots=True)
class Presupuesto:
    """Los topes de uno: los de su rama (él y los que cuelgan de él) y los de él solo."""

    rama: Topes = field(default_factory=dict)
    solo: Topes = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rama or self.solo)

    @classmethod
    def de(cls, datos: Mapping[str, Any]) -> Self:
        """Del objeto de un archivo o de una fila. Lanza `ErrorConfiguracion`."""
        solo = datos.get(SOLO, {})
        if not isinstance(solo, Mapping):
            raise ErrorConfiguracion(f'«{SOLO}» ha de ser un objeto, como {{"tokens": 5000}}')
        propios = {clave: valor for clave, valor in datos.items() if clave != SOLO}
        return cls(_topes(propios), _topes(solo))

    def datos(self) -> dict[str, Any]:
        """El mismo objeto: lo que se guarda."""
        rama: dict[str, Any] = {recurso.value: tope for recurso, tope in self.rama.items()}
        solo = {recurso.value: tope for recurso, tope in self.solo.items()}
        return {**rama, SOLO: solo} if solo else rama

    def __str__(self) -> str:
        partes = [recurso.dicho(tope) for recurso, tope in self.rama.items()]
        partes += [f"{recurso.dicho(tope)} ({SOLO} él)" for recurso, tope in self.solo.items()]
        return ", ".join(partes)


@dataclass(frozen=True, slots=True)
class CuentaGuardada:
    """Lo que la bitácora sabe de la cuenta de uno: sus topes de ahora y lo que ya gastó.

    Los segundos de su rama no son la suma de los de cada uno: a la vez cuentan una vez. `hitos` son
    los avisos que ya se le dieron: la parte (80 o 95), la cuenta, el recurso y el tope. `sin_precio`
    son las llamadas cuyo precio no se sabía: modelo y tokens de entrada, de salida y en caché.
    `cortada` son los segundos que ya cuentan de la orden que se quedó a medias con el programa.
    """

    agente_id: str
    superior: str
    presupuesto: Presupuesto
    tokens: int = 0
    usd: float = 0.0
    comandos: int = 0
    agentes: int = 0
    segundos: float = 0.0
    segundos_rama: float = 0.0
    hitos: tuple[tuple[int, str, str, float], ...] = ()
    sin_precio: tuple[tuple[str, int, int, int], ...] = ()
    cortada: float = 0.0


@dataclass(frozen=True, slots=True)
class Cambio:
    """Lo que se pide con un presupuesto: cada recurso, con su cantidad y si se suma a lo que hay."""

    recurso: Recurso
    cantidad: float
    suma: bool = False


def leer_topes(texto: str) -> Topes:
    """De `tokens=N,usd=X` a los topes. Lanza `ErrorConfiguracion`, que dice qué está mal."""
    cambios = leer_cambios(texto.split(","))
    if not cambios:
        raise ErrorConfiguracion(f"está vacío; escribe, por ejemplo, {_EJEMPLO}")
    if any(cambio.suma for cambio in cambios):
        raise ErrorConfiguracion("aquí no hay a qué sumar: quita el «+»")
    return {cambio.recurso: cambio.cantidad for cambio in cambios}


_EJEMPLO = "tokens=200000,usd=1.5"


def leer_cambios(partes: Sequence[str]) -> tuple[Cambio, ...]:
    """Cada `recurso=N`, `recurso=+N` o `+N` (dólares). Lanza `ErrorConfiguracion`."""
    cambios = tuple(_cambio(parte.strip()) for parte in partes if parte.strip())
    if len({cambio.recurso for cambio in cambios}) != len(cambios):
        raise ErrorConfiguracion("hay un recurso repetido")
    return cambios


def _cambio(parte: str) -> Cambio:
    clave, igual, valor = parte.partition("=")
    if parte.startswith("+") and not igual:
        clave, valor = Recurso.USD.value, parte
    elif not igual:
        raise ErrorConfiguracion(f"«{parte[:80]}» no es recurso=N; por ejemplo, {_EJEMPLO}")
    recurso = _recurso(clave.strip())
    valor = valor.strip()
    try:
        cantidad = float(valor.removeprefix("+"))
    except ValueError:
        raise ErrorConfiguracion(f"{recurso}: «{valor[:80]}» no es un número") from None
    return Cambio(recurso, _sana(recurso, cantidad), valor.startswith("+"))


def ampliar(topes: Topes, cambios: Sequence[Cambio]) -> Topes:
    """Los topes con esos cambios. Lanza `ErrorConfiguracion` si se suma a lo que no tiene tope."""
    nuevos = dict(topes)
    for cambio in cambios:
        if cambio.suma and cambio.recurso not in nuevos:
            raise ErrorConfiguracion(
                f"no hay tope de {cambio.recurso} al que sumar: ponlo con {cambio.recurso}=N"
            )
        base = nuevos[cambio.recurso] if cambio.suma else 0.0
        nuevos[cambio.recurso] = _sana(cambio.recurso, base + cambio.cantidad)
    return nuevos


def _topes(datos: Mapping[str, Any]) -> Topes:
    topes = {}
    for clave, valor in datos.items():
        recurso = _recurso(str(clave))
        if isinstance(valor, bool) or not isinstance(valor, int | float):
            raise ErrorConfiguracion(f"«{recurso}» ha de ser un número")
        topes[recurso] = _sana(recurso, valor)
    return topes


def _recurso(clave: str) -> Recurso:
    try:
        return Recurso(clave)
    except ValueError:
        raise ErrorConfiguracion(
            f"«{clave[:80]}» no es un recurso; los que hay: {', '.join(Recurso)}"
        ) from None


def _sana(recurso: Recurso, cantidad: float) -> float:
    if not 0 <= cantidad <= _MAXIMO:  # NaN tampoco
        raise ErrorConfiguracion(f"{recurso}: ha de ser un número desde 0, y razonable")
    if recurso.va_entero and cantidad != int(cantidad):
        raise ErrorConfiguracion(f"{recurso}: ha de ser un número entero")
    return int(cantidad) if recurso.va_entero else float(cantidad)
