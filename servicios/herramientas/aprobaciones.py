"""Lo que espera a que la persona lo apruebe: una sola cola para todos los agentes.

agente → `pedir` → (grupo de peticiones parecidas) → `permitir` | `rechazar` | plazo → el agente sigue

Quien pide espera; los demás siguen. Lo recordado vive lo que la sesión: lo que se aprobó para más
de una vez no se pregunta, y lo que se rechazó se vuelve a preguntar una sola.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agentes.errores import ErrorEnjambre
from agentes.eventos import Apunte, Evento
from agentes.eventos_permisos import Alcance, AprobacionPedida, AprobacionResuelta, Quien
from agentes.perfil_consola import Veredicto
from servicios.herramientas.solicitudes import Grupo, Llave, Resolucion, Solicitud
from servicios.reloj import Reloj

Anotar = Callable[[Evento, Apunte | None], Apunte]

PLAZO_S = 300.0
"""Segundos que se espera a la persona antes de denegar."""

_NEGATIVAS = 2
"""Preguntas por lo mismo que la persona ha de rechazar para que no se le haga otra."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pendiente:
    numero: int
    solicitud: Solicitud
    inicio: float
    respuesta: asyncio.Future[Resolucion] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Aprobaciones:
    """La cola de lo que se pregunta. Sin `hay_persona`, todo se deniega al momento."""

    def __init__(
        self, anotar: Anotar, reloj: Reloj, *, hay_persona: bool, plazo_s: float = PLAZO_S
    ) -> None:
        self.hay_persona = hay_persona
        self.plazo_s = plazo_s
        self._anotar = anotar
        self._reloj = reloj
        self._pendientes: list[_Pendiente] = []
        self._recordadas: set[tuple[Llave, str | None]] = set()
        self._negadas: dict[Llave, set[int]] = {}
        self._denegados: set[str] = set()
        self._prohibidos: set[str] = set()
        self._ultimo = 0

    # --- lo que pide una herramienta ----------------------------------------------------

    async def pedir(self, solicitud: Solicitud) -> Resolucion:
        """Vuelve cuando hay decisión, ya guardada. Si la cancelan, la petición desaparece.

        Lanza `ErrorBitacora` si la decisión no se pudo guardar.
        """
        alcance = self._recordado(solicitud)
        if alcance is not None:
            return await self._registrar(solicitud, Resolucion(True, Quien.REGLA, alcance=alcance))
        if not self.hay_persona:
            motivo = f"{solicitud.motivo}, y no hay nadie a quien preguntar"
            self._denegados.add(solicitud.agente_id)
            return await self._registrar(solicitud, Resolucion(False, Quien.SIN_PERSONA, motivo))
        if len(self._negadas.get(solicitud.llave, ())) >= _NEGATIVAS:
            motivo = "la persona ya rechazó dos veces esta misma orden: no se le pregunta más"
            return await self._registrar(solicitud, Resolucion(False, Quien.REGLA, motivo))
        return await self._preguntar(solicitud)

    async def denegar(
        self, solicitud: Solicitud, motivo: str, *, prohibida: bool = False
    ) -> Resolucion:
        """Deja escrito que se deniega sin preguntar: por `prohibida` o porque su tipo no pregunta."""
        (self._prohibidos if prohibida else self._denegados).add(solicitud.agente_id)
        return await self._registrar(solicitud, Resolucion(False, Quien.POLITICA, motivo))

    # --- lo que mira y responde una cara ------------------------------------------------

    def pendientes(self) -> tuple[Grupo, ...]:
        """Lo que espera respuesta, lo más antiguo primero."""
        por_numero: dict[int, list[_Pendiente]] = {}
        for pendiente in self._pendientes:
            por_numero.setdefault(pendiente.numero, []).append(pendiente)
        return tuple(self._grupo(suyas) for suyas in por_numero.values())

    def esperan(self) -> frozenset[str]:
        """Los agentes que esperan una aprobación."""
        return frozenset(p.solicitud.agente_id for p in self._pendientes)

    def denegados(self) -> frozenset[str]:
        """Los agentes a los que se denegó algo que se habría preguntado, sin poder preguntarlo."""
        return frozenset(self._denegados)

    def prohibidos(self) -> frozenset[str]:
        """Los agentes a los que se denegó algo que no se pregunta nunca."""
        return frozenset(self._prohibidos)

    def permitir(self, numero: int, alcance: Alcance) -> tuple[str, ...]:
        """Aprueba las peticiones de un grupo; devuelve sus agentes.

        Lanza `ErrorEnjambre` si ya no está pendiente o si solo se puede aprobar una vez.
        """
        suyas = self._las_de(numero)
        solicitud = suyas[0].solicitud
        if alcance is not Alcance.UNA_VEZ and not solicitud.clase:
            raise ErrorEnjambre(
                f"la petición {numero} solo se puede aprobar una vez: su orden no se sabe analizar"
            )
        for pendiente in suyas:
            self._negadas.pop(pendiente.solicitud.llave, None)
        if alcance is Alcance.SESION:
            self._recordadas |= {(p.solicitud.llave, None) for p in suyas}
        if alcance is Alcance.AGENTE:
            self._recordadas |= {(p.solicitud.llave, p.solicitud.agente_id) for p in suyas}
        return self._responder(suyas, Resolucion(True, Quien.USUARIO, alcance=alcance))

    def rechazar(self, numero: int, motivo: str = "") -> tuple[str, ...]:
        """Rechaza las peticiones de un grupo; devuelve sus agentes.

        Lanza `ErrorEnjambre` si ya no está pendiente.
        """
        suyas = self._las_de(numero)
        for pendiente in suyas:
            self._negadas.setdefault(pendiente.solicitud.llave, set()).add(numero)
        return self._responder(suyas, Resolucion(False, Quien.USUARIO, motivo))

    # --- por dentro ---------------------------------------------------------------------

    def _recordado(self, solicitud: Solicitud) -> Alcance | None:
        if not solicitud.clase:
            return None
        if (solicitud.llave, None) in self._recordadas:
            return Alcance.SESION
        suya = (solicitud.llave, solicitud.agente_id) in self._recordadas
        return Alcance.AGENTE if suya else None

    async def _preguntar(self, solicitud: Solicitud) -> Resolucion:
        pendiente = _Pendiente(self._numero(solicitud), solicitud, self._reloj.ahora())
        self._pendientes.append(pendiente)
        try:
            pedida = self._anotar(
                AprobacionPedida(
                    agente_id=solicitud.agente_id,
                    op=solicitud.op,
                    numero=pendiente.numero,
                    orden=solicitud.orden,
                    clase=solicitud.clase,
                    motivo=solicitud.motivo,
                    aislamiento=solicitud.aislamiento,
                    carpeta=solicitud.carpeta,
                ),
                solicitud.causa,
            )
            resolucion = await self._esperar(pendiente)
        finally:
            self._retirar(pendiente)
        return await self._registrar(solicitud, resolucion, pendiente, pedida)

    def _numero(self, solicitud: Solicitud) -> int:
        """El del grupo que ya espera por algo así, o uno nuevo, que no se repite nunca."""
        for pendiente in self._pendientes:
            if pendiente.solicitud.grupo == solicitud.grupo:
                return pendiente.numero
        self._ultimo += 1
        return self._ultimo

    async def _esperar(self, pendiente: _Pendiente) -> Resolucion:
        plazo = asyncio.ensure_future(self._reloj.dormir(self.plazo_s))
        try:
            esperados: set[asyncio.Future[Any]] = {pendiente.respuesta, plazo}
            await asyncio.wait(esperados, return_when=asyncio.FIRST_COMPLETED)
        finally:
            plazo.cancel()
            await asyncio.gather(plazo, return_exceptions=True)
        if pendiente.respuesta.done():
            return pendiente.respuesta.result()
        return Resolucion(False, Quien.PLAZO, f"nadie respondió en {self.plazo_s:g} s")

    async def _registrar(
        self,
        solicitud: Solicitud,
        resolucion: Resolucion,
        pendiente: _Pendiente | None = None,
        pedida: Apunte | None = None,
    ) -> Resolucion:
        """Guarda la decisión y la devuelve con lo que se esperó por ella."""
        espera_s = self._reloj.ahora() - pendiente.inicio if pendiente else 0.0
        hecha = replace(resolucion, espera_ms=round(espera_s * 1000))
        await self._anotar(
            AprobacionResuelta(
                agente_id=solicitud.agente_id,
                op=solicitud.op,
                numero=pendiente.numero if pendiente else None,
                orden=solicitud.orden,
                clase=solicitud.clase,
                decision=Veredicto.PERMITIR if hecha.permitida else Veredicto.DENEGAR,
                quien=hecha.quien,
                motivo=hecha.motivo or solicitud.motivo,
                alcance=hecha.alcance,
                espera_ms=hecha.espera_ms,
            ),
            pedida or solicitud.causa,
        )
        return hecha

    def _las_de(self, numero: int) -> list[_Pendiente]:
        suyas = [p for p in self._pendientes if p.numero == numero]
        if not suyas:
            raise ErrorEnjambre(f"la petición {numero} no está pendiente (/permisos las enseña)")
        return suyas

    def _responder(self, suyas: list[_Pendiente], resolucion: Resolucion) -> tuple[str, ...]:
        for pendiente in suyas:
            self._retirar(pendiente)
            if not pendiente.respuesta.done():
                pendiente.respuesta.set_result(resolucion)
        return tuple(dict.fromkeys(p.solicitud.agente_id for p in suyas))

    def _retirar(self, pendiente: _Pendiente) -> None:
        if pendiente in self._pendientes:
            self._pendientes.remove(pendiente)

    def _grupo(self, suyas: list[_Pendiente]) -> Grupo:
        primera = suyas[0].solicitud
        ordenes: dict[str, float] = {}
        for pendiente in suyas:
            ordenes.setdefault(pendiente.solicitud.orden, pendiente.inicio)
        return Grupo(
            numero=suyas[0].numero,
            agentes=tuple(dict.fromkeys(p.solicitud.agente_id for p in suyas)),
            ordenes=tuple(ordenes),
            clases=tuple(dict.fromkeys(p.solicitud.clase for p in suyas if p.solicitud.clase)),
            motivo=primera.motivo,
            aislamiento=primera.aislamiento,
            carpeta=primera.carpeta,
            modo=primera.modo,
            quieta_s=self._reloj.ahora() - max(ordenes.values()),
        )
