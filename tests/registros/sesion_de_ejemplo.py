"""Una sesión pequeña y creíble: dos agentes, un problema, una orden que falla y un reintento."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, message_to_dict

from agentes.eventos import (
    MASTER,
    SISTEMA,
    USUARIO,
    AgenteLanzado,
    AgenteTerminado,
    Apunte,
    AvisoEncolado,
    Espera,
    EstadoAgente,
    EstadoCambiado,
    Evento,
    HechoAnotado,
    LineaUsuario,
    MensajeEncolado,
    ProblemaReportado,
    SesionAbierta,
    SesionCerrada,
    TextoMaster,
)
from agentes.eventos_llamada import (
    HerramientaPedida,
    HerramientaTerminada,
    LlamadaFallida,
    LlamadaIniciada,
    LlamadaReintentada,
    LlamadaTerminada,
)
from agentes.respuestas import Uso
from servicios.gestor_logs import GestorLogs
from tests.registros.permisos_de_ejemplo import permiso_pedido, permiso_resuelto

SESION = "s-1"
USO = Uso(100, 10, 40)


@asynccontextmanager
async def bitacora(
    ruta: Path, sesion: str = SESION, hechos: list[HechoAnotado] | None = None, **opciones: Any
) -> AsyncIterator[GestorLogs]:
    """Una bitácora abierta que guarda en `hechos` lo que publica."""
    destino: list[HechoAnotado] = [] if hechos is None else hechos
    async with GestorLogs.abrir(
        ruta, sesion=sesion, publicar=destino.append, **opciones
    ) as abierta:
        yield abierta


def apertura() -> SesionAbierta:
    return SesionAbierta(
        agente_id=SISTEMA, version="0.1", modelo="demo", aislamiento="bwrap", cara="terminal"
    )


def problema(agente_id: str, texto: str = "algo pasa") -> ProblemaReportado:
    return ProblemaReportado(agente_id=agente_id, descripcion=texto)


def lanzado(agente_id: str, superior: str = MASTER) -> AgenteLanzado:
    return AgenteLanzado(
        agente_id=agente_id,
        agent_type=agente_id.rsplit("-", 1)[0],
        rol="Ejecutor",
        objetivo="Ejecutar órdenes",
        tarea=f"la tarea de {agente_id}",
        superior=superior,
        modelo="demo",
    )


def preguntar(sql: str, ruta: Path, valores: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Lo que vería cualquiera con un cliente de SQLite."""
    with closing(sqlite3.connect(ruta)) as db:
        return db.execute(sql, valores).fetchall()


class Grabador:
    """Escribe los hechos de una sesión como los escribirían sus bucles, y recuerda los recibos."""

    def __init__(self, gestor: GestorLogs, *, uno_a_uno: bool = False) -> None:
        self.gestor = gestor
        self.uno_a_uno = uno_a_uno
        self.recibos: dict[str, Apunte] = {}

    async def anotar(self, nombre: str, evento: Evento, causa: str | None = None) -> None:
        recibo = self.gestor.anotar(evento, None if causa is None else self.recibos[causa])
        self.recibos[nombre] = recibo
        if self.uno_a_uno:
            await recibo

    async def llamada(
        self,
        nombre: str,
        agente_id: str,
        causa: str,
        *,
        turno: int = 1,
        uso: Uso = USO,
        avisos: tuple[str, ...] = (),
        directivas: tuple[str, ...] = (),
        lineas: tuple[str, ...] = (),
    ) -> None:
        """Anota una llamada completa: `nombre` es la respuesta y `nombre.entra` la petición."""
        await self.entra(nombre, agente_id, causa, turno, (avisos, directivas, lineas))
        await self.anotar(
            nombre,
            LlamadaTerminada(
                agente_id=agente_id,
                turno=turno,
                modelo="demo",
                respuesta=message_to_dict(AIMessage(f"respuesta {turno} de {agente_id}")),
                texto=f"respuesta {turno} de {agente_id}",
                llamadas=(),
                razon="completa",
                uso=uso,
                intentos=1,
                ms=12,
            ),
            f"{nombre}.entra",
        )

    async def entra(
        self,
        nombre: str,
        agente_id: str,
        causa: str,
        turno: int,
        traidos: tuple[tuple[str, ...], ...] = ((), (), ()),
    ) -> None:
        avisos, directivas, lineas = (tuple(self.recibos[n] for n in t) for t in traidos)
        await self.anotar(
            f"{nombre}.entra",
            LlamadaIniciada(
                agente_id=agente_id,
                turno=turno,
                modelo="demo",
                nuevos=(message_to_dict(HumanMessage("adelante")),),
                avisos=avisos,
                directivas=directivas,
                lineas=lineas,
            ),
            causa,
        )

    async def orden(
        self, nombre: str, agente_id: str, causa: str, resultado: dict[str, Any]
    ) -> None:
        """Anota una orden de consola y su cierre."""
        op = f"{SESION}:{agente_id}:{nombre}"
        await self.anotar(f"{nombre}.pide", pedida(agente_id, op, str(resultado["command"])), causa)
        await self.anotar(nombre, terminada(agente_id, op, resultado), f"{nombre}.pide")


def pedida(agente_id: str, op: str, orden: str, intento: int = 1) -> HerramientaPedida:
    return HerramientaPedida(
        agente_id=agente_id,
        op=op,
        intento=intento,
        tool_call_id="c1",
        tool="ejecutar_comando_consola",
        args={"command": orden},
    )


def terminada(agente_id: str, op: str, resultado: dict[str, Any]) -> HerramientaTerminada:
    return HerramientaTerminada(
        agente_id=agente_id,
        op=op,
        intento=1,
        tool="ejecutar_comando_consola",
        ok=resultado["return_code"] == 0,
        resultado="lo que lee el modelo",
        ms=34,
        detalles_propios=resultado,
    )


async def grabar_sesion(gestor: GestorLogs, *, uno_a_uno: bool = False) -> dict[str, int]:
    """Graba la sesión entera y devuelve el id de la fila de cada hecho con nombre."""
    g = Grabador(gestor, uno_a_uno=uno_a_uno)
    await g.anotar("abre", apertura())
    await g.anotar("linea", LineaUsuario(agente_id=USUARIO, texto="mira el disco"))
    await g.llamada("decide", MASTER, "linea", uso=Uso(500, 50, 0), lineas=("linea",))
    await g.anotar("texto", TextoMaster(agente_id=MASTER, texto="Voy a ello"), "decide")
    await g.anotar("nace1", lanzado("ejecutor-1"), "decide")
    await g.anotar("corre1", estado("ejecutor-1", EstadoAgente.RUNNING), "nace1")
    await g.llamada("piensa1", "ejecutor-1", "nace1")
    await _ordenes_del_primero(g)
    await g.anotar("problema", problema("ejecutor-1", "no encuentro la carpeta"), "ls")
    pausa = estado("ejecutor-1", EstadoAgente.PAUSED, Espera.SUPERIOR)
    await g.anotar("pausa1", pausa, "problema")
    await g.anotar("aviso", aviso("ejecutor-1", "problema", "no encuentro la carpeta"), "problema")
    await g.llamada("responde", MASTER, "aviso", turno=2, avisos=("aviso",))
    await g.anotar(
        "directiva",
        MensajeEncolado(agente_id="ejecutor-1", de=MASTER, texto="usa /var"),
        "responde",
    )
    await g.llamada("piensa2", "ejecutor-1", "directiva", turno=2, directivas=("directiva",))
    await g.anotar("nace2", lanzado("ayudante-1", superior="ejecutor-1"), "piensa2")
    await _final_del_ayudante(g)
    await _final_de_la_sesion(g)
    return {nombre: recibo.id for nombre, recibo in g.recibos.items()}


async def _ordenes_del_primero(g: Grabador) -> None:
    permiso = ("ejecutor-1", f"{SESION}:ejecutor-1:df", "df -h")
    await g.anotar("permiso", permiso_pedido(*permiso), "piensa1")
    await g.anotar("permitida", permiso_resuelto(*permiso), "permiso")
    await g.orden(
        "df",
        "ejecutor-1",
        "piensa1",
        {"command": "df -h", "stdout": "/ 87%", "stderr": "", "return_code": 0},
    )
    await g.orden(
        "ls",
        "ejecutor-1",
        "piensa1",
        {
            "command": "ls /noexiste",
            "stdout": "",
            "stderr": "ls: no existe",
            "return_code": 2,
            "motivo": "codigo",
        },
    )


async def _final_de_la_sesion(g: Grabador) -> None:
    await g.anotar(
        "fin1",
        AgenteTerminado(
            agente_id="ejecutor-1", estado=EstadoAgente.COMPLETED, resultado="el disco va al 87%"
        ),
        "piensa2",
    )
    await g.anotar("aviso_fin", aviso("ejecutor-1", "resultado", "el disco va al 87%"), "fin1")
    await g.anotar("cierra", SesionCerrada(agente_id=SISTEMA, motivo="salir", codigo=0))
    await g.recibos["cierra"]


async def _final_del_ayudante(g: Grabador) -> None:
    await g.entra("falla", "ayudante-1", "nace2", 1)
    await g.anotar(
        "reintento",
        LlamadaReintentada(
            agente_id="ayudante-1",
            turno=1,
            intento=1,
            espera_s=1.5,
            error="el servidor está saturado",
            clase="tasa",
        ),
        "falla.entra",
    )
    await g.anotar(
        "falla",
        LlamadaFallida(
            agente_id="ayudante-1",
            turno=1,
            intentos=2,
            error="la clave no vale",
            clase="clave",
            ms=1800,
        ),
        "falla.entra",
    )
    await g.anotar(
        "fin2",
        AgenteTerminado(
            agente_id="ayudante-1", estado=EstadoAgente.FAILED, error="la clave no vale"
        ),
        "falla",
    )


def estado(agente_id: str, cual: EstadoAgente, espera: Espera = Espera.NADA) -> EstadoCambiado:
    return EstadoCambiado(agente_id=agente_id, estado=cual, espera=espera)


def aviso(agente_id: str, clase: str, texto: str) -> AvisoEncolado:
    return AvisoEncolado(agente_id=agente_id, destinatario=MASTER, clase=clase, texto=texto)
