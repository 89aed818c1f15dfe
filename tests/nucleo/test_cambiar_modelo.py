"""`/modelo`: el general cambia desde la siguiente llamada, consta, vuelve al reanudar y se repite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.eventos import MASTER
from servicios.ajustes import Ajustes
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.llm.preajustes import resolver_modelo
from servicios.registros.lectura.sesiones import elegir_sesion
from servicios.sistema import abrir_sistema
from tests.apoyo import REPORTAR, consultar, conversar, delegar, doble_de, enjambre, variables_de
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.respuestas import llamar, texto
from tests.interfaz.apoyo_terminal import PapelDePrueba

UNO, OTRO = "openai:gpt-prueba", "gemini:gemini-3-prueba"


ACABA = llamar(REPORTAR, {"resultado": "hecho"})


def dobles() -> tuple[Doble, Doble]:
    antes = {"Master": [delegar("a"), texto("va"), texto("hecho a")], "ejecutor-1": [ACABA]}
    despues = {
        "Master": [delegar("b"), texto("va"), texto("hecho b"), texto("seguimos")],
        "ejecutor-2": [ACABA],
    }
    return doble_de("openai", Guion(antes)), doble_de("gemini", Guion(despues))


async def test_el_master_y_los_que_nacen_despues_usan_el_nuevo_y_los_vivos_no(
    tmp_path: Path,
) -> None:
    primero, segundo = dobles()
    papel: Any = PapelDePrueba()
    async with primero, segundo:
        claves = {k: v for k, v in variables_de("gemini", segundo).items() if k != "MODEL"}
        async with enjambre(primero, tmp_path, proveedor="openai", **claves) as sistema:
            escena = Escena(sistema, papel, lambda: None, ())
            assert await conversar(sistema, "haz a") == "hecho a"
            await obedecer(f"/model {OTRO}", escena)
            assert f"De {UNO} a {OTRO}" in papel.texto
            with pytest.raises(ErrorConfiguracion, match="GROQ_API_KEY"):
                await obedecer("/modelo groq", escena)
            assert sistema.modelo == OTRO
            assert await conversar(sistema, "haz b") == "hecho b"
            await obedecer("/modelo", escena)
            assert f"Modelo: {OTRO}" in papel.texto
        await _seguir(tmp_path)
        for doble in (primero, segundo):
            doble.comprobar()
    _consta(tmp_path)


async def _seguir(raiz: Path) -> None:
    """Al reanudar, con el último."""
    ajustes = Ajustes.leer(raiz)
    guardada = elegir_sesion(ajustes.datos / "swarm.db", "")
    referencia = resolver_modelo(guardada.modelo, ajustes)
    assert referencia is not None
    assert str(referencia) == OTRO
    async with abrir_sistema(ajustes, referencia, "prueba", reanudar=guardada.id) as sistema:
        assert await conversar(sistema, "¿sigues?") == "seguimos"


def _consta(tmp_path: Path) -> None:
    """Quién contestó a quién, y que fue cosa de la persona."""
    usados = consultar(
        tmp_path, "SELECT DISTINCT modelo FROM v_llamadas WHERE agente_id=? ORDER BY fila", MASTER
    )
    assert usados == [(UNO,), (OTRO,)]
    nacidos = consultar(tmp_path, "SELECT agent_id, model FROM agent_runs ORDER BY id")
    assert nacidos == [("ejecutor-1", UNO), ("ejecutor-2", OTRO)]
    cambios = consultar(tmp_path, "SELECT agente_id, mensaje FROM logs WHERE tipo='model_change'")
    assert cambios == [("usuario", f"Desde ahora, {OTRO}")]
