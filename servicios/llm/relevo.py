"""Quién contesta: el modelo de un agente o, si ese no puede, el que le sigue.

error que otro no tendría → el modelo descansa → la misma petición al siguiente → … → vuelve el primero
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import Apunte
from agentes.eventos_llamada import ModeloRelevado
from servicios.llm.flujo import ModeloLLM
from servicios.llm.llamada import Llamador
from servicios.llm.medidas_contexto import Contexto
from servicios.llm.via import Marcha, Via

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from servicios.reloj import Reloj

DESCANSO_S = 60.0
"""Segundos sin llamar a un modelo que no pudo contestar; el doble cada vez que recae."""
DESCANSO_MAXIMO_S = 900.0


class Llama(Protocol):
    """Quien hace una llamada con una historia ya reparada."""

    async def hacer(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        """La respuesta, ya encolada en la bitácora. Lanza `ErrorModelo`."""
        ...


class Plantel(Protocol):
    """Los modelos de un agente, por orden."""

    def elegir(self) -> ModeloLLM:
        """El de lo que viene ahora."""
        ...

    def relevo(self, error: ErrorModelo) -> ModeloLLM | None:
        """El elegido falló con eso: quien ha de recibir la misma petición, si lo hay."""
        ...

    def contesto(self) -> None:
        """El elegido contestó."""
        ...

    def llamador(self, agente_id: str, modelo: ModeloLLM, via: Via) -> Llama:
        """Quien llama a ese modelo en nombre de un agente."""
        ...


class Descansos:
    """Qué modelos no pudieron contestar hace poco. Lo comparten todos los agentes del proceso.

    Van por la puerta del modelo (proveedor, modelo y clave).
    """

    def __init__(self, reloj: Reloj) -> None:
        self._reloj = reloj
        self._hasta: dict[str, tuple[float, float]] = {}

    def fallo(self, modelo: ModeloLLM) -> None:
        """No pudo contestar: descansa, más cada vez que pasa sin contestar entre medias."""
        hasta, descanso = self._hasta.get(modelo.puerta, (0.0, 0.0))
        ahora = self._reloj.ahora()
        if descanso and ahora < hasta:
            return  # otro agente lo supo antes: es el mismo fallo
        descanso = min(descanso * 2 or DESCANSO_S, DESCANSO_MAXIMO_S)
        self._hasta[modelo.puerta] = (ahora + descanso, descanso)

    def contesto(self, modelo: ModeloLLM) -> None:
        """Ya puede."""
        self._hasta.pop(modelo.puerta, None)

    def descansa(self, modelo: ModeloLLM) -> bool:
        """Si todavía no toca probarlo otra vez."""
        hasta, _ = self._hasta.get(modelo.puerta, (0.0, 0.0))
        return self._reloj.ahora() < hasta


class Equipo:
    """Un modelo y los de respaldo. El primero vuelve en cuanto acaba su descanso.

    Si descansan todos, se llama al primero. Lo elegido vale hasta que se elige otra vez.
    """

    __slots__ = ("_actual", "_descansos", "_fallidos", "_modelos")

    def __init__(self, modelos: Sequence[ModeloLLM], descansos: Descansos) -> None:
        self._modelos = tuple({m.referencia: m for m in modelos}.values())
        self._descansos = descansos
        self._fallidos: tuple[ModeloLLM, ...] = ()
        self._actual = self._modelos[0]

    def elegir(self) -> ModeloLLM:
        """El primero que no descansa."""
        self._fallidos = ()
        return self._tomar(self._modelos)

    def relevo(self, error: ErrorModelo) -> ModeloLLM | None:
        """El siguiente que no haya fallado ya con esta petición, si otro podría contestarla."""
        if not error.merece_relevo:
            return None
        self._descansos.fallo(self._actual)
        self._fallidos += (self._actual,)
        libres = tuple(m for m in self._modelos if m not in self._fallidos)
        return self._tomar(libres) if libres else None

    def contesto(self) -> None:
        """El elegido contestó: si descansaba, ya no."""
        self._descansos.contesto(self._actual)

    def llamador(self, agente_id: str, modelo: ModeloLLM, via: Via) -> Llama:
        """Uno de verdad."""
        return Llamador(agente_id, modelo, via)

    def cambiar(self, modelos: Sequence[ModeloLLM]) -> None:
        """Otros modelos, desde la próxima vez que se elija."""
        self._modelos = tuple({m.referencia: m for m in modelos}.values())

    def _tomar(self, modelos: Sequence[ModeloLLM]) -> ModeloLLM:
        despiertos = (m for m in modelos if not self._descansos.descansa(m))
        self._actual = next(despiertos, modelos[0])
        return self._actual


class Voz:
    """El modelo con que piensa ahora un agente y lo que cabe en él. Una llamada a la vez.

    `fijo` es lo que ocupan sus herramientas.
    """

    def __init__(self, agente_id: str, plantel: Plantel, via: Via, fijo: int) -> None:
        self._agente_id = agente_id
        self._plantel = plantel
        self._via = via
        self._fijo = fijo
        self.referencia = ""
        self._poner(plantel.elegir())

    def elegir(self) -> None:
        """Empieza algo nuevo: vuelve el primero que pueda."""
        self._poner(self._plantel.elegir())

    def llamador(self) -> Llama:
        """Quien llama al de ahora."""
        return self._plantel.llamador(self._agente_id, self._modelo, self._via)

    def contesto(self) -> None:
        """El de ahora contestó."""
        self._plantel.contesto()

    def relevar(self, error: ErrorModelo, entrada: Apunte, turno: int) -> Apunte | None:
        """Otro toma su sitio: la fila que lo dice, o `None` si con ese error no hay otro.

        No espera a nadie, así que el fallo, el relevo y la petición que sigue se guardan juntos.
        """
        de, relevo = self.referencia, self._plantel.relevo(error)
        if relevo is None:
            return None
        self._poner(relevo)
        hecho = ModeloRelevado(
            agente_id=self._agente_id,
            turno=turno,
            de=de,
            a=self.referencia,
            error=str(error),
            motivo=error.clase,
        )
        return self._via.anotar(hecho, entrada)

    def _poner(self, modelo: ModeloLLM) -> None:
        """Si es otro, lo que cabe es lo suyo y lo aprendido del anterior no vale."""
        self._modelo = modelo
        if modelo.referencia != self.referencia:
            self.referencia = modelo.referencia
            self.contexto = Contexto(modelo.contexto, self._fijo)
