"""Verificar también encuentra lo que se cambia fuera de `logs`: resúmenes, anclas, archivos y guardianes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from servicios.registros.custodia.retencion import Ancla, podar
from servicios.registros.custodia.verificar import verificar
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion, preguntar


@contextmanager
def libre(_sesion: str) -> Iterator[None]:
    yield


@pytest_asyncio.fixture(scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ruta = tmp_path_factory.mktemp("resumenes") / "swarm.db"
    for sesion in ("s-1", "s-2"):
        async with bitacora(ruta, sesion) as gestor:
            await grabar_sesion(gestor)
    return ruta


@pytest.fixture
def ruta(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "swarm.db"))


def cambiar(ruta: Path, sentencia: str) -> None:
    """Con un cliente cualquiera: quita lo que estorbe y lo vuelve a poner."""
    with closing(sqlite3.connect(ruta)) as db:
        guardianes = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for nombre, _ in guardianes:
            db.execute(f"DROP TRIGGER {nombre}")
        assert db.execute(sentencia).rowcount > 0
        for _, sql in guardianes:
            db.execute(sql)
        db.commit()


CAMBIOS = {
    "codigo de una orden": ("commands", "UPDATE commands SET return_code = 0 WHERE return_code"),
    "texto de una orden": ("commands", "UPDATE commands SET command = 'ls' WHERE id = {orden}"),
    "cierre de una orden": (
        "commands",
        """UPDATE commands SET fila_cierre = NULL, cierre = NULL, ok = NULL, ms = NULL,
        motivo = NULL, return_code = NULL WHERE id = {orden}""",
    ),
    "orden quitada": ("commands", "DELETE FROM commands WHERE id = {orden}"),
    "tokens": ("model_calls", "UPDATE model_calls SET tokens_in = tokens_in - 1 WHERE tokens_in"),
    "llamada sin respuesta": (
        "model_calls",
        "UPDATE model_calls SET respuesta = NULL, estado = 'fallida' WHERE estado = 'terminada'",
    ),
    "modelo": ("model_calls", "UPDATE model_calls SET modelo = 'otro'"),
    "estado de un agente": ("agent_runs", "UPDATE agent_runs SET status = 'failed'"),
    "resultado": ("agent_runs", "UPDATE agent_runs SET result = 'otra cosa'"),
    "superior": ("agent_runs", "UPDATE agent_runs SET parent = 'usuario'"),
    "tokens de un agente": ("agent_runs", "UPDATE agent_runs SET tokens_out = 0"),
    "coste": ("agent_runs", "UPDATE agent_runs SET cost = 1.5"),
    "mensaje": ("messages", "UPDATE messages SET estado = 'encolado' WHERE estado = 'visto'"),
    "aviso": ("notices", "UPDATE notices SET clase = 'otra'"),
    "entrega": ("notices", "UPDATE notices SET entregado_en = 1 WHERE entregado_en IS NOT NULL"),
    "código de salida": ("sessions", "UPDATE sessions SET codigo = 7 WHERE id = 's-1'"),
    "fin": ("sessions", "UPDATE sessions SET end_time = NULL, codigo = NULL, motivo = NULL"),
    "origen": ("sessions", "UPDATE sessions SET origen = 's-1' WHERE id = 's-2'"),
}


@pytest.mark.parametrize("clave", CAMBIOS)
def test_un_resumen_que_no_dice_lo_que_los_hechos_se_encuentra(ruta: Path, clave: str) -> None:
    """De él salen `auditar comandos`, `agentes`, `costes`… y no está en la cadena."""
    assert verificar(ruta).entera
    tabla, sentencia = CAMBIOS[clave]
    [(orden,)] = preguntar("SELECT min(id) FROM commands WHERE fila_cierre > 0", ruta)
    cambiar(ruta, sentencia.format(orden=orden))
    rotura = verificar(ruta).rotura
    assert rotura is not None
    assert rotura.que == f"la tabla {tabla} no dice lo mismo que sus hechos"
    assert rotura.sesion in {"s-1", "s-2"}
    if tabla == "commands" and "{orden}" in sentencia:
        assert rotura.fila == orden


def test_sin_los_disparadores_que_la_guardan_no_esta_entera(ruta: Path) -> None:
    with closing(sqlite3.connect(ruta)) as db:
        db.execute("DROP TRIGGER logs_no_borra")
    assert str(verificar(ruta).rotura) == "le faltan disparadores: logs_no_borra"


# --- lo podado --------------------------------------------------------------------------


@pytest.fixture
def ancla(ruta: Path) -> Ancla:
    [ancla] = podar(ruta, ["s-1"], ruta.parent / "archivo", libre)
    veredicto = verificar(ruta)
    assert (veredicto.entera, veredicto.sin_archivo) == (True, ())
    return ancla


def test_el_archivo_de_lo_podado_ha_de_ser_el_que_se_guardo(ruta: Path, ancla: Ancla) -> None:
    datos = bytearray(ancla.archivo.read_bytes())
    datos[len(datos) // 2] ^= 1
    ancla.archivo.write_bytes(datos)
    rotura = verificar(ruta).rotura
    assert rotura is not None
    assert rotura.sesion == "s-1"
    assert "no es el archivo que se guardó" in rotura.que


def test_el_ancla_ha_de_decir_lo_que_su_archivo(ruta: Path, ancla: Ancla) -> None:
    cambiar(ruta, f"UPDATE anclas SET ultimo_hash = '{'0' * 64}'")
    rotura = verificar(ruta).rotura
    assert rotura is not None
    assert rotura.que == f"su ancla no dice lo mismo que {ancla.archivo}"


def test_si_el_archivo_ya_no_esta_se_dice_de_que_sesion_era(ruta: Path, ancla: Ancla) -> None:
    """Puede estar guardado en otra parte: no es una rotura, pero ya no se ha comprobado."""
    ancla.archivo.unlink()
    veredicto = verificar(ruta)
    assert (veredicto.entera, veredicto.sin_archivo) == (True, ("s-1",))
