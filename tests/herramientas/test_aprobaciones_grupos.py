"""Qué se pregunta junto y qué no se pregunta más."""

from __future__ import annotations

import asyncio

import pytest

from agentes.eventos_permisos import Alcance, Quien
from tests.herramientas.test_aprobaciones import Mesa


@pytest.fixture
def mesa() -> Mesa:
    return Mesa()


async def test_las_que_solo_cambian_de_argumento_se_preguntan_juntas_y_se_recuerdan_aparte(
    mesa: Mesa,
) -> None:
    una = await mesa.pide(clase=("touch", "-m", "uno"), orden="touch -m uno")
    otra = await mesa.pide(clase=("touch", "-m", "dos"), orden="touch -m dos", agente_id="a-2")
    (grupo,) = mesa.cola.pendientes()
    assert grupo.ordenes == ("touch -m uno", "touch -m dos")
    assert grupo.clases == (("touch", "-m", "uno"), ("touch", "-m", "dos"))
    mesa.cola.permitir(1, Alcance.AGENTE)
    assert (await una).permitida
    assert (await otra).permitida
    repetida = await (await mesa.pide(clase=("touch", "-m", "uno"), orden="touch -m uno"))
    assert repetida.quien is Quien.REGLA
    cruzada = await mesa.pide(clase=("touch", "-m", "dos"), orden="touch -m dos")
    assert not cruzada.done(), "lo de otro agente no vale para este"
    mesa.cola.rechazar(2)
    await cruzada


@pytest.mark.parametrize(
    "clase",
    [("touch", "a", "b"), ("touch", "-c", "a"), ("touch", "a", "&&", "sh", "x"), ("rm", "a")],
)
async def test_lo_que_cambia_mas_que_un_argumento_se_pregunta_aparte(
    mesa: Mesa, clase: tuple[str, ...]
) -> None:
    una = await mesa.pide(clase=("touch", "a"), orden="touch a")
    otra = await mesa.pide(clase=clase, orden=" ".join(clase))
    assert [g.clases for g in mesa.cola.pendientes()] == [(("touch", "a"),), (clase,)]
    mesa.cola.rechazar(1)
    mesa.cola.rechazar(2)
    await asyncio.wait({una, otra})


async def test_lo_rechazado_se_vuelve_a_preguntar_una_vez_y_no_mas(mesa: Mesa) -> None:
    """De quien sea; un rechazo en grupo es una pregunta, y aprobarla lo olvida todo."""
    a_la_vez = [await mesa.pide(agente_id=f"a-{n}") for n in range(4)]
    mesa.cola.rechazar(1, "ahora no")
    await asyncio.wait(a_la_vez)
    otra = await mesa.pide()
    mesa.cola.rechazar(2)
    await otra
    for n in range(3):
        insiste = await (await mesa.pide(agente_id=f"a-{n}"))
        assert (insiste.permitida, insiste.quien) == (False, Quien.REGLA)
        assert "ya rechazó dos veces" in insiste.motivo
    assert {p.numero for p in mesa.libreta.pedidas} == {1, 2}
    distinta = await mesa.pide(clase=("git", "push", "otro"), orden="git push otro")
    mesa.cola.permitir(3, Alcance.UNA_VEZ)
    assert (await distinta).permitida


async def test_que_nadie_contestara_no_es_un_rechazo(mesa: Mesa) -> None:
    for _ in range(3):
        tarea = await mesa.pide()
        await mesa.reloj.adelantar(300)
        assert (await tarea).quien is Quien.PLAZO
