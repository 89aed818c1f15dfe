"""Las preguntas a una sesión contestan lo que pasó, en orden y diciendo lo que falta."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.eventos import MASTER, USUARIO, LineaUsuario
from servicios.registros.auditoria.arbol import agentes
from servicios.registros.auditoria.base import Base, abrir_base
from servicios.registros.auditoria.filtros import Filtro, leer_momento
from servicios.registros.auditoria.hojas import Hoja
from servicios.registros.auditoria.preguntas import (
    comandos,
    costes,
    errores,
    fila_de_agente,
    linea,
    por_que,
    sesiones,
    tamano,
)
from tests.registros.sesion_de_ejemplo import (
    SESION,
    Grabador,
    apertura,
    aviso,
    bitacora,
    lanzado,
)


def _linea(ruta: Path, filtro: Filtro) -> Hoja:
    with abrir_base(ruta) as base:
        return linea(base, SESION, filtro)


def _columna(hoja: Hoja, nombre: str) -> list[Any]:
    return [objeto[nombre] for objeto in hoja.objetos()]


def test_la_linea_son_las_ultimas_filas_en_orden_y_dice_que_hay_mas(ruta: Path) -> None:
    entera = _columna(_linea(ruta, Filtro()), "fila")
    corta = _linea(ruta, Filtro(limite=5))
    assert entera == sorted(entera)
    assert _columna(corta, "fila") == entera[-5:]
    assert f"--hasta {entera[-6]}" in corta.nota
    assert not _linea(ruta, Filtro(limite=len(entera))).nota


def test_desde_da_las_primeras_y_se_puede_seguir_hasta_el_final(ruta: Path) -> None:
    entera = _columna(_linea(ruta, Filtro()), "fila")
    vistas: list[Any] = []
    desde = 1
    while True:
        hoja = _linea(ruta, Filtro(desde=desde, limite=7))
        vistas += _columna(hoja, "fila")
        if not hoja.nota:
            break
        desde = int(hoja.nota.split("--desde ")[1].split()[0])
    assert vistas == entera


@pytest.mark.parametrize(
    ("filtro", "esperado"),
    [
        (Filtro(agentes=("ayudante-1",)), {"ayudante-1"}),
        (Filtro(agentes=("ayudante-1", "sistema")), {"ayudante-1", "sistema"}),
        (Filtro(tipos=("master_input",)), {"usuario"}),
        (Filtro(niveles=("ERROR",)), {"ayudante-1"}),
        (Filtro(texto="DISCO va"), {"ejecutor-1"}),
        (Filtro(texto="%"), {"ejecutor-1"}),
        (Filtro(hasta=1), {"sistema"}),
        (Filtro(hasta="2000-01-01"), set()),
        (Filtro(desde="2999-01-01"), set()),
        (Filtro(desde="2000-01-01", hasta="2999", tipos=("system_init",)), {"sistema"}),
    ],
)
def test_los_filtros_dejan_lo_que_piden(ruta: Path, filtro: Filtro, esperado: set[str]) -> None:
    assert set(_columna(_linea(ruta, filtro), "agente_id")) == esperado


def test_las_fechas_se_entienden_o_se_dice() -> None:
    assert leer_momento("12") == leer_momento("#12") == 12
    assert leer_momento("2026-01-31 10:30") == "2026-01-31T10:30"
    assert leer_momento("2026-01-31T10:30+02:00") == "2026-01-31T08:30:00"
    for mala in ("ayer", "", "-3", "2026-13-01"):
        with pytest.raises(ErrorConfiguracion, match="no es una fila ni una fecha"):
            leer_momento(mala)


def test_los_comandos_llevan_su_salida_y_los_fallidos_se_apartan(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        todos = comandos(base, SESION, Filtro())
        malos = comandos(base, SESION, Filtro(), fallidos=True)
    assert _columna(todos, "command") == ["df -h", "ls /noexiste"]
    assert _columna(todos, "stdout") == ["/ 87%", ""]
    assert _columna(malos, "return_code") == [2]


def test_los_errores_son_lo_que_salio_mal(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        hoja = errores(base, SESION, Filtro())
    mensajes = "\n".join(str(m) for m in _columna(hoja, "mensaje"))
    for dicho in ("ls /noexiste", "no encuentro la carpeta", "la clave no vale", "saturado"):
        assert dicho in mensajes


def test_los_costes_suman_por_agente_rama_y_sesion(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        filas = costes(base, SESION, Filtro()).objetos()
        solo = costes(base, SESION, Filtro(agentes=(MASTER,)), ("rama",)).objetos()
    tokens = {(f["ambito"], f["agente_id"]): f["tokens_in"] for f in filas}
    assert tokens["agente", MASTER] == 600
    assert tokens["rama", MASTER] == tokens["sesion", None] == 800
    assert [(f["ambito"], f["agente_id"]) for f in solo] == [("rama", MASTER)]


def test_el_tamano_dice_lo_que_ocupa_y_que_sesiones_pesan(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        filas = tamano(base, 100).objetos()
    por_que_es = {f["que"]: f for f in filas}
    assert por_que_es["swarm.db"]["bytes"] == ruta.stat().st_size
    assert por_que_es[SESION]["filas"] == por_que_es["swarm.db"]["filas"] > 20
    assert 0 < por_que_es[SESION]["bytes"] <= ruta.stat().st_size


def test_las_sesiones_dicen_como_acabaron(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        (fila,) = sesiones(base, Filtro()).objetos()
    assert (fila["session"], fila["agentes"], fila["codigo"]) == (SESION, 2, 0)


def test_por_que_llega_hasta_la_linea_de_la_persona(ruta: Path) -> None:
    with abrir_base(ruta) as base:
        fila = fila_de_agente(base, SESION, "ayudante-1")
        hoja = por_que(base, fila, 100)
        corta = por_que(base, fila, 3)
        with pytest.raises(ErrorConfiguracion, match="No hay ninguna fila 999"):
            por_que(base, 999, 100)
        with pytest.raises(ErrorConfiguracion, match="no es una fila ni un agente"):
            fila_de_agente(base, SESION, "nadie-1")
    tipos = _columna(hoja, "tipo")
    assert tipos[0] == "agent_run_start"
    assert tipos[-1] == "master_input"
    assert _columna(corta, "tipo") == [*tipos[:2], tipos[-1]]
    assert f"Faltan {len(tipos) - 3} pasos" in corta.nota


async def test_por_que_nombra_los_demas_avisos_del_mismo_resumen(tmp_path: Path) -> None:
    async with bitacora(tmp_path / "swarm.db") as gestor:
        g = Grabador(gestor)
        await g.anotar("abre", apertura())
        await g.anotar("linea", LineaUsuario(agente_id=USUARIO, texto="dos cosas"))
        for n in (1, 2, 3):
            await g.anotar(f"nace{n}", lanzado(f"ejecutor-{n}"), "linea")
            await g.anotar(f"aviso{n}", aviso(f"ejecutor-{n}", "resultado", "ya"), f"nace{n}")
        await g.llamada("resume", MASTER, "aviso3", avisos=("aviso1", "aviso2", "aviso3"))
        await g.recibos["resume.entra"]
    with abrir_base(tmp_path / "swarm.db") as base:
        pasos = por_que(base, g.recibos["resume.entra"].id, 10).objetos()
    assert pasos[0]["ademas"] == f"{g.recibos['aviso1'].id} {g.recibos['aviso2'].id}"
    assert pasos[1]["fila"] == g.recibos["aviso3"].id
    assert [p["ademas"] for p in pasos[1:]] == [None] * (len(pasos) - 1)


async def test_el_arbol_cuelga_a_cada_uno_de_su_superior(tmp_path: Path) -> None:
    superiores = {"a-1": MASTER, "b-1": "a-1", "c-1": MASTER, "b-2": "a-1", "d-1": "b-1"}
    async with bitacora(tmp_path / "swarm.db") as gestor:
        await gestor.anotar(apertura())
        for agente, superior in superiores.items():
            await gestor.anotar(lanzado(agente, superior=superior))
    with abrir_base(tmp_path / "swarm.db") as base:
        hoja = agentes(base, SESION, 100, con_ramas=True)
        corta = agentes(base, SESION, 2, con_ramas=False)
    assert _columna(hoja, "agente") == ["a-1", "├ b-1", "│ └ d-1", "└ b-2", "c-1"]
    assert _columna(hoja, "nivel") == [0, 1, 2, 1, 0]
    assert _columna(corta, "agente") == ["a-1", "b-1"]
    assert "Hay 3 agentes más" in corta.nota


async def test_un_arbol_muy_hondo_se_lee(tmp_path: Path) -> None:
    async with bitacora(tmp_path / "swarm.db") as gestor:
        await gestor.anotar(apertura())
        for n in range(1_500):
            await gestor.anotar(lanzado(f"a-{n}", superior=f"a-{n - 1}" if n else MASTER))
    with abrir_base(tmp_path / "swarm.db") as base:
        hoja = agentes(base, SESION, 2_000, con_ramas=True)
    assert _columna(hoja, "nivel") == list(range(1_500))


@pytest.mark.parametrize("preguntar", [linea, comandos])
@pytest.mark.parametrize("filtro", [Filtro(), Filtro(texto="x"), Filtro(agentes=("a",), desde=3)])
def test_cien_filas_no_obligan_a_ordenarlas_todas(
    ruta: Path, preguntar: Callable[[Base, str, Filtro], Hoja], filtro: Filtro
) -> None:
    sentencias: list[str] = []
    with abrir_base(ruta) as base:
        base.db.set_trace_callback(sentencias.append)
        preguntar(base, SESION, filtro)
        base.db.set_trace_callback(None)
        planes = [paso[3] for s in sentencias for paso in base.leer(f"EXPLAIN QUERY PLAN {s}")]
    assert len(sentencias) == 2
    assert not [paso for paso in planes if "TEMP B-TREE" in paso or paso.startswith("SCAN logs")]
