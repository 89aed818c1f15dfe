"""¿Da vueltas un agente? Lo dice su historia, y nada más: ni relojes ni contadores aparte.

historia → lo que hizo y lo que le llegó, de lo último a lo primero → lo que se repite al final

Por eso reanudar y reproducir dan lo mismo sin guardar nada. Lo que varía no es una vuelta: una
llamada cuyo resultado cambia, o un trabajo en segundo plano que sigue vivo, rompe la racha.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from prompts.avisos import RECUERDO, VACIA, VUELTAS

Pasos = tuple[int, int, int]
"""A cuántas veces se le dice, se avisa a su superior y se le pausa."""

PAUSAR = 3
"""El último paso."""

_PERIODOS = (1, 2, 3)
_MARCAS = {"inicio_datos", "fin_datos"}
_LARGO = 160


class Patron(StrEnum):
    """De qué clase es la vuelta, como se cuenta."""

    REPETIDA = "la misma llamada con el mismo resultado"
    CICLO = "el mismo ciclo, con los mismos resultados"
    ERRORES = "llamadas seguidas con error"
    VACIAS = "respuestas vacías"


@dataclass(frozen=True, slots=True)
class Umbrales:
    """Los de cada clase. Las de `ciclo` son vueltas enteras; un ciclo tiene dos o tres pasos."""

    repetida: Pasos = (4, 6, 8)
    ciclo: Pasos = (3, 5, 7)
    errores: Pasos = (6, 10, 14)
    vacias: Pasos = (1, 2, 3)

    @property
    def memoria(self) -> int:
        """Cuántos hechos hay que mirar, como mucho."""
        return max(self.repetida[-1], self.ciclo[-1] * _PERIODOS[-1], self.errores[-1]) + 1


@dataclass(frozen=True, slots=True)
class Vuelta:
    """Lo que se repite al final de una historia, cuántas veces y el paso que le toca (1 a 3)."""

    patron: Patron
    veces: int
    paso: int
    que: str

    def __str__(self) -> str:
        return f"{self.patron} ×{self.veces}: {self.que}"


@dataclass(eq=False)
class _Hecho:
    """Una llamada con su resultado, o algo que llegó. El resultado se lee si hace falta."""

    nombre: str
    datos: Any
    texto: str = ""

    @cached_property
    def _leido(self) -> tuple[str, bool, bool]:
        """El resultado sin sus marcas, si es un fallo y si es de algo que sigue vivo."""
        if not self.texto.startswith("{"):
            return self.texto, self.texto.startswith("Error"), False
        try:
            datos = json.loads(self.texto)
        except ValueError:
            return self.texto, False, False
        limpio = {k: v for k, v in datos.items() if k not in _MARCAS}
        con_queja = bool(str(limpio.get("error", "")).strip() or limpio.get("motivo"))
        falla = limpio.get("codigo", 0) != 0 and con_queja
        return json.dumps(limpio, sort_keys=True), falla, limpio.get("vivo") is True

    @property
    def falla(self) -> bool:
        """Si no salió bien. Un código distinto de cero sin una queja es una respuesta."""
        return self._leido[1]

    def repite(self, otro: _Hecho) -> bool:
        """Si es lo mismo y dio lo mismo; lo que sigue vivo nunca es lo mismo."""
        if (self.nombre, self.datos) != (otro.nombre, otro.datos):
            return False
        return self._leido == otro._leido and not self._leido[2]

    @property
    def corto(self) -> str:
        """Cómo se cuenta."""
        texto = self.datos if isinstance(self.datos, str) else _args(self.datos)
        linea = " ".join(texto[: _LARGO * 4].split())
        return f"{self.nombre} «{linea[:_LARGO]}{'…' if len(linea) > _LARGO else ''}»"


def mirar(historia: Sequence[BaseMessage], umbrales: Umbrales) -> Vuelta | None:
    """La vuelta que toca tratar tras el último turno, o `None`.

    Cada paso se da una vez: si antes de ese turno ya tocaba, no se repite.
    """
    if vacias := _vacias(historia, umbrales):
        return vacias
    ahora = _peor(historia, umbrales)
    if ahora is None:
        return None
    antes = _peor(historia[: _fin_del_anterior(historia)], umbrales)
    return ahora if antes is None or ahora.paso > antes.paso else None


def _fin_del_anterior(historia: Sequence[BaseMessage]) -> int:
    """Cuántos mensajes había al acabar el turno anterior; lo que llegó después no cuenta."""
    fin = len(historia)
    while fin and not isinstance(historia[fin - 1], AIMessage):
        fin -= 1
    fin = max(fin - 1, 0)
    while fin and isinstance(historia[fin - 1], HumanMessage):
        fin -= 1
    return fin


def _peor(historia: Sequence[BaseMessage], umbrales: Umbrales) -> Vuelta | None:
    """Lo más grave de lo que se repite al final."""
    hechos = [*islice(_hechos(historia), umbrales.memoria)]
    vueltas = [v for v in (*_ciclos(hechos, umbrales), _errores(hechos, umbrales)) if v.paso]
    return max(vueltas, key=lambda v: v.paso, default=None)


def _ciclos(hechos: Sequence[_Hecho], umbrales: Umbrales) -> Iterator[Vuelta]:
    """La misma llamada una y otra vez, o el mismo ciclo (A-B-A-B, A-B-C-A-B-C)."""
    for periodo in _PERIODOS:
        racha = periodo
        while racha < len(hechos) and hechos[racha].repite(hechos[racha - periodo]):
            racha += 1
        patron = Patron.REPETIDA if periodo == 1 else Patron.CICLO
        pasos = umbrales.repetida if periodo == 1 else umbrales.ciclo
        veces = racha // periodo
        que = ", ".join(h.corto for h in reversed(hechos[:periodo]))
        yield Vuelta(patron, veces, _paso(veces, pasos), que)


def _errores(hechos: Sequence[_Hecho], umbrales: Umbrales) -> Vuelta:
    """Las llamadas que fallaron seguidas. La que falla de otra manera que antes está avanzando."""
    racha: list[_Hecho] = []
    for hecho in hechos:
        if not hecho.falla:
            break
        igual = [h for h in racha if (h.nombre, h.datos) == (hecho.nombre, hecho.datos)]
        if igual and not igual[-1].repite(hecho):
            break
        racha.append(hecho)
    que = racha[0].corto if racha else ""
    return Vuelta(Patron.ERRORES, len(racha), _paso(len(racha), umbrales.errores), que)


def _vacias(historia: Sequence[BaseMessage], umbrales: Umbrales) -> Vuelta | None:
    """Las veces que su modelo no contestó nada, contadas por lo que se le dijo cada vez."""
    veces = 0
    for mensaje in reversed(historia):
        if mensaje.content == VACIA:
            veces += 1
        elif not _es_nuestro(mensaje):
            break
    paso = _paso(veces, umbrales.vacias) if historia and historia[-1].content == VACIA else 0
    return Vuelta(Patron.VACIAS, veces, paso, "su modelo no escribe nada") if paso else None


def _hechos(historia: Sequence[BaseMessage]) -> Iterator[_Hecho]:
    """Lo que hizo y lo que le llegó, de lo último a lo primero; lo que dijo este vigía no cuenta."""
    resultados: dict[str, str] = {}
    for mensaje in reversed(historia):
        if isinstance(mensaje, ToolMessage):
            resultados[mensaje.tool_call_id] = mensaje.text
        elif isinstance(mensaje, AIMessage):
            for llamada in reversed(mensaje.tool_calls):
                texto = resultados.get(llamada["id"] or "", "")
                yield _Hecho(llamada["name"], llamada["args"], texto)
            if not mensaje.tool_calls:
                yield _Hecho("texto", mensaje.text)
            resultados.clear()
        elif isinstance(mensaje, HumanMessage) and not _es_nuestro(mensaje):
            yield _Hecho("llega", mensaje.text)


def _es_nuestro(mensaje: BaseMessage) -> bool:
    texto = mensaje.content
    return isinstance(texto, str) and (texto in {RECUERDO, VACIA} or texto.startswith(VUELTAS))


def _paso(veces: int, pasos: Pasos) -> int:
    return sum(veces >= tope for tope in pasos)


def _args(datos: Any) -> str:
    valores = datos.values() if isinstance(datos, dict) else [datos]
    return ", ".join(map(str, valores))
