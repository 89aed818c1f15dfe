"""La vida de un agente, hecho a hecho, para llenar bases grandes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from agentes.eventos import (
    MASTER,
    AgenteTerminado,
    Espera,
    EstadoAgente,
    Evento,
    MensajeEncolado,
)
from agentes.eventos_llamada import LlamadaIniciada, LlamadaReintentada, LlamadaTerminada
from agentes.pruebas import COMPROBAR
from agentes.respuestas import Uso
from servicios.registros.escritura.apuntes import ApunteFila
from tests.registros.permisos_de_ejemplo import permiso_pedido, permiso_resuelto
from tests.registros.sesion_de_ejemplo import aviso, estado, lanzado, pedida, problema, terminada

Hecho = tuple[Evento, ApunteFila | None, ApunteFila]

_TURNOS = 12


class _Hilo:
    """Encadena hechos: cada uno tiene por causa al anterior, si no se dice otra."""

    def __init__(self, causa: ApunteFila) -> None:
        self.ultimo = causa

    def hecho(self, evento: Evento) -> Hecho:
        causa, self.ultimo = self.ultimo, ApunteFila()
        return evento, causa, self.ultimo


def vida_de_agente(
    agente: str, superior: str, causa: ApunteFila, azar: random.Random
) -> Iterator[Hecho]:
    """Nace, da unos turnos con una orden cada uno, alguna vez pide ayuda o permiso, y acaba."""
    hilo = _Hilo(causa)
    yield hilo.hecho(lanzado(agente, superior))
    yield hilo.hecho(estado(agente, EstadoAgente.RUNNING))
    for turno in range(1, _TURNOS + 1):
        yield from _turno(hilo, agente, turno, azar)
        if azar.random() < 0.01:
            yield from _ayuda(hilo, agente)
    yield from _prueba(hilo, agente)
    final = EstadoAgente.COMPLETED if azar.random() < 0.95 else EstadoAgente.FAILED
    yield hilo.hecho(AgenteTerminado(agente_id=agente, estado=final, resultado="hecho " * 20))
    yield hilo.hecho(aviso(agente, "resultado", "hecho " * 20))


def _turno(hilo: _Hilo, agente: str, turno: int, azar: random.Random) -> Iterator[Hecho]:
    op = f"{agente}:{turno}:llamada"
    nuevos = ({"type": "tool", "data": {"content": "x" * azar.randrange(50, 800)}},)
    yield hilo.hecho(
        LlamadaIniciada(agente_id=agente, turno=turno, modelo="demo", nuevos=nuevos, historia=op)
    )
    if azar.random() < 0.02:
        entra = hilo.ultimo
        yield hilo.hecho(_reintento(agente, turno))
        hilo.ultimo = entra
    yield hilo.hecho(_respuesta(agente, turno, azar))
    orden = f"grep -rn {turno} /srv/datos/{agente}"
    if azar.random() < 0.02:
        yield hilo.hecho(permiso_pedido(agente, op, orden))
        yield hilo.hecho(permiso_resuelto(agente, op, orden))
    yield hilo.hecho(pedida(agente, op, orden))
    codigo = 0 if azar.random() < 0.95 else 1
    salida = {"command": orden, "stdout": "y" * azar.randrange(900), "return_code": codigo}
    yield hilo.hecho(terminada(agente, op, salida))


def _prueba(hilo: _Hilo, agente: str) -> Iterator[Hecho]:
    op, args = f"{agente}:reporte#1", {"clase": "archivo", "ruta": "informe.txt"}
    yield hilo.hecho(replace(pedida(agente, op, ""), tool=COMPROBAR, args=args))
    yield hilo.hecho(replace(terminada(agente, op, {"return_code": 0}), tool=COMPROBAR))


def _ayuda(hilo: _Hilo, agente: str) -> Iterator[Hecho]:
    yield hilo.hecho(problema(agente, "no encuentro la carpeta"))
    yield hilo.hecho(estado(agente, EstadoAgente.PAUSED, Espera.SUPERIOR))
    yield hilo.hecho(aviso(agente, "problema", "no encuentro la carpeta"))
    yield hilo.hecho(MensajeEncolado(agente_id=agente, de=MASTER, texto="usa la otra"))
    yield hilo.hecho(estado(agente, EstadoAgente.RUNNING))


def _respuesta(agente: str, turno: int, azar: random.Random) -> LlamadaTerminada:
    texto = "z" * azar.randrange(40, 400)
    return LlamadaTerminada(
        agente_id=agente,
        turno=turno,
        modelo="demo",
        respuesta={"type": "ai", "data": {"content": texto}},
        texto=texto,
        llamadas=({"nombre": "ejecutar_comando_consola", "id": "c"},),
        razon="completa",
        uso=Uso(azar.randrange(9000), azar.randrange(400), 0),
        intentos=1,
        ms=azar.randrange(9000),
    )


def _reintento(agente: str, turno: int) -> LlamadaReintentada:
    return LlamadaReintentada(
        agente_id=agente,
        turno=turno,
        intento=1,
        espera_s=1.5,
        error="el servidor está saturado",
        clase="tasa",
    )
