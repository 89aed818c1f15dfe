"""Los recibos de los mensajes directos: en cola → entregado en su petición k → visto.

Lo que se cuenta sale de la tabla `messages`; el bus solo dice cuándo volver a mirarla.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

from agentes.eventos import USUARIO, AgenteTerminado, Evento, HechoAnotado, MensajeEncolado
from agentes.eventos_llamada import LlamadaIniciada, LlamadaTerminada
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.texto import corto

if TYPE_CHECKING:
    from servicios.buzon import Difusion
    from servicios.registros.lectura.consultas import Consultas, Recibo

_COLA = 40
"""Caracteres del mensaje con que se recuerda cuál es."""

_MUEVEN = (LlamadaIniciada, LlamadaTerminada, AgenteTerminado)


def como_va(recibo: Recibo) -> str:
    """En qué punto está un mensaje, en palabras."""
    match recibo.estado:
        case "visto":
            return f"visto: contestó la petición {recibo.peticion}"
        case "entregado" if recibo.acabo:
            return f"entregado en la petición {recibo.peticion}, que no llegó a contestar"
        case "entregado":
            return f"entregado: va en su petición {recibo.peticion}"
        case _ if recibo.acabo:
            return "terminó sin leerlo"
        case _:
            return "en cola"


class Recibos:
    """Cuenta cada paso de cada mensaje directo, una vez."""

    def __init__(self, consultas: Consultas, sesion: str, papel: Papel) -> None:
        self._consultas = consultas
        self._sesion = sesion
        self._papel = papel
        self._abiertos: dict[int, Recibo] = {}
        self._ultimo = 0

    async def seguir(self, difusion: AsyncIterable[Difusion]) -> None:
        """Hasta que la cancelen; los que una sesión anterior dejó a medias siguen desde ahí."""
        for recibo in await self._consultas.recibos(self._sesion):
            self._apuntar(recibo)
        async for cosa in difusion:
            if isinstance(cosa, HechoAnotado) and self._puede_cambiar(cosa.evento):
                await self._mirar(cosa)

    def _puede_cambiar(self, evento: Evento) -> bool:
        if isinstance(evento, MensajeEncolado):
            return evento.de == USUARIO
        suyo = any(r.para == evento.agente_id for r in self._abiertos.values())
        return suyo and isinstance(evento, _MUEVEN)

    async def _mirar(self, hecho: HechoAnotado) -> None:
        for recibo in await self._consultas.recibos(
            self._sesion, min(self._abiertos, default=hecho.id)
        ):
            antes = self._abiertos.get(recibo.fila)
            nuevo = recibo.fila > self._ultimo and recibo.estado != "encolado"
            self._apuntar(recibo)
            if nuevo or (antes is not None and como_va(antes) != como_va(recibo)):
                self._contar(recibo)

    def _apuntar(self, recibo: Recibo) -> None:
        self._ultimo = max(self._ultimo, recibo.fila)
        if recibo.es_firme:
            self._abiertos.pop(recibo.fila, None)
        else:
            self._abiertos[recibo.fila] = recibo

    def _contar(self, recibo: Recibo) -> None:
        perdido = recibo.acabo and recibo.estado != "visto"
        tono = Tono.AVISO if perdido else Tono.TENUE
        texto = f"✉ «{corto(recibo.texto, _COLA)}» · {como_va(recibo)}"
        self._papel.linea(Linea(texto, recibo.para, tono))
