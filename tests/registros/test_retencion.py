"""Podar: se archiva entera, se quita entera, queda su ancla y lo demás no se entera."""

from __future__ import annotations

import gzip
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora, ErrorConfiguracion, ErrorEnjambre
from agentes.eventos import SISTEMA, SesionCerrada
from agentes.eventos_sesion import SesionBifurcada
from servicios.registros.custodia.archivo import comprobar, huella_de, leer
from servicios.registros.custodia.retencion import podar, tamanos, vaciar
from servicios.registros.custodia.verificar import verificar
from servicios.registros.esquema.esquema import TABLAS
from servicios.registros.lectura.sesiones import elegir_sesion
from tests.registros.sesion_de_ejemplo import (
    apertura,
    bitacora,
    grabar_sesion,
    lanzado,
    pedida,
    preguntar,
    problema,
)


@contextmanager
def libre(_sesion: str) -> Iterator[None]:
    yield


@contextmanager
def ocupada(sesion: str) -> Iterator[None]:
    raise ErrorEnjambre(f"la sesión {sesion} la tiene otro")
    yield


@pytest.fixture
async def ruta(tmp_path: Path) -> Path:
    """Tres sesiones cerradas con las filas de las dos primeras mezcladas."""
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta, "s-1") as uno, bitacora(ruta, "s-2") as dos:
        for i in range(5):
            await uno.anotar(problema("a-1", str(i)))
            await dos.anotar(problema("a-2", "ñ" * 300))
        await uno.siguiente_numero("ejecutor")
        await grabar_sesion(uno)
        await grabar_sesion(dos)
    async with bitacora(ruta, "s-3") as tres:
        await grabar_sesion(tres)
    return ruta


def todo(ruta: Path) -> dict[str, list[tuple[object, ...]]]:
    return {tabla: preguntar(f"SELECT * FROM {tabla} ORDER BY 1", ruta) for tabla in TABLAS}


def test_el_tamano_de_cada_sesion(ruta: Path) -> None:
    sql = "SELECT session, count(*), sum(length(CAST(mensaje AS BLOB)))"
    sql += " + sum(length(CAST(details AS BLOB))) FROM logs GROUP BY session"
    dichos = [(t.sesion, t.filas, t.bytes) for t in tamanos(ruta)]
    assert dichos == preguntar(sql, ruta)
    assert all(t.fin is not None for t in tamanos(ruta))


@pytest.mark.parametrize("cuales", [("s-2",), ("s-1", "s-3"), ("s-3",), ("s-1", "s-2", "s-3")])
def test_podar_quita_esas_y_no_toca_las_demas(
    ruta: Path, tmp_path: Path, cuales: tuple[str, ...]
) -> None:
    antes = todo(ruta)
    anclas = podar(ruta, cuales, tmp_path / "archivo", libre)
    despues = todo(ruta)
    assert [a.sesion for a in anclas] == list(cuales)
    dichos = [ruta.parent / archivo for (archivo,) in preguntar("SELECT archivo FROM anclas", ruta)]
    assert all(archivo.exists() for archivo in dichos)
    with pytest.raises(ErrorBitacora, match="no hay ninguna sesión"):
        podar(ruta, cuales, tmp_path / "archivo", libre)
    assert all(a.archivo.exists() for a in anclas)
    for tabla in ("logs", "agent_runs", "commands", "model_calls", "messages", "notices"):
        columna = [c[1] for c in preguntar(f"PRAGMA table_info({tabla})", ruta)].index("session")
        assert despues[tabla] == [f for f in antes[tabla] if f[columna] not in cuales], tabla
    assert despues["contadores"] == antes["contadores"]
    assert despues["agentes"] == antes["agentes"]
    assert verificar(ruta).rotura is None
    assert preguntar("PRAGMA foreign_key_check", ruta) == []
    assert preguntar("PRAGMA integrity_check", ruta) == [("ok",)]


async def test_los_guardianes_vuelven_y_se_sigue_escribiendo(ruta: Path, tmp_path: Path) -> None:
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    antes = preguntar(sql, ruta)
    async with bitacora(ruta, "s-4") as viva:
        await viva.anotar(apertura())
        podar(ruta, ("s-3",), tmp_path / "archivo", libre)
        await viva.anotar(problema("a-1"))
        assert await viva.siguiente_numero("ejecutor") == 2
    assert preguntar(sql, ruta) == antes
    assert verificar(ruta).rotura is None


def test_el_archivo_lleva_la_sesion_entera_y_se_comprueba(ruta: Path, tmp_path: Path) -> None:
    antes = todo(ruta)
    (ancla,) = podar(ruta, ("s-2",), tmp_path / "archivo", libre)
    filas = list(leer(ancla.archivo))
    assert [tuple(v) for t, v in filas if t == "logs"] == [
        f for f in antes["logs"] if f[7] == "s-2"
    ]
    dicho = comprobar(ancla.archivo)
    assert (dicho.sesion, dicho.filas) == ("s-2", ancla.filas)
    assert (dicho.primera_fila, dicho.ultima_fila, dicho.hash) == (
        ancla.primera_fila,
        ancla.ultima_fila,
        ancla.ultimo_hash,
    )
    assert huella_de(ancla.archivo) == ancla.huella
    assert ancla.archivo.stat().st_mode & 0o777 == 0o600
    crudo = gzip.decompress(ancla.archivo.read_bytes())
    ancla.archivo.write_bytes(gzip.compress(crudo.replace("ñ".encode(), b"n", 1)))
    with pytest.raises(ErrorBitacora, match="la fila 2 no está como se escribió"):
        comprobar(ancla.archivo)


def test_quien_pide_una_podada_sabe_donde_esta(ruta: Path, tmp_path: Path) -> None:
    (ancla,) = podar(ruta, ("s-2",), tmp_path / "archivo", libre)
    with pytest.raises(ErrorConfiguracion, match=re.escape(f"archivada en {ancla.archivo}")):
        elegir_sesion(ruta, "s-2")
    with pytest.raises(ErrorConfiguracion, match="no existe la sesión"):
        elegir_sesion(ruta, "s-4")
    assert elegir_sesion(ruta, "s-3").id == "s-3"


async def test_no_se_poda_lo_que_sigue_vivo_o_abierto(ruta: Path, tmp_path: Path) -> None:
    async with bitacora(ruta, "s-4") as gestor:
        await gestor.anotar(apertura())
    antes = todo(ruta)
    with pytest.raises(ErrorEnjambre, match="la tiene otro"):
        podar(ruta, ("s-1",), tmp_path, ocupada)
    for cuales, motivo in ((("s-1", "s-4"), "puede reanudarse"), (("s-9",), "no hay ninguna")):
        with pytest.raises(ErrorBitacora, match=motivo):
            podar(ruta, cuales, tmp_path, libre)
    assert todo(ruta) == antes


async def bifurcar(ruta: Path, *, por_causa: bool) -> None:
    async with bitacora(ruta, "hija") as gestor:
        if por_causa:
            async with bitacora(ruta, "s-3") as origen:
                causa = origen.anotar(problema("a-1"))
                await causa
                await origen.anotar(SesionCerrada(agente_id=SISTEMA, motivo="salir", codigo=0))
            gestor.anotar(problema("a-1"), causa)
        else:
            gestor.anotar(SesionBifurcada(agente_id=SISTEMA, origen="s-3", fila=1))
        gestor.anotar(lanzado("a-1"))
        gestor.anotar(pedida("a-1", "op", "x"))
        await gestor.anotar(SesionCerrada(agente_id=SISTEMA, motivo="salir", codigo=0))


@pytest.mark.parametrize("por_causa", [True, False])
async def test_una_bifurcacion_se_poda_con_su_origen_o_antes(
    ruta: Path, tmp_path: Path, por_causa: bool
) -> None:
    await bifurcar(ruta, por_causa=por_causa)
    antes = todo(ruta)
    with pytest.raises(ErrorBitacora, match="la sesión hija depende"):
        podar(ruta, ("s-3",), tmp_path / "a", libre)
    assert todo(ruta) == antes
    assert list((tmp_path / "a").iterdir()) == []
    podar(ruta, ("s-3", "hija"), tmp_path / "a", libre)
    assert verificar(ruta).rotura is None


def test_vaciar_devuelve_el_sitio_y_no_cambia_nada(ruta: Path, tmp_path: Path) -> None:
    podar(ruta, ("s-2",), tmp_path / "archivo", libre)
    antes, ocupaba = todo(ruta), ruta.stat().st_size
    vaciar(ruta)
    assert ruta.stat().st_size < ocupaba
    assert todo(ruta) == antes
    assert verificar(ruta).rotura is None


async def test_quitar_mas_de_lo_que_dice_el_ancla_se_nota(ruta: Path, tmp_path: Path) -> None:
    podar(ruta, ("s-2",), tmp_path / "archivo", libre)
    with closing(sqlite3.connect(ruta)) as db:
        db.execute("UPDATE anclas SET filas = filas - 1")
        db.commit()
    assert "se podaron" in str(verificar(ruta).rotura)
