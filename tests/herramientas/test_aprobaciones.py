"""La cola de aprobaciones y los modos: quién espera, qué se recuerda y qué queda escrito."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from agentes.errores import ErrorEnjambre
from agentes.eventos import Apunte, Evento
from agentes.eventos_permisos import Alcance, AprobacionPedida, AprobacionResuelta, Quien
from agentes.perfil_consola import Aprobacion, Red, Veredicto
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.permiso import aplicar_modo
from servicios.herramientas.solicitudes import Resolucion, Solicitud

UNA = Solicitud("a-1", "op-1", "git push", ("git", "push"), "escribe fuera", "bwrap", "/p")


class Recibo:
    id = 1

    def __await__(self) -> Generator[Any, None, int]:
        yield from ()
        return self.id


class Libreta:
    """Guarda los hechos en orden."""

    def __init__(self) -> None:
        self.hechos: list[Evento] = []

    def anotar(self, evento: Evento, _: Apunte | None) -> Recibo:
        self.hechos.append(evento)
        return Recibo()

    @property
    def decididas(self) -> list[AprobacionResuelta]:
        return [h for h in self.hechos if isinstance(h, AprobacionResuelta)]

    @property
    def pedidas(self) -> list[AprobacionPedida]:
        return [h for h in self.hechos if isinstance(h, AprobacionPedida)]


class RelojManual:
    """Solo pasa el tiempo que diga la prueba."""

    def __init__(self) -> None:
        self.hora = 0.0
        self._dormidos: list[tuple[float, asyncio.Event]] = []

    def ahora(self) -> float:
        return self.hora

    async def dormir(self, segundos: float) -> None:
        despierta = asyncio.Event()
        self._dormidos.append((self.hora + segundos, despierta))
        await despierta.wait()

    async def adelantar(self, segundos: float) -> None:
        self.hora += segundos
        for hora, despierta in self._dormidos:
            if hora <= self.hora:
                despierta.set()
        await reposar()


async def reposar() -> None:
    """Deja que todo lo que puede avanzar avance."""
    for _ in range(20):
        await asyncio.sleep(0)


class Mesa:
    """Una cola con su reloj, su libreta y lo que van pidiendo los agentes."""

    def __init__(self, *, hay_persona: bool = True) -> None:
        self.reloj = RelojManual()
        self.libreta = Libreta()
        self.cola = Aprobaciones(
            self.libreta.anotar, self.reloj, hay_persona=hay_persona, plazo_s=300
        )
        self._ops = itertools.count(2)

    async def pide(self, solicitud: Solicitud = UNA, **cambios: Any) -> asyncio.Task[Resolucion]:
        nueva = replace(solicitud, **{"op": f"op-{next(self._ops)}", **cambios})
        tarea = asyncio.create_task(self.cola.pedir(nueva))
        await reposar()
        return tarea


@pytest.fixture
def mesa() -> Mesa:
    return Mesa()


async def test_quien_pide_espera_hasta_que_se_aprueba_y_queda_escrito(mesa: Mesa) -> None:
    tarea = await mesa.pide()
    assert not tarea.done()
    assert mesa.cola.esperan() == {"a-1"}
    await mesa.reloj.adelantar(12.5)
    assert mesa.cola.permitir(1, Alcance.UNA_VEZ) == ("a-1",)
    assert mesa.cola.esperan() == frozenset()
    resolucion = await tarea
    assert (resolucion.permitida, resolucion.quien) == (True, Quien.USUARIO)
    assert [(p.numero, p.orden) for p in mesa.libreta.pedidas] == [(1, "git push")]
    (decidida,) = mesa.libreta.decididas
    assert (decidida.decision, decidida.quien, decidida.espera_ms, decidida.nivel) == (
        Veredicto.PERMITIR,
        Quien.USUARIO,
        12_500,
        "INFO",
    )


async def test_las_iguales_de_varios_agentes_son_un_grupo_y_una_respuesta(mesa: Mesa) -> None:
    tareas = [await mesa.pide(agente_id=f"a-{n}") for n in (1, 2, 3)]
    otra = await mesa.pide(agente_id="a-4", clase=("hg", "push"), orden="hg push")
    uno, dos = mesa.cola.pendientes()
    assert (uno.numero, uno.agentes, uno.ordenes) == (1, ("a-1", "a-2", "a-3"), ("git push",))
    assert (dos.numero, dos.agentes) == (2, ("a-4",))
    assert mesa.cola.rechazar(1, "hoy no") == ("a-1", "a-2", "a-3")
    for tarea in tareas:
        resolucion = await tarea
        assert (resolucion.permitida, resolucion.motivo) == (False, "hoy no")
    assert not otra.done()
    assert [d.nivel for d in mesa.libreta.decididas] == ["WARNING"] * 3
    mesa.cola.permitir(2, Alcance.UNA_VEZ)
    assert (await otra).permitida


@pytest.mark.parametrize(
    "cambio",
    [
        {"clase": ("git", "push", "--force")},
        {"motivo": "otro"},
        {"aislamiento": "local"},
        {"carpeta": "/otra"},
        {"modo": "en segundo plano, hasta 600 s"},
    ],
)
async def test_lo_que_difiere_en_algo_no_se_junta_ni_se_recuerda(
    mesa: Mesa, cambio: dict[str, Any]
) -> None:
    tarea = await mesa.pide()
    distinta = await mesa.pide(**cambio)
    assert len(mesa.cola.pendientes()) == 2
    mesa.cola.permitir(1, Alcance.SESION)
    await tarea
    assert not distinta.done()
    mesa.cola.rechazar(2)
    await distinta
    nueva = await mesa.pide(**cambio)
    assert not nueva.done()
    mesa.cola.rechazar(3)
    await nueva


async def test_aprobar_una_vez_no_se_recuerda(mesa: Mesa) -> None:
    tarea = await mesa.pide()
    mesa.cola.permitir(1, Alcance.UNA_VEZ)
    await tarea
    otra = await mesa.pide()
    assert [g.numero for g in mesa.cola.pendientes()] == [2]
    mesa.cola.rechazar(2)
    await otra


async def test_la_clase_para_un_agente_no_vale_para_otro(mesa: Mesa) -> None:
    tarea = await mesa.pide()
    mesa.cola.permitir(1, Alcance.AGENTE)
    await tarea
    suya = await (await mesa.pide())
    assert (suya.permitida, suya.quien, suya.alcance) == (True, Quien.REGLA, Alcance.AGENTE)
    ajena = await mesa.pide(agente_id="a-2")
    assert not ajena.done()
    mesa.cola.rechazar(2)
    await ajena
    assert [d.quien for d in mesa.libreta.decididas] == ["usuario", "regla", "usuario"]


async def test_la_sesion_vale_para_todos_pero_no_para_otra_cola(mesa: Mesa) -> None:
    tarea = await mesa.pide()
    mesa.cola.permitir(1, Alcance.SESION)
    await tarea
    assert (await (await mesa.pide(agente_id="a-9"))).quien is Quien.REGLA
    otra_sesion = Mesa()
    nueva = await otra_sesion.pide()
    assert not nueva.done()
    otra_sesion.cola.rechazar(1)
    await nueva


async def test_lo_que_no_se_sabe_analizar_solo_se_aprueba_esa_vez(mesa: Mesa) -> None:
    una = await mesa.pide(clase=(), orden="eval x")
    otra = await mesa.pide(clase=(), orden="eval y")
    assert [g.ordenes for g in mesa.cola.pendientes()] == [("eval x",), ("eval y",)]
    for alcance in (Alcance.AGENTE, Alcance.SESION):
        with pytest.raises(ErrorEnjambre, match="una vez"):
            mesa.cola.permitir(1, alcance)
    mesa.cola.permitir(1, Alcance.UNA_VEZ)
    mesa.cola.rechazar(2)
    assert ((await una).permitida, (await otra).permitida) == (True, False)


async def test_nadie_responde_a_tiempo_y_cada_una_tiene_su_plazo(mesa: Mesa) -> None:
    primera = await mesa.pide()
    await mesa.reloj.adelantar(200)
    segunda = await mesa.pide(agente_id="a-2")
    await mesa.reloj.adelantar(100)
    assert (await primera).quien is Quien.PLAZO
    assert not segunda.done()
    assert [g.agentes for g in mesa.cola.pendientes()] == [("a-2",)]
    await mesa.reloj.adelantar(200)
    resolucion = await segunda
    assert (resolucion.permitida, resolucion.motivo) == (False, "nadie respondió en 300 s")
    assert mesa.cola.denegados() == frozenset()


async def test_cancelar_a_quien_espera_quita_su_peticion(mesa: Mesa) -> None:
    una, otra = await mesa.pide(), await mesa.pide(agente_id="a-2")
    una.cancel()
    with pytest.raises(asyncio.CancelledError):
        await una
    assert [g.agentes for g in mesa.cola.pendientes()] == [("a-2",)]
    otra.cancel()
    await asyncio.wait({otra})
    assert mesa.cola.pendientes() == ()
    with pytest.raises(ErrorEnjambre, match="la petición 1 no está pendiente"):
        mesa.cola.permitir(1, Alcance.UNA_VEZ)


async def test_sin_persona_se_deniega_al_momento() -> None:
    mesa = Mesa(hay_persona=False)
    resolucion = await (await mesa.pide())
    assert (resolucion.permitida, resolucion.quien) == (False, Quien.SIN_PERSONA)
    assert mesa.cola.denegados() == {"a-1"}
    assert mesa.libreta.pedidas == []
    (decidida,) = mesa.libreta.decididas
    assert decidida.motivo == "escribe fuera, y no hay nadie a quien preguntar"


async def test_lo_que_deniegan_las_reglas_tambien_es_una_fila(mesa: Mesa) -> None:
    await mesa.cola.denegar(UNA, "sudo no")
    (decidida,) = mesa.libreta.decididas
    assert (decidida.quien, decidida.motivo, decidida.nivel) == ("politica", "sudo no", "WARNING")
    assert (set(mesa.cola.denegados()), set(mesa.cola.prohibidos())) == ({"a-1"}, set())


async def test_lo_prohibido_va_aparte_de_lo_que_se_habria_preguntado(mesa: Mesa) -> None:
    await mesa.cola.denegar(UNA, "sudo no", prohibida=True)
    assert (set(mesa.cola.denegados()), set(mesa.cola.prohibidos())) == (set(), {"a-1"})


LIBRE, ESTRICTA, NUNCA = Aprobacion
PERMITIR, PREGUNTAR, DENEGAR = Veredicto


@pytest.mark.parametrize(
    ("aprobacion", "encierra", "red", "queda"),
    [
        (LIBRE, True, Red.NINGUNA, PERMITIR),
        (LIBRE, True, Red.LISTA, PREGUNTAR),
        (LIBRE, True, Red.LIBRE, PREGUNTAR),
        (LIBRE, False, Red.NINGUNA, PREGUNTAR),
        (ESTRICTA, True, Red.NINGUNA, PREGUNTAR),
        (ESTRICTA, False, Red.LIBRE, PREGUNTAR),
        (NUNCA, True, Red.NINGUNA, DENEGAR),
        (NUNCA, False, Red.NINGUNA, DENEGAR),
    ],
)
def test_los_modos(aprobacion: Aprobacion, encierra: bool, red: Red, queda: Veredicto) -> None:
    assert aplicar_modo(PREGUNTAR, aprobacion, encierra=encierra, red=red) is queda
    assert aplicar_modo(DENEGAR, aprobacion, encierra=encierra, red=red) is DENEGAR
    assert aplicar_modo(PERMITIR, aprobacion, encierra=encierra, red=red) is PERMITIR
