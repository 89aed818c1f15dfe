"""La puerta: intención comprometida → ejecutar → cierre. Todo efecto pasa por aquí.

Lo que sale de una herramienta es ajeno: se limpia, se le tapan los secretos y va entre marcas
antes de que lo vean la bitácora, el modelo o la persona.

Al reanudar una sesión la puerta recuerda, por su `op`, las operaciones del último turno: la cerrada
no se repite y la abierta se rescata antes de decidir nada.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from agentes.acciones import ACCIONES
from agentes.errores import ErrorAlarma
from agentes.eventos import Apunte, Evento
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from agentes.eventos_seguridad import AlarmaSeguridad
from agentes.guardado import OperacionGuardada, Rescatado
from agentes.pruebas import COMPROBAR
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta, con_textos
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.parciales import a_medias, lleva_marca, sin_ejecutar, sin_marcas

Anotar = Callable[[Evento, Apunte | None], Apunte]
Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]
Rescatar = Callable[[OperacionGuardada, LlamadaHerramienta, str], Awaitable[Rescatado | None]]
"""De una operación abierta a lo que quedó de ella; `None` si hay que hacerla otra vez."""

_SE_REHACEN = {*ACCIONES, "reportar_resultado_final", "reportar_problema", COMPROBAR}


@dataclass(frozen=True, slots=True)
class PuertosPuerta:
    """De qué vive la puerta. `soltar` recibe las filas cuyo cierre ya está guardado."""

    anotar: Anotar
    guardia: Guardia
    rescatar: Rescatar
    soltar: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Cruce:
    """Una llamada que está pasando por la puerta."""

    llamada: LlamadaHerramienta
    operacion: Operacion
    pedida: Apunte
    inicio: float


class Puerta:
    """Los efectos de un agente. Su `op` es única: sesión, agente, turno y llamada."""

    def __init__(
        self,
        sesion: str,
        agente_id: str,
        puertos: PuertosPuerta,
        memoria: Mapping[str, OperacionGuardada] | None = None,
    ) -> None:
        self._sesion = sesion
        self._agente_id = agente_id
        self._puertos = puertos
        self._memoria = dict(memoria or {})
        self._por_soltar: list[int] = []

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte | None, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """Espera a que la intención esté guardada, ejecuta y anota el cierre.

        Una orden que copia la marca de un secreto no se ejecuta: escribiría la marca en su lugar.
        Devuelve el resultado, ya depurado, y la fila del cierre. Si la cancelan, el cierre dice
        que el efecto quedó interrumpido. Lanza `ErrorBitacora` si la intención no se pudo guardar
        y `ErrorAlarma` si el canario va en los argumentos (no se ejecuta) o en el resultado.
        """
        op = f"{self._sesion}:{self._agente_id}:{turno}:{llamada.id}"
        guardada = self._memoria.pop(op, None)
        if guardada is None:
            return await self._hacer(llamada, Operacion(op, 0), causa, hacer)
        if guardada.cierre is not None and guardada.resultado is not None:
            return guardada.resultado, guardada.cierre
        if llamada.nombre in _SE_REHACEN:
            # Se hace o se acaba de hacer con la misma intención: quien la hace mira su efecto.
            operacion = Operacion(op, guardada.pedida.id, guardada.intento, guardada.efecto)
            cruce = _Cruce(llamada, operacion, guardada.pedida, time.monotonic())
            cierre = "recuperado" if guardada.efecto else "resultado"
            return await self._ejecutar(cruce, hacer, cierre)
        operacion = Operacion(op, guardada.pedida.id, guardada.intento)
        cruce = _Cruce(llamada, operacion, guardada.pedida, time.monotonic())
        with self._si_se_cancela(cruce):
            rescatado = await self._puertos.rescatar(guardada, llamada, self._agente_id)
        if rescatado is None:
            return await self._hacer(llamada, Operacion(op, 0, guardada.intento + 1), causa, hacer)
        if rescatado.ms:
            cruce = replace(cruce, inicio=time.monotonic() - rescatado.ms / 1000)
        return self._acabar(cruce, rescatado.resultado, rescatado.cierre)

    async def _hacer(
        self,
        llamada: LlamadaHerramienta,
        operacion: Operacion,
        causa: Apunte | None,
        hacer: Hacer,
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """Un intento nuevo: su intención se espera antes de hacer nada."""
        pedida = self._puertos.anotar(
            HerramientaPedida(
                agente_id=self._agente_id,
                op=operacion.op,
                intento=operacion.intento,
                tool_call_id=llamada.id,
                tool=llamada.nombre,
                args=con_textos(llamada.args, self._puertos.guardia.secretos.redactar),
            ),
            causa,
        )
        cruce = _Cruce(llamada, operacion, pedida, time.monotonic())
        with self._si_se_cancela(cruce):
            fila = await pedida
        self._soltar_cerradas()
        cruce = replace(cruce, operacion=replace(operacion, fila=fila))
        return await self._ejecutar(cruce, hacer, "resultado")

    async def _ejecutar(
        self, cruce: _Cruce, hacer: Hacer, cierre: str
    ) -> tuple[ResultadoHerramienta, Apunte]:
        llamada = cruce.llamada
        if que := self._puertos.guardia.alarma(llamada.args):
            self._cerrar(cruce, self._depurado(sin_ejecutar(llamada, que), cruce), cierre)
            raise self._dar_alarma(cruce, "los argumentos", que)
        if lleva_marca(llamada):
            return self._acabar(cruce, sin_marcas(llamada), cierre)
        with self._si_se_cancela(cruce):
            crudo = await hacer(cruce.pedida, cruce.operacion)
        return self._acabar(cruce, crudo, cierre)

    @contextmanager
    def _si_se_cancela(self, cruce: _Cruce) -> Iterator[None]:
        """La intención no se queda sin cierre: dice que el efecto quedó interrumpido."""
        try:
            yield
        except asyncio.CancelledError as cancelada:
            crudo, cancelada.args = a_medias(cruce.llamada, cancelada), ()
            with suppress(ErrorAlarma):
                # Quien espera la llamada recibe lo que quedó de ella, ya depurado.
                cancelada.args = self._acabar(cruce, crudo, "interrumpido")[:1]
            raise

    def _soltar_cerradas(self) -> None:
        """Los cierres se guardan en orden: si hay una fila posterior guardada, ellos también."""
        for fila in self._por_soltar:
            self._puertos.soltar(fila)
        self._por_soltar.clear()

    def _acabar(
        self, cruce: _Cruce, crudo: ResultadoHerramienta, cierre: str
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """Depura un resultado y anota su cierre; si traía el canario, también la alarma, y la lanza."""
        guardia = self._puertos.guardia
        todo = (crudo.para_modelo, crudo.para_usuario, crudo.detalles, crudo.datos)
        donde, que = "el resultado", guardia.alarma(todo)
        if que is None:
            donde, que = "la red", guardia.denuncia(self._agente_id)
        limpio = self._depurado(crudo, cruce)
        fila = self._cerrar(cruce, limpio, cierre)
        if que is not None:
            raise self._dar_alarma(cruce, donde, que)
        return limpio, fila

    def _depurado(self, crudo: ResultadoHerramienta, cruce: _Cruce) -> ResultadoHerramienta:
        guardia = self._puertos.guardia
        datos = con_textos(crudo.datos, guardia.depurar)
        return replace(
            crudo,
            para_modelo=guardia.depurar(crudo.para_modelo)
            if datos is None
            else guardia.marcar(datos, cruce.operacion.op),
            para_usuario=guardia.depurar(crudo.para_usuario),
            detalles=con_textos(crudo.detalles, guardia.depurar),
            datos=datos,
        )

    def _dar_alarma(self, cruce: _Cruce, donde: str, que: str) -> ErrorAlarma:
        self._puertos.anotar(
            AlarmaSeguridad(
                agente_id=self._agente_id,
                op=cruce.operacion.op,
                tool=cruce.llamada.nombre,
                donde=donde,
                que=que,
            ),
            cruce.pedida,
        )
        return ErrorAlarma(
            f"el canario apareció {que} en {donde} de {cruce.llamada.nombre}: alguien leyó lo que"
            " no debía"
        )

    def _cerrar(self, cruce: _Cruce, limpio: ResultadoHerramienta, cierre: str) -> Apunte:
        if cruce.operacion.fila:
            self._por_soltar.append(cruce.operacion.fila)
        return self._puertos.anotar(
            HerramientaTerminada(
                agente_id=self._agente_id,
                op=cruce.operacion.op,
                intento=cruce.operacion.intento,
                tool=cruce.llamada.nombre,
                ok=limpio.ok,
                resultado=limpio.para_modelo,
                ms=int((time.monotonic() - cruce.inicio) * 1000),
                detalles_propios=limpio.detalles,
                cierre=cierre,
            ),
            cruce.pedida,
        )
