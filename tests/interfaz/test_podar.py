"""`podar`: solo lo que se nombra, y lo que una poda cortada dejó lo acaba la siguiente."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from main import main
from servicios.interfaz.lastre import Lastre, apuntar_lastre
from servicios.registros.custodia.retencion import podar
from servicios.registros.reanudacion.cerrojo import tomar_sesion


@pytest.fixture
def sesion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Una cerrada, con un agente que dejó un archivo."""
    monkeypatch.setenv("MODEL", "demo")
    monkeypatch.setenv("ENJAMBRE_DATOS", str(tmp_path))
    assert main(["--aislamiento", "landlock", "-p", "ejecuta: ls > algo"]) == 0
    assert (tmp_path / "espacios/ejecutor-1/algo").exists()
    with closing(sqlite3.connect(tmp_path / "swarm.db")) as db:
        [(sesion,)] = db.execute("SELECT id FROM sessions")
    return str(sesion)


@contextmanager
def _libre(_: str) -> Iterator[None]:
    yield


def test_un_id_vacio_no_poda_nada(
    sesion: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["podar", ""]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["podar", sesion, ""]) == 2
    assert (tmp_path / "espacios/ejecutor-1/algo").exists()
    assert not (tmp_path / "archivo").exists()


def test_podada_no_queda_nada_suyo(sesion: str, tmp_path: Path) -> None:
    assert main(["podar", sesion]) == 0
    assert not (tmp_path / "espacios/ejecutor-1").exists()
    assert [a.name for a in (tmp_path / "archivo").iterdir()] == [f"{sesion}.jsonl.gz"]


@pytest.mark.parametrize(
    "orden",
    [
        ("auditar", "linea", "--sesion"),
        ("exportar",),
        ("reproducir",),
        ("estado",),
    ],
)
def test_quien_la_pide_podada_sabe_donde_esta(
    sesion: str, orden: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["podar", sesion]) == 0
    capsys.readouterr()
    assert main([*orden, sesion]) == 2
    [linea] = capsys.readouterr().err.splitlines()
    assert linea.endswith(f"{sesion}.jsonl.gz")


def test_lo_que_dejo_una_poda_cortada_lo_acaba_la_siguiente(sesion: str, tmp_path: Path) -> None:
    apuntar_lastre(tmp_path, [Lastre(sesion, "", ("ejecutor-1",), ())])
    assert main(["podar", "--antes-de", "2000-01-01"]) == 0
    assert (tmp_path / "espacios/ejecutor-1/algo").exists()  # aún no está podada
    podar(tmp_path / "swarm.db", [sesion], tmp_path / "archivo", _libre)
    assert main(["podar", "--antes-de", "2000-01-01"]) == 0
    assert not (tmp_path / "espacios/ejecutor-1").exists()
    assert [a.name for a in (tmp_path / "archivo").iterdir()] == [f"{sesion}.jsonl.gz"]


def test_lo_que_dejo_una_bifurcacion_cortada_se_borra_si_no_es_de_nadie(
    sesion: str, tmp_path: Path
) -> None:
    """Murió copiando los espacios: la sesión no consta y nadie más la va a podar."""
    rama = "20260101-000000-abcd"
    copiado = tmp_path / "espacios" / rama / "ejecutor-1" / "algo"
    copiado.parent.mkdir(parents=True)
    copiado.write_text("x")
    apuntar_lastre(tmp_path, [Lastre(rama, rama, ("ejecutor-1",), ())])
    with tomar_sesion(tmp_path, rama):
        assert main(["podar", "--antes-de", "2000-01-01"]) == 0
        assert copiado.exists()  # alguien la está escribiendo
    assert main(["podar", "--antes-de", "2000-01-01"]) == 0
    assert not copiado.parents[1].exists()
    assert (tmp_path / "espacios/ejecutor-1/algo").exists()
    assert list((tmp_path / "archivo").iterdir()) == []


def test_verificar_dice_que_ya_no_esta_el_archivo_de_lo_podado(
    sesion: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["podar", sesion]) == 0
    (tmp_path / "archivo" / f"{sesion}.jsonl.gz").unlink()
    for formato in ((), ("--json",), ("--csv",)):
        capsys.readouterr()
        assert main(["auditar", "verificar", *formato]) == 0
        [linea] = capsys.readouterr().err.splitlines()
        assert sesion in linea
        assert "archivo" in linea
