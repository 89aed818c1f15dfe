"""El guion: qué contesta el modelo a cada agente, en orden."""

from __future__ import annotations

import inspect
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta

Funcion = Callable[[Peticion], Respuesta | Awaitable[Respuesta]]
Paso = Respuesta | Funcion
Pasos = Sequence[Paso] | Paso

MASTER = "Master"
_ES_ID = re.compile(r"-(\d+|\*)$")


class GuionAgotado(Exception):
    """No queda paso para quien pregunta, o nadie lo conoce."""


def _patron(clave: str) -> re.Pattern[str]:
    cuerpo = re.escape(clave).replace(r"\*", r"[\w-]*")
    return re.compile(rf"(?<![\w-]){cuerpo}(?![\w-])", re.IGNORECASE)


class Guion:
    """Pasos por agente. La clave se busca, como palabra entera, en la instrucción de sistema.

    - `"ejecutor-1"`: ese agente; `"ejecutor-*"`: cada agente del tipo recibe su propia copia.
    - `"Master"`: quien puede delegar y no reporta, o quien lleva esa palabra y ningún id.
    - `"*"`: todos los demás.

    Con varios ids en la instrucción manda el primero que aparece; un id, sobre una palabra.

    El valor es una lista de pasos, que se gastan en orden, o un paso suelto, que sirve siempre.
    Un paso es una `Respuesta` o una función (normal o `async`) que recibe la `Peticion`.
    """

    def __init__(self, pasos: Mapping[str, Pasos] | None = None) -> None:
        self._moldes: dict[str, Pasos] = {}
        self._patrones: dict[str, re.Pattern[str]] = {}
        self._colas: dict[str, deque[Paso]] = {}
        for clave, valor in (pasos or {}).items():
            self.poner(clave, valor)

    def poner(self, clave: str, pasos: Pasos) -> None:
        """Fija los pasos de una clave y olvida los que tuviera."""
        self._moldes[clave] = pasos
        self._patrones[clave] = _patron(clave)
        self._colas.pop(clave, None)

    def agregar(self, clave: str, *pasos: Paso) -> None:
        """Añade pasos al final de la cola de una clave (que no sea un paso suelto ni un `*`)."""
        if clave not in self._moldes:
            self.poner(clave, [])
        self._cola(clave, clave).extend(pasos)

    def pendientes(self) -> dict[str, int]:
        """Cuántos pasos quedan sin gastar por agente."""
        for clave, molde in self._moldes.items():
            if "*" not in clave and isinstance(molde, Sequence):
                self._cola(clave, clave)
        return {agente: len(cola) for agente, cola in self._colas.items() if cola}

    def quien(self, peticion: Peticion) -> tuple[str, str]:
        """La clave del guion que corresponde y el nombre del agente que pregunta."""
        if MASTER in self._moldes and _delega(peticion.herramientas):
            return MASTER, MASTER
        sistema = peticion.sistema
        hallados = [
            (not _ES_ID.search(clave), hallado.start(), "*" in clave, clave, hallado.group())
            for clave, patron in self._patrones.items()
            if clave != "*" and (hallado := patron.search(sistema))
        ]
        if hallados:
            *_, clave, agente = min(hallados)
            return clave, (agente if _ES_ID.search(clave) else clave)
        if "*" in self._moldes:
            return "*", "*"
        msg = f"ninguna clave del guion está en la instrucción de sistema: {sistema[:200]!r}"
        raise GuionAgotado(msg)

    async def contestar(self, clave: str, peticion: Peticion) -> Respuesta:
        """La contestación del paso siguiente. Lanza `GuionAgotado` si no queda ninguno."""
        paso = self._siguiente(clave, peticion.agente)
        if isinstance(paso, Respuesta):
            return paso
        dada = paso(peticion)
        return await dada if inspect.isawaitable(dada) else dada

    def _siguiente(self, clave: str, agente: str) -> Paso:
        molde = self._moldes[clave]
        if not isinstance(molde, Sequence):
            return molde
        cola = self._cola(clave, agente)
        if not cola:
            msg = f"guion agotado para {agente}"
            raise GuionAgotado(msg)
        return cola.popleft()

    def _cola(self, clave: str, agente: str) -> deque[Paso]:
        molde = self._moldes[clave]
        if not isinstance(molde, Sequence):
            msg = f"la clave {clave} tiene un paso suelto, que sirve siempre: no tiene cola"
            raise TypeError(msg)
        return self._colas.setdefault(agente, deque(molde))


def _delega(herramientas: list[str]) -> bool:
    return "delegate_task" in herramientas and "reportar_resultado_final" not in herramientas
