"""Con quién piensa un agente: su historia sin secretos, su hash corrido y una llamada cada vez.

historia → (si no cabe, se compacta) → sin secretos → hash → fila `llm_input` → reparar → llamada
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from langchain_core.messages import AIMessage, BaseMessage, message_to_dict

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import Apunte
from agentes.eventos_llamada import HistoriaCompactada, LlamadaIniciada
from agentes.respuestas import Uso
from servicios.llm.colector import Validadores
from servicios.llm.compactacion import Partes, Topes, partir, recortar_resultados
from servicios.llm.flujo import ModeloLLM
from servicios.llm.historia_corrida import HistoriaCorrida, hash_de
from servicios.llm.historial import aceptado, reparar
from servicios.llm.llamada import Llamador, Marcha, Via
from servicios.llm.medidas_contexto import Contexto, medir, medir_esquemas
from servicios.llm.redaccion import HistoriaLimpia
from servicios.llm.resumen import acotar, pedir_resumen, resumen_de_emergencia

COMPACTAR = "compactar"
"""El propósito de la llamada que pide el resumen."""

_SIN_HERRAMIENTAS = Validadores(())


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


@dataclass(frozen=True, slots=True)
class _Encargo:
    """Por qué se compacta. Con `sin_falta`, si el modelo no resume se hace sin él."""

    causa: Apunte | None
    foco: str = ""
    sin_falta: bool = True


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
        self._contexto = Contexto(modelo.contexto, medir_esquemas(validadores.herramientas))
        self._limpia = HistoriaLimpia(via.redactar)
        self._corrida = HistoriaCorrida(medir)
        self._historial: list[BaseMessage] = []
        self._gastado = Uso()
        self._de_una_en_una = asyncio.Lock()

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
        entrante = _Entrante(causa, avisos, directivas, lineas)
        async with self._de_una_en_una:
            self._historial = historial
            self._seguir(historial)
            if self._contexto.lleno(self._corrida.tamano):
                await self._hacer_sitio(historial, causa)
            try:
                respuesta = await self._llamar(historial, entrante)
            except ErrorModelo as error:
                if error.clase != "contexto":
                    raise
                self._contexto.no_cupo(self._corrida.tamano)
                if not await self._hacer_sitio(historial, causa):
                    raise
                respuesta = await self._llamar(historial, entrante)
            gastado, self._gastado = self._gastado, Uso()
            return replace(respuesta, uso=respuesta.uso + gastado)

    async def compactar(self, foco: str = "") -> tuple[int, int] | None:
        """Resume ya los mensajes viejos de la historia: tokens estimados de antes y de después.

        La historia es la de la última llamada y `foco`, lo que el resumen no ha de perder. Devuelve `None` si no hay nada que ganar. Lanza `ErrorModelo` si el modelo no lo hace, y
        entonces la historia queda como estaba. Si hay una llamada en marcha, espera a que acabe.
        """
        async with self._de_una_en_una:
            encargo = _Encargo(None, self._via.redactar(foco), sin_falta=False)
            return await self._compactar(self._historial, encargo)

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
                contexto=self._contexto.limite,
            ),
            entrante.causa,
        )
        self._contados = len(limpio)
        marcha = Marcha(entrada, self._turno, self._via.reloj.ahora(), self._validadores)
        try:
            respuesta = await self._llamador.hacer(reparar(limpio), marcha)
        except ErrorModelo as error:
            if error.envenena:
                # Quien llama retira lo nuevo: lo que ponga en su sitio ha de constar otra vez.
                self._contados = min(self._contados, aceptado(limpio))
            raise
        self._contexto.corregir(self._corrida.tamano, respuesta.uso.entrada)
        return respuesta

    def _seguir(self, historial: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
        """La historia sin secretos, con su hash y lo que mide al día."""
        empezada = bool(self._corrida.hash)
        limpio = self._limpia.tomar(historial, self._contados if empezada else 0)
        iguales = self._corrida.seguir(limpio)
        if empezada:
            self._contados = min(self._contados, iguales)
        return limpio

    # --- compactar ----------------------------------------------------------------------

    async def _hacer_sitio(self, historial: list[BaseMessage], causa: Apunte | None) -> bool:
        """Compacta y, si ni así cabe, recorta los resultados sin respuesta; falso si no pudo nada."""
        compactado = await self._compactar(historial, _Encargo(causa))
        return self._recortar(historial, causa) or compactado is not None

    def _recortar(self, historial: list[BaseMessage], causa: Apunte | None) -> bool:
        limpio = self._seguir(historial)
        if not self._contexto.desborda(self._corrida.tamano):
            return False
        cola = recortar_resultados(limpio[aceptado(limpio) :], self._contexto.parte(0.4))
        if cola is None:
            return False
        nueva = [*limpio[: aceptado(limpio)], *cola]
        self._sustituir(historial, nueva, len(cola), "", causa)
        return True

    async def _compactar(
        self, historial: list[BaseMessage], encargo: _Encargo
    ) -> tuple[int, int] | None:
        """Cambia ahí mismo lo viejo por su resumen; lo que llegue mientras tanto queda detrás."""
        limpio = self._seguir(historial)
        topes = Topes.para(self._contexto.parte, self._corrida.tamano)
        partes = partir(limpio, topes)
        if partes is None:
            return None
        sin_fila = len(limpio) - max(self._contados, aceptado(limpio))
        resumen, causa = await self._resumir(partes, encargo, topes)
        if len(historial) < len(self._corrida):
            return None  # su dueño acabó y la vació
        nueva = partes.con_resumen(resumen)
        return self._sustituir(historial, nueva, sin_fila, encargo.foco, causa)

    def _sustituir(
        self,
        historial: list[BaseMessage],
        nueva: list[BaseMessage],
        sin_fila: int,
        foco: str,
        causa: Apunte | None,
    ) -> tuple[int, int]:
        """Pone `nueva` en el sitio de lo que se seguía; sus últimos `sin_fila` aún no constan."""
        tamano = self._corrida.tamano
        historial[: len(self._corrida)] = nueva
        self._contados = len(nueva) - sin_fila
        self._limpia, self._corrida = HistoriaLimpia(self._via.redactar), HistoriaCorrida(medir)
        limpio = self._seguir(nueva)
        antes, despues = (self._contexto.tokens(t) for t in (tamano, self._corrida.tamano))
        hecho = HistoriaCompactada(
            agente_id=self._agente_id,
            antes=antes,
            despues=despues,
            foco=foco,
            mensajes=tuple(map(message_to_dict, limpio[: self._contados])),
        )
        self._via.anotar(hecho, causa)
        return antes, despues

    async def _resumir(
        self, partes: Partes, encargo: _Encargo, topes: Topes
    ) -> tuple[str, Apunte | None]:
        """El resumen y la fila de la que sale. No cuenta como turno: no decide nada."""
        mensajes = pedir_resumen(partes, self._agente_id, encargo.foco, topes)
        entrada = self._via.anotar(
            LlamadaIniciada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._modelo.referencia,
                nuevos=_a_dicts(mensajes),
                historia=hash_de(mensajes),
                contexto=self._contexto.limite,
                proposito=COMPACTAR,
                foco=encargo.foco,
            ),
            encargo.causa,
        )
        ahora = self._via.reloj.ahora()
        marcha = Marcha(entrada, self._turno, ahora, _SIN_HERRAMIENTAS, COMPACTAR)
        try:
            respuesta = await self._llamador.hacer(mensajes, marcha)
        except ErrorModelo as error:
            if not encargo.sin_falta:
                raise
            return resumen_de_emergencia(partes, str(error), topes), entrada
        self._gastado += respuesta.uso
        if not respuesta.texto.strip():
            return resumen_de_emergencia(partes, "el modelo no escribió nada", topes), entrada
        return acotar(respuesta.texto, topes), respuesta.apunte


def _a_dicts(mensajes: Sequence[BaseMessage]) -> tuple[dict[str, object], ...]:
    """Los mensajes para su fila; los del modelo ya tienen la suya."""
    return tuple(message_to_dict(m) for m in mensajes if not isinstance(m, AIMessage))
