"""El `anotar` de una reproducción: cada hecho se compara con el que toca antes de escribirlo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from agentes.eventos import MASTER, SISTEMA, Apunte, Evento, FalloMaster, TextoMaster
from agentes.eventos_linea import ProblemaOmitido
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.lectura.hechos import hecho_de
from servicios.registros.reproducir.canonico import FilaGrabada, canonico
from servicios.registros.reproducir.clases import es_parada
from servicios.registros.reproducir.diferencia import Diferencia, motivo_de
from servicios.registros.reproducir.guion import ErrorDivergencia, Guion
from servicios.registros.textos import a_json

Anotar = Callable[[Evento, Apunte | None], ApunteFila]


class AnotadorGrabado:
    """Escribe en otra bitácora lo mismo que en la grabada, o dice dónde se aparta.

    `fallo` se cumple con la primera divergencia.
    """

    def __init__(self, guion: Guion, anotar: Anotar, hechas: dict[int, FilaGrabada]) -> None:
        """`hechas` son las de los tramos anteriores: fila de esta reproducción → la grabada."""
        self._guion = guion
        self._anotar = anotar
        self._hechas = hechas
        self._filas: dict[int, FilaGrabada] = {}
        self._copiados: dict[int, ApunteFila] = {}
        self._recibos: list[ApunteFila] = []
        self.fallo: asyncio.Future[ErrorDivergencia] = asyncio.get_running_loop().create_future()

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> ApunteFila:
        """Lo que hace un agente. Pasado el corte de la grabación, nada queda escrito."""
        agente_id = evento.agente_id
        if self._guion.acabado or self.fallo.done():
            return ApunteFila()
        self.copiar_previas(agente_id)
        grabada = self._guion.esperada(agente_id)
        if grabada is None:
            if not self._guion.cortado:
                self._divergir(Diferencia(agente_id, None, evento.tipo, "no estaba en lo grabado"))
            return ApunteFila()
        # De ida y vuelta por JSON: así se comparan dos textos guardados, no dos objetos.
        details = json.loads(a_json(evento.detalles()))
        if canonico(evento.tipo, details) != grabada.canonica:
            motivo = motivo_de(grabada, evento.tipo, details)
            self._divergir(Diferencia(agente_id, grabada.id, grabada.tipo, motivo))
            return ApunteFila()
        apunte = self._escribir(evento, causa, grabada)
        if isinstance(evento, TextoMaster | ProblemaOmitido | FalloMaster):
            self._parar_si_lo_pararon(grabada)
        return apunte

    def _parar_si_lo_pararon(self, dicho: FilaGrabada) -> None:
        """Al Master lo pararon con esa fila dicha y sin guardar: aquí también.

        Si antes de que lo pararan leyó algo más, fue más tarde.
        """
        siguiente, tarea = self._guion.propia(MASTER, dicho.id), asyncio.current_task()
        if siguiente is None or siguiente.causa in self._guion.sin_leer(MASTER):
            return
        if tarea and es_parada(siguiente):
            tarea.cancel()

    def copiar_previas(self, agente_id: str) -> None:
        """Escribe las filas que solo se copian y van antes de la siguiente."""
        for grabada in self._guion.por_copiar(agente_id):
            hecho = hecho_de(grabada.tipo, agente_id, grabada.details)
            self._escribir(hecho, self._copiado(grabada.causa), grabada)

    def copiar_cierre(self) -> None:
        """Escribe lo que escribió la muerte de cada uno: su orden fue el de la máquina de entonces."""
        quedan = [f for a in self._guion.filas if a != SISTEMA for f in self._guion.quedan(a)]
        for grabada in sorted(quedan, key=lambda f: f.id):
            hecho = hecho_de(grabada.tipo, grabada.agente_id, grabada.details)
            self._escribir(hecho, self._copiado(grabada.causa), grabada)
        self.copiar_previas(SISTEMA)

    def sistema(self, evento: Evento, grabada: FilaGrabada) -> ApunteFila:
        """Una fila del sistema, que no se compara: la sesión se abre y se cierra."""
        self.copiar_previas(SISTEMA)
        return self._escribir(evento, None, grabada)

    def grabada(self, apunte: Apunte) -> FilaGrabada | None:
        """La fila de la grabación que corresponde a un recibo de esta reproducción."""
        if grabada := self._filas.get(id(apunte)):
            return grabada
        fila = apunte.fila if isinstance(apunte, ApunteFila) else None
        return None if fila is None else self._hechas.get(fila)

    def asentar(self) -> None:
        """El tramo acabó y todo está guardado: sus filas ya tienen número."""
        for apunte in self._recibos:
            if apunte.fila is not None:
                self._hechas[apunte.fila] = self._filas[id(apunte)]

    def _escribir(self, evento: Evento, causa: Apunte | None, grabada: FilaGrabada) -> ApunteFila:
        apunte = self._anotar(evento, causa)
        self._filas[id(apunte)] = grabada
        self._copiados[grabada.id] = apunte
        self._recibos.append(apunte)  # vivo, para que su identidad no sea de otro
        self._guion.avanzar(grabada)
        return apunte

    def _copiado(self, causa: int | None) -> ApunteFila | None:
        """El recibo que aquí tiene esa fila de la grabación."""
        if causa in self._copiados:
            return self._copiados[causa]
        antes = (fila for fila, grabada in self._hechas.items() if grabada.id == causa)
        fila = next(antes, None)
        return None if fila is None else ApunteFila.firme(fila)

    def _divergir(self, diferencia: Diferencia) -> None:
        if not self.fallo.done():
            self.fallo.set_result(ErrorDivergencia(str(diferencia)))
        self._guion.despertar()
