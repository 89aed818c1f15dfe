"""Con quién piensa un agente: su historia sin secretos, su hash corrido y una llamada cada vez.

historia → (si no cabe, se compacta) → sin secretos → hash → fila `llm_input` → reparar → llamada
si su modelo no puede → fila `llm_call` de relevo → la misma petición, a otro
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, BaseMessage, message_to_dict

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import Apunte
from agentes.eventos_llamada import HistoriaCompactada, LlamadaIniciada
from agentes.guardado import Entregas
from agentes.respuestas import Uso
from servicios.llm.colector import Validadores
from servicios.llm.compactacion import Partes, Topes, partir, recortar_resultados
from servicios.llm.historia_corrida import HistoriaCorrida, hash_de
from servicios.llm.historial import aceptado, reparar
from servicios.llm.medidas_contexto import Contexto, medir, medir_esquemas
from servicios.llm.redaccion import HistoriaLimpia
from servicios.llm.relevo import Plantel, Voz
from servicios.llm.resumen import COMPACTAR, acotar, pedir_resumen, resumen_de_emergencia
from servicios.llm.via import Detenido, Marcha, Via, nadie_lo_detiene

_SIN_HERRAMIENTAS = Validadores(())


@dataclass(frozen=True, slots=True)
class _Entrante:
    """Lo que entra en la historia con una llamada y por qué se hace."""

    causa: Apunte | None
    nuevo: Entregas


@dataclass(frozen=True, slots=True)
class _Encargo:
    """Por qué se compacta. Con `sin_falta`, si el modelo no resume se hace sin él."""

    causa: Apunte | None
    foco: str = ""
    sin_falta: bool = True


class Interlocutor:
    """Las llamadas de un agente a su modelo, o al que le releve. De una en una.

    `turno` son las que ya hizo y `contados`, los mensajes de su historia que ya tienen fila:
    los dos son cero salvo al reanudar.
    """

    def __init__(
        self,
        agente_id: str,
        plantel: Plantel,
        validadores: Validadores,
        via: Via,
        *,
        turno: int = 0,
        contados: int = 0,
    ) -> None:
        self._agente_id = agente_id
        self._validadores = validadores
        self._via = via
        self._turno = turno
        self._contados = contados
        self._voz = Voz(agente_id, plantel, via, medir_esquemas(validadores.herramientas))
        self._limpia = HistoriaLimpia(via.redactar)
        self._corrida = HistoriaCorrida(medir)
        self._historial: list[BaseMessage] = []
        self._gastado = Uso()
        self._detenido = nadie_lo_detiene
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
        detenido: Detenido = nadie_lo_detiene,
    ) -> RespuestaModelo:
        """Envía la historia y devuelve la respuesta entera, ya encolada en la bitácora.

        `avisos`, `directivas` y `lineas` son los que entran en la historia con esta llamada.
        Lanza `ErrorModelo` cuando no hay más intentos que hacer, o si no sale porque está `detenido`.
        """
        entrante = _Entrante(causa, Entregas(avisos, directivas, lineas))
        async with self._de_una_en_una:
            self._voz.elegir()
            self._detenido = detenido
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
            self._voz.elegir()
            self._detenido = nadie_lo_detiene
            encargo = _Encargo(None, self._via.redactar(foco), sin_falta=False)
            return await self._compactar(self._historial, encargo)

    async def _llamar(self, historial: list[BaseMessage], entrante: _Entrante) -> RespuestaModelo:
        """La respuesta del elegido o, si no puede contestar, la de quien le releve."""
        while True:
            limpio = self._seguir(historial)
            entrada = self._entrar(limpio, entrante)
            try:
                return await self._preguntar(limpio, entrada)
            except ErrorModelo as error:
                relevo = self._voz.relevar(error, entrada, self._turno)
                if relevo is None:
                    raise
                entrante = replace(entrante, causa=relevo)

    def _entrar(self, limpio: Sequence[BaseMessage], entrante: _Entrante) -> Apunte:
        """La fila de una petición, con lo que trae de nuevo."""
        self._turno += 1
        self._contados, sin_fila = len(limpio), limpio[self._contados :]
        return self._via.anotar(
            LlamadaIniciada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._voz.referencia,
                nuevos=_a_dicts(sin_fila),
                avisos=entrante.nuevo.avisos,
                directivas=entrante.nuevo.directivas,
                lineas=entrante.nuevo.lineas,
                historia=self._corrida.hash,
                contexto=self._contexto.limite,
            ),
            entrante.causa,
        )

    async def _preguntar(self, limpio: Sequence[BaseMessage], entrada: Apunte) -> RespuestaModelo:
        ocupa = self._contexto.tokens(self._corrida.tamano)
        marcha = self._marcha(entrada, self._validadores, ocupa)
        try:
            respuesta = await self._voz.llamador().hacer(reparar(limpio), marcha)
        except ErrorModelo as error:
            if error.envenena:
                # Quien llama retira lo nuevo: lo que ponga en su sitio ha de constar otra vez.
                self._contados = min(self._contados, aceptado(limpio))
            raise
        self._voz.contesto()
        self._contexto.corregir(self._corrida.tamano, respuesta.uso.entrada)
        return respuesta

    def _marcha(self, entrada: Apunte, juego: Validadores, estimado: int, para: str = "") -> Marcha:
        ahora = self._via.reloj.ahora()
        return Marcha(entrada, self._turno, ahora, juego, para, estimado, self._detenido)

    @property
    def _contexto(self) -> Contexto:
        return self._voz.contexto

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
        if cola is not None:
            nueva = [*limpio[: aceptado(limpio)], *cola]
            self._sustituir(historial, nueva, len(cola), "", causa)
        return cola is not None

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
        causa = encargo.causa
        while True:
            entrada = self._pedir_resumen(mensajes, encargo.foco, causa)
            ocupa = sum(map(medir, mensajes))
            marcha = self._marcha(entrada, _SIN_HERRAMIENTAS, ocupa, COMPACTAR)
            try:
                respuesta = await self._voz.llamador().hacer(mensajes, marcha)
            except ErrorModelo as error:
                causa = self._voz.relevar(error, entrada, self._turno)
                if causa is None and (error.es_de_pausa or not encargo.sin_falta):
                    raise
                if causa is None:
                    return resumen_de_emergencia(partes, str(error), topes), entrada
                continue
            self._voz.contesto()
            self._gastado += respuesta.uso
            if respuesta.texto.strip():
                return acotar(respuesta.texto, topes), respuesta.apunte
            return resumen_de_emergencia(partes, "el modelo no escribió nada", topes), entrada

    def _pedir_resumen(
        self, mensajes: Sequence[BaseMessage], foco: str, causa: Apunte | None
    ) -> Apunte:
        return self._via.anotar(
            LlamadaIniciada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._voz.referencia,
                nuevos=_a_dicts(mensajes),
                historia=hash_de(mensajes),
                contexto=self._contexto.limite,
                proposito=COMPACTAR,
                foco=foco,
            ),
            causa,
        )


def _a_dicts(mensajes: Sequence[BaseMessage]) -> tuple[dict[str, object], ...]:
    """Los mensajes para su fila; los del modelo ya tienen la suya."""
    return tuple(message_to_dict(m) for m in mensajes if not isinstance(m, AIMessage))
