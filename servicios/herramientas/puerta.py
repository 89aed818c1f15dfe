"""La puerta: intención comprometida → ejecutar → cierre. Todo efecto pasa por aquí.

Lo que sale de una herramienta es ajeno: se limpia, se le tapan los secretos y va entre marcas
antes de que lo vean la bitácora, el modelo o la persona.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from agentes.errores import ErrorAlarma
from agentes.eventos import Apunte, Evento
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from agentes.eventos_seguridad import AlarmaSeguridad
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta, con_textos
from servicios.herramientas.guardia import Guardia

Anotar = Callable[[Evento, Apunte | None], Apunte]
Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]
"""Recibe la fila de su intención, que es la causa de todo lo que haga, y su operación."""


_DE_CONSOLA = {"ejecutar_comando_consola", "iniciar_trabajo"}
_MARCA_SECRETO = "[secreto:"


@dataclass(frozen=True, slots=True)
class _Cruce:
    """Una llamada que está pasando por la puerta."""

    llamada: LlamadaHerramienta
    op: str
    pedida: Apunte
    inicio: float


class Puerta:
    """Los efectos de un agente. Su `op` es única: sesión, agente, turno y llamada."""

    def __init__(self, sesion: str, agente_id: str, anotar: Anotar, guardia: Guardia) -> None:
        self._sesion = sesion
        self._agente_id = agente_id
        self._anotar = anotar
        self._guardia = guardia

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """Espera a que la intención esté guardada, ejecuta y anota el cierre.

        Una orden que copia la marca de un secreto no se ejecuta: escribiría la marca en su lugar.
        Devuelve el resultado, ya depurado, y la fila del cierre. Si la cancelan, el cierre dice
        que el efecto quedó interrumpido. Lanza `ErrorBitacora` si la intención no se pudo guardar
        y `ErrorAlarma` si el canario va en los argumentos (no se ejecuta) o en el resultado.
        """
        op = f"{self._sesion}:{self._agente_id}:{turno}:{llamada.id}"
        pedida = self._anotar(
            HerramientaPedida(
                agente_id=self._agente_id,
                op=op,
                intento=1,
                tool_call_id=llamada.id,
                tool=llamada.nombre,
                args=con_textos(llamada.args, self._guardia.secretos.redactar),
            ),
            causa,
        )
        cruce = _Cruce(llamada, op, pedida, time.monotonic())
        try:
            operacion = Operacion(op, await pedida)
            if que := self._guardia.alarma(llamada.args):
                sin_ejecutar = self._depurado(_sin_ejecutar(llamada, que), op)
                self._cerrar(cruce, sin_ejecutar, "resultado")
                raise self._dar_alarma(cruce, "los argumentos", que)
            copiada = _lleva_marca(llamada)
            resultado = _sin_marcas(llamada) if copiada else await hacer(pedida, operacion)
        except asyncio.CancelledError as cancelada:
            self._acabar(cruce, _a_medias(llamada, cancelada), "interrumpido")
            raise
        limpio, cierre, alarma = self._acabar(cruce, resultado, "resultado")
        if alarma is not None:
            raise alarma
        return limpio, cierre

    def _acabar(
        self, cruce: _Cruce, crudo: ResultadoHerramienta, cierre: str
    ) -> tuple[ResultadoHerramienta, Apunte, ErrorAlarma | None]:
        """Depura un resultado, anota su cierre y, si traía el canario, la alarma."""
        todo = (crudo.para_modelo, crudo.para_usuario, crudo.detalles, crudo.datos)
        donde, que = "el resultado", self._guardia.alarma(todo)
        if que is None:
            donde, que = "la red", self._guardia.denuncia(self._agente_id)
        limpio = self._depurado(crudo, cruce.op)
        fila = self._cerrar(cruce, limpio, cierre)
        return limpio, fila, self._dar_alarma(cruce, donde, que) if que else None

    def _depurado(self, crudo: ResultadoHerramienta, op: str) -> ResultadoHerramienta:
        depurar = self._guardia.depurar
        datos = con_textos(crudo.datos, depurar)
        return replace(
            crudo,
            para_modelo=depurar(crudo.para_modelo) if datos is None else self._marcado(datos, op),
            para_usuario=depurar(crudo.para_usuario),
            detalles=con_textos(crudo.detalles, depurar),
            datos=datos,
        )

    def _marcado(self, datos: dict[str, Any], op: str) -> str:
        """Los datos en JSON, entre dos marcas que quien los escribió no podía saber."""
        marca = self._guardia.marca(op)
        entre_marcas = {"inicio_datos": marca, **datos, "fin_datos": marca}
        return json.dumps(entre_marcas, ensure_ascii=False, separators=(",", ":"))

    def _dar_alarma(self, cruce: _Cruce, donde: str, que: str) -> ErrorAlarma:
        self._anotar(
            AlarmaSeguridad(
                agente_id=self._agente_id,
                op=cruce.op,
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
        return self._anotar(
            HerramientaTerminada(
                agente_id=self._agente_id,
                op=cruce.op,
                intento=1,
                tool=cruce.llamada.nombre,
                ok=limpio.ok,
                resultado=limpio.para_modelo,
                ms=int((time.monotonic() - cruce.inicio) * 1000),
                detalles_propios=limpio.detalles,
                cierre=cierre,
            ),
            cruce.pedida,
        )


def _sin_ejecutar(llamada: LlamadaHerramienta, que: str) -> ResultadoHerramienta:
    texto = f"no se ejecutó: los argumentos llevan el canario ({que})"
    return ResultadoHerramienta(False, texto, detalles=_orden(llamada))


def _lleva_marca(llamada: LlamadaHerramienta) -> bool:
    if llamada.nombre not in _DE_CONSOLA:
        return False
    return _MARCA_SECRETO in json.dumps(llamada.args, ensure_ascii=False, default=str)


def _sin_marcas(llamada: LlamadaHerramienta) -> ResultadoHerramienta:
    texto = "[secreto:…] es una marca que tapa un valor, no el valor: escribe la orden sin copiarla"
    return ResultadoHerramienta(False, texto, detalles=_orden(llamada))


def _a_medias(
    llamada: LlamadaHerramienta, cancelada: asyncio.CancelledError
) -> ResultadoHerramienta:
    """Lo que dejó una herramienta cancelada: lo que traiga la cancelación o, sin nada, la orden."""
    for parcial in cancelada.args:
        if isinstance(parcial, ResultadoHerramienta):
            return replace(parcial, ok=False)
    texto = "interrumpido: se canceló mientras se ejecutaba"
    return ResultadoHerramienta(False, texto, detalles=_orden(llamada))


def _orden(llamada: LlamadaHerramienta) -> dict[str, object]:
    return {"command": llamada.args["command"]} if "command" in llamada.args else {}
