"""Las órdenes de la conversación que miran la bitácora."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.interfaz.terminal.portada import despedir
from tests.apoyo import consultar, conversar
from tests.interfaz.test_terminal_ordenes import demo


async def test_las_sesiones_se_listan_y_dicen_como_seguirlas(tmp_path: Path) -> None:
    async with demo(tmp_path) as (vieja, _, _):
        await conversar(vieja, "ejecuta: true")
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ayuda")
        await obedecer("/sesiones", escena)
        filas = {fila[0]: fila for fila in papel.filas[1:]}
        assert filas[sistema.sesion][-1] == "esta"
        assert filas[vieja.sesion][3:] == ("1", "cerrada (salida)")
        await obedecer(f"/resume {vieja.sesion}", escena)
        await obedecer(f"/sesiones {sistema.sesion}", escena)
    assert f"python main.py --reanudar {vieja.sesion}" in papel.texto
    assert "ejecutor-1 (completed): ejecuta: true" in papel.texto
    assert "Es esta misma conversación" in papel.texto
    assert f"--reanudar {sistema.sesion}" not in papel.texto


async def test_nombrar_queda_en_la_bitacora(tmp_path: Path) -> None:
    async with demo(tmp_path) as (_, escena, papel):
        await obedecer("/nombrar la del  disco\x1b[31m", escena)
    assert "«la del disco»" in papel.texto
    hechos = consultar(tmp_path, "SELECT agente_id, mensaje FROM logs WHERE tipo = 'session_name'")
    assert hechos == [("usuario", "la del disco")]


async def test_por_que_ensena_la_cadena_de_una_fila_y_de_un_agente(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ejecuta: true")
        (fila,) = consultar(tmp_path, "SELECT max(id) FROM commands")[0]
        await obedecer(f"/por-que #{fila}", escena)
        de_fila = papel.filas[1:]
        papel.filas.clear()
        await obedecer("/por-que ejecutor-1", escena)
        de_agente = papel.filas[1:]
    assert (de_fila[0][0], de_fila[0][3]) == (str(fila), "tool_call_request")
    assert de_agente[0][3] == "agent_run_start"
    assert de_fila[-1][3:] == de_agente[-1][3:] == ("master_input", "ejecuta: true")


@pytest.mark.parametrize(
    ("linea", "dice"),
    [
        ("/por-que nadie-1", "no es una fila ni un agente"),
        ("/por-que 99999", "No hay ninguna fila 99999"),
        ("/sesiones nada", "no existe la sesión «nada»"),
        ("/exportar pdf", "No sé exportar a «pdf»: usa json, csv, md, html"),
        ("/nombrar", "Se escribe así: /nombrar NOMBRE"),
    ],
)
async def test_lo_que_no_se_puede_es_un_error_de_una_linea(
    tmp_path: Path, linea: str, dice: str
) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ayuda")
        try:
            await obedecer(linea, escena)
        except Exception as error:  # noqa: BLE001 - la sesión escribe el texto de cualquiera
            texto = str(error)
        else:
            texto = papel.texto
    assert dice in texto
    assert "\n" not in texto.strip()


async def test_exportar_deja_un_archivo_en_la_carpeta_actual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actual = tmp_path / "actual"
    actual.mkdir()
    monkeypatch.chdir(actual)
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ejecuta: true")
        await obedecer("/exportar", escena)
        await obedecer("/exportar MD", escena)
    nombres = sorted(ruta.suffix for ruta in actual.glob(f"enjambre-{sistema.sesion}-*"))
    assert nombres == [".html", ".md"]
    assert papel.texto.count("Sesión exportada a") == 2


async def test_la_despedida_dice_como_volver(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, _, papel):
        despedir(sistema, [], [], papel)
    assert f"Para seguir: python main.py --reanudar {sistema.sesion}" in papel.texto
