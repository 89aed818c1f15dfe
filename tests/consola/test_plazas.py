"""Las carpetas de cada agente: cómo se crean, qué se presta y qué no se deja engañar."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.plazas import plazas as modulo
from servicios.consola.plazas.plazas import Plazas
from tests.consola.apoyo import (
    RAIZ,
    SOY_ROOT,
    UID_CORRIENTE,
    carpeta_para,
    python_para,
    solo_root,
)
from tests.consola.apoyo_plazas import SENUELO, USUARIOS, sitio

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


@pytest.mark.parametrize("uid", USUARIOS.values(), ids=list(USUARIOS))
def test_un_agente_no_se_inutiliza_con_los_permisos(uid: int) -> None:
    with sitio("local", uid) as lugar:
        romper = "rm -rf ~/.ssh/* ~/tmp; mkdir ~/tmp; chmod 000 . ~/tmp ~/.ssh ~"
        dejados = lugar.correr(romper, "echo x > $TMPDIR/f && echo y > g && cat g ~/tmp/f")
    assert [dejado.salida for dejado in dejados] == ["", "y\nx\n"]


def test_a_una_carpeta_sin_permisos_se_le_devuelven() -> None:
    codigo = f"""if True:
        import os, pathlib, sys
        sys.path.insert(0, {str(RAIZ)!r})
        from agentes.perfil_consola import PerfilConsola
        from servicios.consola.plazas.plazas import Plazas
        base = pathlib.Path(sys.argv[1])
        for _ in range(2):
            plaza = Plazas(base / "data", base, base, None, "x").plaza("a-1", PerfilConsola())
            rutas = (plaza.casa / "tmp", plaza.casa / ".ssh", plaza.casa, plaza.carpeta)
            print(*(oct(ruta.stat().st_mode & 0o777) for ruta in rutas))
            for ruta in rutas:
                ruta.chmod(0)
    """
    with carpeta_para(UID_CORRIENTE) as carpeta:
        linea = [*python_para(UID_CORRIENTE), "-c", codigo, str(carpeta)]
        hecho = subprocess.run(linea, capture_output=True, text=True, cwd="/", check=False)
    assert (hecho.stdout, hecho.stderr) == ("0o700 0o700 0o700 0o700\n" * 2, "")


@pytest.mark.parametrize("uid", USUARIOS.values(), ids=list(USUARIOS))
def test_una_carpeta_en_el_lugar_de_la_llave_se_aparta(uid: int) -> None:
    with sitio("local", uid) as lugar:
        romper = (
            "rm -rf ~/.ssh; mkdir -p ~/.ssh/id_rsa; ln -s / ~/.ssh/id_rsa/raiz; chmod 000 ~/.ssh"
        )
        lugar.una(romper)
        dejado = lugar.una("cat ~/.ssh/id_rsa")
    assert dejado.salida == SENUELO


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


@pytest.mark.parametrize("donde", [".", "tests"])
def test_en_la_carpeta_del_programa_no_se_escribe(base: Path, donde: str) -> None:
    """Un `argparse.py` o un `.env` nuevos serían del usuario en el siguiente arranque."""
    raiz = base / "proyecto"
    (raiz / "tests").mkdir()
    plazas = crear(base, proyecto=raiz / donde, raiz=raiz)
    with pytest.raises(ErrorConsola, match=r"propio enjambre.*solo_lectura.*ENJAMBRE_PROYECTO"):
        plazas.plaza("a-1", PROYECTO)
    assert plazas.plaza("a-1", SOLO_LECTURA).leer == ((raiz / donde).resolve(),)


def test_el_programa_dentro_del_proyecto_se_protege_entero(base: Path) -> None:
    raiz = base / "proyecto/enjambre"
    raiz.mkdir()
    assert raiz in crear(base, raiz=raiz).plaza("a-1", PROYECTO).protegidas


def test_los_env_de_dentro_se_ocultan_aunque_el_proyecto_se_llene(base: Path) -> None:
    proyecto = base / "proyecto"
    dentro = ("web/.env", "a/b/c/d/.env.local", "web/.env.example", "node_modules/x/.env")
    for nombre in dentro:
        (proyecto / nombre).parent.mkdir(parents=True, exist_ok=True)
        (proyecto / nombre).touch()
    plazas = crear(base)
    antes = {proyecto / "web/.env", proyecto / "a/b/c/d/.env.local"}
    assert set(plazas.plaza("a-1", PROYECTO).ocultas) == antes
    for numero in range(2_100):
        (proyecto / f"{numero:04d}").mkdir()
    (proyecto / ".env").touch()
    assert set(plazas.plaza("a-1", PROYECTO).ocultas) == {*antes, proyecto / ".env"}
    (proyecto / "web/.env").unlink()
    assert proyecto / "web/.env" not in plazas.plaza("a-1", PROYECTO).ocultas


def test_un_env_nuevo_se_ve_aunque_se_falsee_la_hora(base: Path) -> None:
    web = base / "proyecto/web"
    web.mkdir()
    plazas = crear(base)
    time.sleep(0.06)
    hora = web.stat()
    assert plazas.plaza("a-1", PROYECTO).ocultas == ()
    (web / ".env").touch()
    os.utime(web, ns=(hora.st_atime_ns, hora.st_mtime_ns))
    assert plazas.plaza("a-1", PROYECTO).ocultas == (web / ".env",)


def test_un_enlace_no_tapa_la_carpeta_de_otro_agente(base: Path) -> None:
    proyecto = base / "proyecto"
    plazas = crear(base, datos=proyecto / "data")
    (proyecto / ".env").symlink_to(plazas.plaza("b-1", PROPIO).carpeta)
    assert plazas.plaza("a-1", PROYECTO).ocultas == (proyecto / "data",)


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
