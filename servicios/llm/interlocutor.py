"""Con quién piensa un agente: su historia sin secretos, su hash corrido y una llamada cada vez.

historia → sin secretos → hash → fila `llm_input` → reparar → llamada
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.messages import AIMessage, BaseMessage, message_to_dict

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import Apunte
from agentes.eventos_llamada import LlamadaIniciada
from servicios.llm.colector import Validadores
from servicios.llm.flujo import ModeloLLM
from servicios.llm.historia_corrida import HistoriaCorrida
from servicios.llm.historial import aceptado, reparar
from servicios.llm.llamada import Llamador, Marcha, Via
from servicios.llm.redaccion import HistoriaLimpia


@dataclass(frozen=True, slots=True)
class _Entrante:
    """Lo que entra en la historia con una llamada y por qué se hace."""

    causa: Apunte | None
    avisos: tuple[Apunte, ...]
    directivas: tuple[Apunte, ...]
    lineas: tuple[Apunte, ...]


class Llama(Protocol):
    """Quien hace una llamada con una historia ya reparada."""

    async def hacer(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        """La respuesta, ya encolada en la bitácora. Lanza `ErrorModelo`."""
        ...


class Interlocutor:
    """Las llamadas de un agente a su modelo. De una en una.

    `turno` son las que ya hizo y `contados`, los mensajes de su historia que ya tienen fila:
    los dos son cero salvo al reanudar.
    """

    def __init__(
        self,
        agente_id: str,
        modelo: ModeloLLM,
        validadores: Validadores,
        via: Via,
        *,
        turno: int = 0,
        contados: int = 0,
    ) -> None:
        self._agente_id = agente_id
        self._modelo = modelo
        self._validadores = validadores
        self._via = via
        self._turno = turno
        self._contados = contados
        self._llamador: Llama = Llamador(agente_id, modelo, via)
        self._limpia = HistoriaLimpia(via.redactar)
        self._corrida = HistoriaCorrida(lambda _: 0)

    @property
    def turno(self) -> int:
        """Cuántas llamadas lleva."""
        return self._turno

    async def pensar(
        self,
        historial: list[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...] = (),
        directivas: tuple[Apunte, ...] = (),
        lineas: tuple[Apunte, ...] = (),
    ) -> RespuestaModelo:
        """Envía la historia y devuelve la respuesta entera, ya encolada en la bitácora.

        `avisos`, `directivas` y `lineas` son los que entran en la historia con esta llamada.
        Lanza `ErrorModelo` cuando no hay más intentos que hacer.
        """
        return await self._llamar(historial, _Entrante(causa, avisos, directivas, lineas))

    async def _llamar(self, historial: list[BaseMessage], entrante: _Entrante) -> RespuestaModelo:
        limpio = self._seguir(historial)
        self._turno += 1
        entrada = self._via.anotar(
            LlamadaIniciada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._modelo.referencia,
                nuevos=_a_dicts(limpio[self._contados :]),
                avisos=entrante.avisos,
                directivas=entrante.directivas,
                lineas=entrante.lineas,
                historia=self._corrida.hash,
            ),
            entrante.causa,
        )
        self._contados = len(limpio)
        marcha = Marcha(entrada, self._turno, self._via.reloj.ahora(), self._validadores)
        try:
            return await self._llamador.hacer(reparar(limpio), marcha)
        except ErrorModelo as error:
            if error.envenena:
                # Quien llama retira lo nuevo: lo que ponga en su sitio ha de constar otra vez.
                self._contados = min(self._contados, aceptado(limpio))
            raise

    def _seguir(self, historial: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
        """La historia sin secretos, con su hash y lo que mide al día."""
        empezada = bool(self._corrida.hash)
        limpio = self._limpia.tomar(historial, self._contados if empezada else 0)
        iguales = self._corrida.seguir(limpio)
        if empezada:
            self._contados = min(self._contados, iguales)
        return limpio


def _a_dicts(mensajes: Sequence[BaseMessage]) -> tuple[dict[str, object], ...]:
    """Los mensajes para su fila; los del modelo ya tienen la suya."""
    return tuple(message_to_dict(m) for m in mensajes if not isinstance(m, AIMessage))
