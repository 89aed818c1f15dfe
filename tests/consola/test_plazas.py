"""Las carpetas de cada agente: cómo se crean, qué se presta y qué no se deja engañar."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola import plazas as modulo
from servicios.consola.plazas import Plazas
from tests.consola.apoyo import RAIZ, SOY_ROOT, solo_root

UID = 10_001
PROPIO = PerfilConsola()
PROYECTO = PerfilConsola(espacio=Espacio.PROYECTO)
SOLO_LECTURA = PerfilConsola(espacio=Espacio.SOLO_LECTURA)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "proyecto/.git").mkdir(parents=True)
    (tmp_path / "proyecto/.git/config").touch()
    return tmp_path


def crear(base: Path, **otros: Path | int | None) -> Plazas:
    opciones = {
        "datos": base / "data",
        "proyecto": base / "proyecto",
        "raiz": RAIZ,
        "duenio": None,
        **otros,
    }
    return Plazas(**opciones, senuelo="canario-senuelo")  # type: ignore[arg-type]


def test_cada_agente_tiene_su_carpeta_y_su_casa_privadas(base: Path) -> None:
    plaza = crear(base).plaza("a-1", PROPIO)
    assert plaza.carpeta == base / "data/espacios/a-1"
    assert plaza.casa == base / "data/casas/a-1"
    assert plaza.escribir == (plaza.carpeta, plaza.casa)
    assert plaza.leer == ()
    for carpeta in (plaza.carpeta, plaza.casa, plaza.casa / "tmp", plaza.casa / ".ssh"):
        assert stat.S_IMODE(carpeta.stat().st_mode) == 0o700
    llave = plaza.casa / ".ssh/id_rsa"
    assert llave.read_text() == "canario-senuelo"
    assert stat.S_IMODE(llave.stat().st_mode) == 0o400


@pytest.mark.root
@solo_root
def test_si_somos_root_son_del_usuario_de_las_ordenes(base: Path) -> None:
    plaza = crear(base, duenio=UID).plaza("a-1", PROPIO)
    rutas = (plaza.carpeta, plaza.casa, plaza.casa / "tmp", plaza.casa / ".ssh/id_rsa")
    assert {(r.stat().st_uid, r.stat().st_gid) for r in rutas} == {(UID, UID)}
    assert plaza.carpeta.parent.stat().st_uid == 0


@pytest.mark.parametrize("malo", ["", "..", ".oculto", "a/b", "a b", "a\n", "x" * 129, "-a"])
def test_un_id_que_no_es_un_nombre_se_rechaza(base: Path, malo: str) -> None:
    with pytest.raises(ErrorConsola, match="id de agente"):
        crear(base).plaza(malo, PROPIO)
    assert not (base / "data").exists()


@pytest.mark.parametrize("que", ["espacios", "casas"])
def test_una_carpeta_cambiada_por_un_enlace_no_se_sigue(base: Path, que: str) -> None:
    """Ni se usa ni se regala al usuario de las órdenes aquello a donde apunta."""
    plazas = crear(base, duenio=UID if SOY_ROOT else None)
    plaza = plazas.plaza("a-1", PROPIO)
    ajena = base / "ajena"
    ajena.mkdir(mode=0o755)
    antes = ajena.stat()
    cambiada = plaza.carpeta if que == "espacios" else plaza.casa
    cambiada.rename(base / "apartada")
    cambiada.symlink_to(ajena)
    with pytest.raises(ErrorConsola, match="a-1"):
        plazas.plaza("a-1", PROPIO)
    assert (ajena.stat().st_uid, ajena.stat().st_mode) == (antes.st_uid, antes.st_mode)
    assert list(ajena.iterdir()) == []


def test_dentro_de_la_casa_tampoco_se_sigue_ningun_enlace(base: Path) -> None:
    casa = crear(base).plaza("a-1", PROPIO).casa
    ajena = base / "ajena"
    ajena.mkdir(mode=0o755)
    (ajena / "id_rsa").write_text("de la persona")
    (casa / "tmp").rmdir()
    (casa / ".ssh/id_rsa").unlink()
    (casa / ".ssh").rmdir()
    (casa / "tmp").symlink_to(ajena)
    (casa / ".ssh").symlink_to(ajena)
    crear(base).plaza("a-1", PROPIO)
    assert (ajena / "id_rsa").read_text() == "de la persona"
    assert stat.S_IMODE(ajena.stat().st_mode) == 0o755
    assert not (casa / "tmp").is_symlink()
    assert (casa / ".ssh/id_rsa").read_text() == "canario-senuelo"


def test_lo_que_dejo_el_agente_sigue_ahi(base: Path) -> None:
    plazas = crear(base)
    (plazas.plaza("a-1", PROPIO).carpeta / "nota").write_text("hola")
    assert (plazas.plaza("a-1", PROPIO).carpeta / "nota").read_text() == "hola"


# --- El proyecto ------------------------------------------------------------------------


def test_el_proyecto_se_presta_sin_lo_que_se_ejecuta_solo(base: Path) -> None:
    proyecto = base / "proyecto"
    (proyecto / ".vscode").mkdir()
    plaza = crear(base).plaza("a-1", PROYECTO)
    assert plaza.carpeta == proyecto
    assert proyecto in plaza.escribir
    assert {proyecto / n for n in (".git/hooks", ".git/config", ".vscode")} <= set(plaza.protegidas)
    assert (proyecto / ".git/hooks").is_dir()


def test_de_solo_lectura_no_se_escribe_en_el(base: Path) -> None:
    plaza = crear(base).plaza("a-1", SOLO_LECTURA)
    assert plaza.carpeta == base / "proyecto"
    assert plaza.leer == (base / "proyecto",)
    assert plaza.escribir == (base / "data/espacios/a-1", base / "data/casas/a-1")


def test_los_secretos_se_ocultan_aunque_aparezcan_despues(base: Path) -> None:
    proyecto = base / "proyecto"
    plazas = crear(base, datos=proyecto / "data")
    assert plazas.plaza("a-1", PROYECTO).ocultas == (proyecto / "data",)
    for nombre in (".env", ".env.local", ".env.example", ".netrc"):
        (proyecto / nombre).touch()
    ocultas = {ruta.name for ruta in plazas.plaza("a-1", PROYECTO).ocultas}
    assert ocultas == {".env", ".env.local", ".netrc", "data"}


def test_de_un_env_enlazado_se_oculta_lo_enlazado(base: Path) -> None:
    proyecto = base / "proyecto"
    (proyecto / "claves.txt").touch()
    (proyecto / ".env").symlink_to("claves.txt")
    assert crear(base).plaza("a-1", PROYECTO).ocultas == (proyecto / "claves.txt",)


def test_el_programa_del_enjambre_se_protege_de_quien_lo_tiene_por_proyecto(base: Path) -> None:
    datos = base / "data"
    raiz = base / "proyecto"
    for nombre in ("main.py", "agentes_json", "servicios", "leeme.md"):
        (raiz / nombre).mkdir()
    protegidas = set(crear(base, datos=datos, raiz=raiz).plaza("a-1", PROYECTO).protegidas)
    assert {raiz / n for n in ("main.py", "agentes_json", "servicios")} <= protegidas
    assert raiz / "leeme.md" not in protegidas
    contenida = raiz / "servicios"
    dentro = crear(base, datos=datos, raiz=contenida).plaza("a-1", PROYECTO).protegidas
    assert contenida in dentro


def test_un_proyecto_que_no_se_puede_prestar_se_dice(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persona = base / "persona"
    persona.mkdir()
    monkeypatch.setattr(modulo, "casa_de_la_persona", lambda: persona)
    casos: dict[Path, tuple[PerfilConsola, str]] = {
        Path("/"): (SOLO_LECTURA, "no es la carpeta de un proyecto"),
        persona: (SOLO_LECTURA, "carpeta personal"),
        base: (PROYECTO, "carpeta personal"),
        base / "data/espacios": (PROYECTO, "carpeta de datos"),
        base / "data": (SOLO_LECTURA, "carpeta de datos"),
        RAIZ / "servicios": (PROYECTO, "propio enjambre"),
        base / "no-existe": (SOLO_LECTURA, "no es la carpeta"),
    }
    for proyecto, (perfil, motivo) in casos.items():
        plazas = crear(base, proyecto=proyecto)
        with pytest.raises(ErrorConsola, match=motivo):
            plazas.plaza("a-1", perfil)
        assert plazas.plaza("a-1", PROPIO).carpeta == base / "data/espacios/a-1"


def test_un_protegido_que_es_un_enlace_no_se_puede_proteger(base: Path) -> None:
    (base / "proyecto/.envrc").symlink_to("codigo")
    plazas = crear(base)
    with pytest.raises(ErrorConsola, match=r"\.envrc"):
        plazas.plaza("a-1", PROYECTO)
    assert plazas.plaza("a-1", SOLO_LECTURA).leer == (base / "proyecto",)


@pytest.mark.root
@solo_root
def test_como_root_un_proyecto_que_las_ordenes_no_pueden_escribir_se_dice(base: Path) -> None:
    plazas = crear(base, duenio=UID)
    with pytest.raises(ErrorConsola, match=f"usuario {UID}, que no puede escribir"):
        plazas.plaza("a-1", PROYECTO)
    assert plazas.plaza("a-1", SOLO_LECTURA).leer == (base / "proyecto",)
    os.chown(base / "proyecto", UID, UID)
    assert base / "proyecto" in plazas.plaza("a-1", PROYECTO).escribir
    (base / "proyecto").chmod(0o600)
    with pytest.raises(ErrorConsola, match="no puede entrar"):
        plazas.plaza("a-1", SOLO_LECTURA)
