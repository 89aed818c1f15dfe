"""`reproducir --grabar`: una sesión se vuelve una prueba que se repite en cualquier parte."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from main import main
from servicios.registros.custodia.verificar import verificar


@pytest.fixture
def sesiones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tres, en orden; la de en medio se grabará."""
    datos = tmp_path / "data"
    monkeypatch.setenv("MODEL", "demo")
    monkeypatch.setenv("ENJAMBRE_DATOS", str(datos))
    for linea in ("hola", "ejecuta: echo 1", "adiós"):
        assert main(["--aislamiento", "local", "-p", linea]) == 0
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        return [s for (s,) in db.execute("SELECT id FROM sessions ORDER BY ultima_fila")]


def test_lo_grabado_se_repite_y_se_puede_verificar(
    sesiones: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archivo = tmp_path / "prueba.db"
    assert main(["reproducir", sesiones[1], "--grabar", str(archivo)]) == 0
    monkeypatch.setenv("ENJAMBRE_DATOS", str(tmp_path / "otra"))
    capsys.readouterr()
    assert main(["reproducir", str(archivo)]) == 0
    assert capsys.readouterr().out.startswith("Igual: ")
    with closing(sqlite3.connect(archivo)) as db:
        assert db.execute("SELECT DISTINCT session FROM logs").fetchall() == [(sesiones[1],)]
    assert verificar(archivo).rotura is None
    with closing(sqlite3.connect(archivo, isolation_level=None)) as db:
        db.execute("DROP TRIGGER logs_no_borra")
        db.execute("DELETE FROM logs WHERE id = (SELECT max(id) - 1 FROM logs)")
    assert verificar(archivo).rotura is not None


def test_si_no_hay_donde_grabarla_se_dice(
    sesiones: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archivo = tmp_path / "no-esta" / "prueba.db"
    capsys.readouterr()
    assert main(["reproducir", sesiones[0], "--grabar", str(archivo)]) == 2
    (linea,) = capsys.readouterr().err.splitlines()
    assert "no existe la carpeta" in linea
    assert not archivo.parent.exists()
