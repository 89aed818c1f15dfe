"""Las vistas contestan bien sobre una sesión entera, y las consultas de las caras también."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agentes.errores import ErrorBitacora
from agentes.eventos import MASTER, USUARIO, EstadoAgente
from agentes.respuestas import Uso
from servicios.registros.esquema.vistas import VISTAS
from servicios.registros.lectura.consultas import Consultas
from tests.registros.sesion_de_ejemplo import (
    SESION,
    bitacora,
    grabar_sesion,
    lanzado,
    problema,
)


class Grabada:
    """Una base con la sesión de ejemplo y los ids de sus filas."""

    def __init__(self, ruta: Path, ids: dict[str, int]) -> None:
        self.ruta = ruta
        self.ids = ids

    def vista(self, sql: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.ruta)) as db:
            db.row_factory = sqlite3.Row
            return [dict(fila) for fila in db.execute(sql)]


@pytest_asyncio.fixture(scope="module", params=[False, True], ids=["de golpe", "uno a uno"])
async def grabada(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Grabada:
    """La misma sesión en un solo lote y con un compromiso por hecho: deben quedar igual."""
    ruta = tmp_path_factory.mktemp("vistas") / "swarm.db"
    async with bitacora(ruta) as gestor:
        return Grabada(ruta, await grabar_sesion(gestor, uno_a_uno=request.param))


def test_cada_vista_contesta(grabada: Grabada) -> None:
    for nombre in VISTAS.keys() - {"v_evidencias"}:
        assert grabada.vista(f"SELECT * FROM {nombre}"), nombre


def test_v_sesiones(grabada: Grabada) -> None:
    (sesion,) = grabada.vista("SELECT * FROM v_sesiones")
    assert sesion["session"] == SESION
    assert (sesion["modelo"], sesion["codigo"], sesion["motivo"]) == ("demo", 0, "salir")
    assert (sesion["agentes"], sesion["tokens_in"], sesion["tokens_out"]) == (2, 800, 80)
    assert sesion["duracion_s"] >= 0


def test_v_agentes(grabada: Grabada) -> None:
    uno, dos = grabada.vista("SELECT * FROM v_agentes ORDER BY fila")
    assert (uno["agent_id"], uno["lanzado_por"], uno["status"]) == (
        "ejecutor-1",
        MASTER,
        "completed",
    )
    assert (uno["resultado"], uno["tokens_in"], uno["tokens_out"]) == (
        "el disco va al 87%",
        200,
        20,
    )
    assert uno["duracion_s"] >= 0
    assert uno["task_description"] == "la tarea de ejecutor-1"
    assert (dos["agent_id"], dos["lanzado_por"]) == ("ayudante-1", "ejecutor-1")
    assert (dos["status"], dos["error"]) == ("failed", "la clave no vale")


def test_v_evidencias_solo_tiene_comprobaciones(grabada: Grabada) -> None:
    """Aquí nadie dio ninguna; lo demás lo prueban quienes sí (tests/nucleo/test_evidencias.py)."""
    assert grabada.vista("SELECT * FROM v_evidencias") == []
    assert {f["verificacion"] for f in grabada.vista("SELECT * FROM v_agentes")} == {"sin_pruebas"}


def test_v_comandos_dice_que_imprimio_cada_orden(grabada: Grabada) -> None:
    bien, mal = grabada.vista("SELECT * FROM v_comandos ORDER BY fila")
    assert (bien["command"], bien["stdout"], bien["return_code"]) == ("df -h", "/ 87%", 0)
    assert (mal["command"], mal["stderr"], mal["return_code"]) == (
        "ls /noexiste",
        "ls: no existe",
        2,
    )
    assert (mal["motivo"], mal["cierre"], mal["ms"]) == ("codigo", "resultado", 34)
    assert (bien["fila"], bien["fila_cierre"]) == (grabada.ids["df.pide"], grabada.ids["df"])


def test_v_herramientas(grabada: Grabada) -> None:
    bien, mal = grabada.vista("SELECT * FROM v_herramientas ORDER BY fila")
    assert bien["args"] == '{"command":"df -h"}'
    assert (bien["ok"], mal["ok"]) == (1, 0)
    assert bien["resultado"] == "lo que lee el modelo"


def test_v_llamadas(grabada: Grabada) -> None:
    llamadas = {fila["fila"]: fila for fila in grabada.vista("SELECT * FROM v_llamadas")}
    buena = llamadas[grabada.ids["decide.entra"]]
    assert (buena["estado"], buena["razon"], buena["tokens_in"]) == ("terminada", "completa", 500)
    assert (buena["respuesta"], buena["fila_respuesta"]) == (
        "respuesta 1 de master",
        grabada.ids["decide"],
    )
    mala = llamadas[grabada.ids["falla.entra"]]
    assert (mala["estado"], mala["razon"], mala["error"]) == (
        "fallida",
        "clave",
        "la clave no vale",
    )
    assert (mala["intentos"], mala["ms"]) == (2, 1800)


def test_v_costes_suma_por_agente_rama_y_sesion(grabada: Grabada) -> None:
    filas = grabada.vista("SELECT * FROM v_costes")
    assert {f["coste"] for f in filas} == {None}
    suma = {(f["ambito"], f["agente_id"]): (f["llamadas"], f["tokens_in"]) for f in filas}
    assert suma == {
        ("agente", MASTER): (2, 600),
        ("agente", "ejecutor-1"): (2, 200),
        ("agente", "ayudante-1"): (1, 0),
        ("rama", MASTER): (5, 800),
        ("rama", "ejecutor-1"): (3, 200),
        ("rama", "ayudante-1"): (1, 0),
        ("sesion", None): (5, 800),
    }


def test_v_arbol_dice_de_quien_cuelga_cada_uno(grabada: Grabada) -> None:
    filas = grabada.vista("SELECT * FROM v_arbol ORDER BY profundidad")
    assert [(f["profundidad"], f["camino"], f["nombre"], f["status"]) for f in filas] == [
        (0, "master", "Master", None),
        (1, "master/ejecutor-1", "ejecutor-1 · Ejecutor", "completed"),
        (2, "master/ejecutor-1/ayudante-1", "ayudante-1 · Ejecutor", "failed"),
    ]


def test_v_aprobaciones_dice_quien_decidio_y_cuanto_se_espero(grabada: Grabada) -> None:
    (una,) = grabada.vista("SELECT * FROM v_aprobaciones")
    assert (una["fila"], una["fila_decision"]) == (
        grabada.ids["permiso"],
        grabada.ids["permitida"],
    )
    assert (una["orden"], una["decision"], una["quien"]) == ("df -h", "permitir", "usuario")
    assert (una["por_que"], una["motivo"], una["espera_ms"]) == (
        "no está en la lista",
        "adelante",
        1500,
    )


def test_v_esperas_dice_a_que_espero_cada_uno(grabada: Grabada) -> None:
    ids = grabada.ids
    esperas = {f["fila"]: f for f in grabada.vista("SELECT * FROM v_esperas")}
    dichas = {
        nombre: (esperas[fila]["motivo"], esperas[fila]["ms"])
        for nombre, fila in ids.items()
        if fila in esperas and nombre != "pausa1"
    }
    modelo = ("modelo", 12)
    assert dichas == {
        **dict.fromkeys(("decide.entra", "piensa1.entra", "piensa2.entra"), modelo),
        "responde.entra": modelo,
        "falla.entra": ("modelo", 1800),
        "df.pide": ("herramienta", 34),
        "ls.pide": ("herramienta", 34),
        "permiso": ("aprobacion", 1500),
    }
    assert esperas[ids["falla.entra"]]["fila_fin"] == ids["falla"]
    pausa = esperas[ids["pausa1"]]
    assert (pausa["motivo"], pausa["agente_id"], pausa["fila_fin"]) == (
        "superior",
        "ejecutor-1",
        ids["fin1"],
    )
    assert pausa["ms"] >= 0


def test_v_mensajes_y_v_avisos_dicen_cuando_llego_cada_uno(grabada: Grabada) -> None:
    ids = grabada.ids
    linea, mensaje = grabada.vista("SELECT * FROM v_mensajes ORDER BY fila")
    assert (linea["de"], linea["para"], linea["texto"]) == (USUARIO, MASTER, "mira el disco")
    assert (linea["estado"], linea["entregado_en"], linea["visto_en"]) == (
        "visto",
        ids["decide.entra"],
        ids["decide"],
    )
    assert (mensaje["de"], mensaje["para"], mensaje["texto"]) == (MASTER, "ejecutor-1", "usa /var")
    assert (mensaje["estado"], mensaje["entregado_en"], mensaje["visto_en"]) == (
        "visto",
        ids["piensa2.entra"],
        ids["piensa2"],
    )
    visto, en_cola = grabada.vista("SELECT * FROM v_avisos ORDER BY fila")
    assert (visto["clase"], visto["texto"]) == ("problema", "no encuentro la carpeta")
    assert (visto["estado"], visto["entregado_en"], visto["visto_en"]) == (
        "visto",
        ids["responde.entra"],
        ids["responde"],
    )
    assert (en_cola["estado"], en_cola["entregado_en"], en_cola["visto_en"]) == (
        "encolado",
        None,
        None,
    )


def test_v_errores_trae_lo_que_salio_mal_y_nada_mas(grabada: Grabada) -> None:
    errores = {fila["fila"]: fila["mensaje"] for fila in grabada.vista("SELECT * FROM v_errores")}
    nombres = {nombre for nombre, fila in grabada.ids.items() if fila in errores}
    assert nombres == {"ls", "problema", "reintento", "falla", "nace2"}
    assert "ls /noexiste" in errores[grabada.ids["ls"]]
    assert "la clave no vale" in errores[grabada.ids["nace2"]]


def test_v_linea_es_todo_en_orden(grabada: Grabada) -> None:
    filas = grabada.vista("SELECT * FROM v_linea")
    assert [f["fila"] for f in filas] == sorted(grabada.ids.values())
    tiempos = [f["timestamp"] for f in filas]
    assert tiempos == sorted(tiempos)
    assert all(t.endswith("Z") and "T" in t for t in tiempos)


def test_v_causas_llega_hasta_la_linea_de_la_persona(grabada: Grabada) -> None:
    ids = grabada.ids
    cadena = grabada.vista(f"SELECT * FROM v_causas WHERE fila = {ids['ls']} ORDER BY paso")
    pasos = [
        "ls",
        "ls.pide",
        "piensa1",
        "piensa1.entra",
        "nace1",
        "decide",
        "decide.entra",
        "linea",
    ]
    assert [p["id"] for p in cadena] == [ids[nombre] for nombre in pasos]
    assert (cadena[-1]["agente_id"], cadena[-1]["mensaje"]) == (USUARIO, "mira el disco")
    assert [p["paso"] for p in cadena] == list(range(len(pasos)))


def test_v_causas_sin_causa_propia_acaba_en_la_apertura(grabada: Grabada) -> None:
    cadena = grabada.vista(f"SELECT id FROM v_causas WHERE fila = {grabada.ids['cierra']}")
    assert [p["id"] for p in cadena] == [grabada.ids["cierra"], grabada.ids["abre"]]


def test_v_causas_de_una_fila_no_recorre_la_base(grabada: Grabada) -> None:
    plan = grabada.vista("EXPLAIN QUERY PLAN SELECT * FROM v_causas WHERE fila = 7")
    recorridos = [p["detail"] for p in plan if p["detail"].startswith("SCAN")]
    assert not [r for r in recorridos if r in {"SCAN f", "SCAN l", "SCAN c", "SCAN logs"}], plan


async def test_las_consultas_de_las_caras(grabada: Grabada) -> None:
    consultas = await Consultas.abrir(grabada.ruta)
    try:
        assert await consultas.ultimo_reporte(SESION, "ejecutor-1") == "el disco va al 87%"
        assert await consultas.ultimo_reporte(SESION, "ayudante-1") == "la clave no vale"
        assert await consultas.ultimo_reporte(SESION, "nadie-1") is None
        assert await consultas.totales(SESION) == Uso(800, 80, 120)
        assert await consultas.totales("otra") == Uso()
        uno, dos = await consultas.agentes(SESION)
        assert (uno.agente_id, uno.estado, uno.uso) == (
            "ejecutor-1",
            EstadoAgente.COMPLETED,
            Uso(200, 20),
        )
        assert (dos.superior, dos.error) == ("ejecutor-1", "la clave no vale")
        ultimos = await consultas.eventos_de(SESION, "ejecutor-1", 3)
        nombres = ("piensa2", "fin1", "aviso_fin")
        assert [e.id for e in ultimos] == [grabada.ids[nombre] for nombre in nombres]
    finally:
        await consultas.cerrar()


async def test_las_consultas_ven_lo_confirmado_mientras_se_escribe(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await gestor.anotar(lanzado("a-1"))
        consultas = await Consultas.abrir(ruta)
        assert await consultas.ultimo_reporte(SESION, "a-1") is None
        largo = "no puedo: " + "x" * 40_000
        await gestor.anotar(problema("a-1", "el primero"))
        await gestor.anotar(problema("a-1", largo))
        assert await consultas.ultimo_reporte(SESION, "a-1") == largo
        await consultas.cerrar()


async def test_las_consultas_no_pueden_escribir_ni_crear(tmp_path: Path) -> None:
    with pytest.raises(ErrorBitacora, match=r"swarm\.db: no se puede abrir"):
        await Consultas.abrir(tmp_path / "swarm.db")
    assert list(tmp_path.iterdir()) == []
