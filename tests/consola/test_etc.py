"""La copia de `/etc`: una para todas las sesiones, y solo si está entera y es nuestra."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

from servicios.consola.aislamientos.etc import copiar_etc

RUTAS = (Path("/etc/passwd"), Path("/etc/ssl"), Path("/etc/no-existe"))
HUECOS = (Path("/etc/hosts"),)


@pytest.fixture(autouse=True)
def temporal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_todas_las_sesiones_usan_la_misma(temporal: Path) -> None:
    copia = copiar_etc(RUTAS, HUECOS)
    assert copiar_etc(RUTAS, HUECOS) == copia
    assert [*temporal.iterdir()] == [copia]
    assert (copia / "passwd").read_bytes() == Path("/etc/passwd").read_bytes()
    assert (copia / "hosts").read_bytes() == b""
    originales = {p.relative_to("/etc") for p in Path("/etc/ssl").rglob("*") if p.name != "private"}
    assert {p.relative_to(copia) for p in (copia / "ssl").rglob("*")} <= originales
    assert (copia / "ssl").is_dir()
    assert copiar_etc(RUTAS[:1], HUECOS) != copia


def _cortar(copia: Path) -> None:
    (copia / "passwd").write_bytes(b"root")


def _quitar(copia: Path) -> None:
    (copia / "passwd").unlink()


def _poner(copia: Path) -> None:
    (copia / "shadow").write_bytes(b"x")


def _abrir(copia: Path) -> None:
    copia.chmod(0o777)


def _enlazar(copia: Path) -> None:
    copia.rename(copia.with_name("otra"))
    copia.symlink_to("otra")


@pytest.mark.parametrize("estropear", [_cortar, _quitar, _poner, _abrir, _enlazar])
def test_la_que_alguien_toco_no_se_usa(estropear: Callable[[Path], None]) -> None:
    copia = copiar_etc(RUTAS, HUECOS)
    estropear(copia)
    otra = copiar_etc(RUTAS, HUECOS)
    assert otra != copia
    assert (otra / "passwd").read_bytes() == Path("/etc/passwd").read_bytes()
    assert not (otra / "shadow").exists()
