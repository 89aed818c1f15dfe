"""La consola como herramienta: sin permiso no se ejecuta nada, y el agente sabe por qué."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentes.eventos import Apunte, Evento
from agentes.eventos_permisos import Alcance, AprobacionResuelta
from agentes.perfil_consola import Aprobacion, PerfilConsola, Red, Regla, Veredicto
from agentes.respuestas import Operacion, ResultadoHerramienta
from servicios.consola.pedido import MotivoFin
from servicios.consola.reanudacion import Hallazgo, Suerte
from servicios.consola.resultado import ResultadoComando
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.incluidas.consola import herramienta_consola
from servicios.herramientas.permiso import Permiso
from servicios.reloj import RelojReal

NO_LO_RODEES = "No lo intentes de otra forma ni lo rodees; si lo necesitas, usa reportar_problema."


class Recibo:
    id = 1

    def __await__(self) -> Generator[Any, None, int]:
        yield from ()
        return self.id


@dataclass(frozen=True)
class Decidida:
    veredicto: Veredicto
    motivo: str
    clase: tuple[str, ...]


def decidir(orden: str, reglas: tuple[Regla, ...]) -> Decidida:
    """`ls` pasa, `sudo` no y lo demás se pregunta, salvo lo que diga una regla."""
    palabras = tuple(orden.split())
    for regla in reglas:
        if palabras[: len(regla.orden)] == regla.orden:
            return Decidida(regla.decision, "lo dice una regla", palabras)
    veredicto = {"ls": Veredicto.PERMITIR, "sudo": Veredicto.DENEGAR}.get(
        palabras[0], Veredicto.PREGUNTAR
    )
    return Decidida(veredicto, f"{palabras[0]} es así", palabras)


@dataclass(frozen=True)
class Lugar:
    nombre: str = "bwrap"
    encierra: bool = True


class ConsolaApuntada:
    """Apunta lo que se le manda ejecutar; con `atascada`, no acaba nunca."""

    def __init__(self) -> None:
        self.ejecutadas: list[tuple[str, str, PerfilConsola]] = []
        self.atascada = False

    async def ejecutar_comando_seguro(
        self, command: str, agente_id: str, perfil: PerfilConsola, fila: int
    ) -> ResultadoComando:
        self.ejecutadas.append((command, agente_id, perfil))
        try:
            if self.atascada:
                await asyncio.Event().wait()
        except asyncio.CancelledError as cancelada:
            cancelada.args = (ResultadoComando("a medias\n", "", 137, MotivoFin.CANCELADO),)
            raise
        return ResultadoComando("hecho\n", "", 0)

    async def recuperar(self, fila: int, agente_id: str) -> Hallazgo:
        return Hallazgo(Suerte.NUNCA)


@dataclass
class Banco:
    """La herramienta montada y lo que la rodea."""

    perfil: PerfilConsola = field(default_factory=PerfilConsola)
    lugar: Lugar = field(default_factory=Lugar)
    hay_persona: bool = True
    hechos: list[Evento] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.consola = ConsolaApuntada()
        self.cola = Aprobaciones(self._anotar, RelojReal(), hay_persona=self.hay_persona)
        permiso = Permiso(decidir, self.cola, self.lugar, lambda *_: "su espacio")
        self._herramienta = herramienta_consola(self.consola, lambda _: self.perfil, permiso)

    def _anotar(self, evento: Evento, _: Apunte | None) -> Recibo:
        self.hechos.append(evento)
        return Recibo()

    async def usar(self, orden: str) -> ResultadoHerramienta:
        return await self._herramienta.funcion({"command": orden}, "a-1", Operacion("s:a-1:1:c", 7))

    @property
    def quienes(self) -> list[str]:
        return [h.quien for h in self.hechos if isinstance(h, AprobacionResuelta)]


def comprobar_denegada(banco: Banco, resultado: ResultadoHerramienta, *dice: str) -> None:
    assert banco.consola.ejecutadas == []
    assert not resultado.ok
    leido = json.loads(resultado.para_modelo)
    assert (leido["salida"], leido["codigo"], leido["motivo"]) == ("", 126, "denegado")
    for trozo in (*dice, NO_LO_RODEES):
        assert trozo in leido["error"]
    assert resultado.datos == leido
    assert resultado.detalles["return_code"] == 126
    assert resultado.detalles["motivo"] == "denegado"
    assert resultado.detalles["permiso"] == "denegar"


async def test_lo_permitido_corre_con_su_perfil_y_no_deja_fila() -> None:
    banco = Banco(PerfilConsola(limite_comando_s=3))
    resultado = await banco.usar("ls")
    assert banco.consola.ejecutadas == [("ls", "a-1", banco.perfil)]
    assert json.loads(resultado.para_modelo) == {"salida": "hecho", "error": "", "codigo": 0}
    assert resultado.datos == {"salida": "hecho", "error": "", "codigo": 0}
    assert resultado.detalles["permiso"] == "permitir"
    assert resultado.detalles["permiso_motivo"] == "ls es así"
    assert banco.hechos == []


async def test_encerrada_y_sin_red_no_se_pregunta_y_se_dice_por_que() -> None:
    banco = Banco()
    resultado = await banco.usar("rm x")
    assert resultado.ok
    assert banco.hechos == []
    assert resultado.detalles["permiso_motivo"] == (
        "rm es así; se permite porque bwrap la encierra y no tiene red"
    )


async def test_lo_denegado_lo_esta_aunque_este_encerrada() -> None:
    banco = Banco()
    comprobar_denegada(banco, await banco.usar("sudo ls"), "«sudo ls»", "Motivo: sudo es así")
    assert banco.quienes == ["politica"]


async def test_una_regla_del_tipo_deniega() -> None:
    banco = Banco(PerfilConsola(reglas=(Regla(Veredicto.DENEGAR, ("ls", "-R")),)))
    comprobar_denegada(banco, await banco.usar("ls -R /"), "lo dice una regla")


@pytest.mark.parametrize("encierra", [True, False])
async def test_quien_nunca_pregunta_deniega(encierra: bool) -> None:
    perfil = PerfilConsola(aprobacion=Aprobacion.NUNCA_PREGUNTAR)
    banco = Banco(perfil, Lugar(encierra=encierra))
    comprobar_denegada(banco, await banco.usar("rm x"), "este tipo de agente nunca pregunta")
    assert banco.quienes == ["politica"]


@pytest.mark.parametrize(
    ("perfil", "lugar"),
    [
        (PerfilConsola(), Lugar("local", False)),
        (PerfilConsola(red=Red.LIBRE), Lugar()),
        (PerfilConsola(aprobacion=Aprobacion.ESTRICTA), Lugar()),
    ],
)
async def test_lo_que_se_pregunta_sin_persona_se_deniega(
    perfil: PerfilConsola, lugar: Lugar
) -> None:
    banco = Banco(perfil, lugar, hay_persona=False)
    comprobar_denegada(banco, await banco.usar("rm x"), "rm es así", "no hay nadie")
    assert banco.quienes == ["sin_persona"]
    assert banco.cola.denegados() == {"a-1"}


async def test_se_pregunta_y_corre_cuando_se_aprueba() -> None:
    banco = Banco(lugar=Lugar("local", False))
    tarea = asyncio.create_task(banco.usar("rm x"))
    await asyncio.sleep(0)
    (grupo,) = banco.cola.pendientes()
    assert (grupo.ordenes, grupo.clases, grupo.carpeta) == (("rm x",), (("rm", "x"),), "su espacio")
    assert grupo.aislamiento == "local · espacio propio · red abierta"
    assert banco.consola.ejecutadas == []
    banco.cola.permitir(grupo.numero, Alcance.AGENTE)
    resultado = await tarea
    assert resultado.ok
    assert resultado.detalles["permiso_motivo"] == "la persona la aprobó (agente)"
    otra = await banco.usar("rm x")
    assert otra.detalles["permiso_motivo"].endswith("esta clase de orden para este agente")
    assert banco.quienes == ["usuario", "regla"]


async def test_el_motivo_de_la_persona_lo_lee_el_agente() -> None:
    banco = Banco(lugar=Lugar("local", False))
    tarea = asyncio.create_task(banco.usar("rm x"))
    await asyncio.sleep(0)
    banco.cola.rechazar(1, "x hace falta mañana")
    comprobar_denegada(banco, await tarea, "la persona la rechazó: x hace falta mañana")


async def test_cancelar_mientras_corre_conserva_lo_impreso_y_el_permiso() -> None:
    banco = Banco()
    banco.consola.atascada = True
    tarea = asyncio.create_task(banco.usar("ls"))
    while not banco.consola.ejecutadas:
        await asyncio.sleep(0)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelada:
        await tarea
    (parcial,) = cancelada.value.args
    assert parcial.detalles["stdout"] == "a medias\n"
    assert parcial.detalles["permiso"] == "permitir"


async def test_cancelar_mientras_se_pregunta_no_ejecuta_nada() -> None:
    banco = Banco(lugar=Lugar("local", False))
    tarea = asyncio.create_task(banco.usar("rm x"))
    await asyncio.sleep(0)
    assert banco.cola.esperan() == {"a-1"}
    tarea.cancel()
    await asyncio.wait({tarea})
    assert (banco.cola.pendientes(), banco.consola.ejecutadas) == ((), [])
