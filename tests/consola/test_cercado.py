"""El encierro landlock: los mismos ataques, y lo que esta cerca no sabe hacer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.aislamientos import landlock
from servicios.consola.aislamientos.cercado import Cercado
from servicios.consola.plaza import Plaza
from tests.consola import ataques
from tests.consola.apoyo import RAIZ, solo_root
from tests.consola.apoyo_plazas import (
    PERFILES,
    PROYECTO,
    SOLO_LECTURA,
    USUARIOS,
    Sitio,
    sitio,
)

if landlock.abi() < 1:
    pytest.skip("este núcleo no tiene Landlock", allow_module_level=True)

UID = 10_077


@pytest.fixture(params=list(USUARIOS))
def lugar(request: pytest.FixtureRequest) -> Iterator[Sitio]:
    """Un sitio para cada usuario con que puede correr el enjambre."""
    with sitio("landlock", USUARIOS[request.param]) as nuevo:
        yield nuevo


@pytest.mark.parametrize("perfil", PERFILES)
def test_ningun_secreto_se_lee(lugar: Sitio, perfil: str) -> None:
    ataques.comprobar_lecturas(lugar, PERFILES[perfil])


@pytest.mark.parametrize("perfil", ["propio", "solo_lectura"])
def test_nada_se_escribe_fuera(lugar: Sitio, perfil: str) -> None:
    ataques.comprobar_escrituras(lugar, PERFILES[perfil])


def test_el_sistema_dice_que_no(lugar: Sitio) -> None:
    ataques.comprobar_prohibidas(lugar)


def test_los_procesos_de_fuera_no_se_tocan(lugar: Sitio) -> None:
    if landlock.abi() < 6:
        pytest.skip("hasta Landlock 6 no se pueden cortar las señales")
    ataques.comprobar_procesos(lugar)


def test_a_los_procesos_de_fuera_no_se_les_cambia_nada(lugar: Sitio) -> None:
    with ataques.victima(lugar.uid_ordenes) as pid:
        antes = _ajustes(pid)
        dejado = lugar.una(
            f"for p in {pid} $PPID; do prlimit --pid $p --cpu=0:0 && echo l; renice -n 9 -p $p &&"
            " echo r; taskset -p 1 $p | grep new; ionice -c 3 -p $p && echo i; done; sleep 0.1;"
            " nice prlimit --nofile=64 taskset 1 echo fin"
        )
        assert (dejado.salida, dejado.motivo) == ("fin\n", "ok")
        assert _ajustes(pid) == antes


def _ajustes(pid: int) -> tuple[object, ...]:
    limites = Path(f"/proc/{pid}/limits").read_text()
    return limites, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid)


def test_no_hay_red(lugar: Sitio) -> None:
    ataques.comprobar_red(lugar)


def test_lo_temporal_es_de_cada_agente(lugar: Sitio) -> None:
    orden = 'f=$(mktemp) && echo "${f%/*}"; touch /tmp/marca-enjambre || ls /tmp || echo no'
    dejado = lugar.una(orden)
    assert dejado.salida == f"{lugar.proyecto}/data/casas/a-1/tmp\nno\n"


def test_los_programas_corrientes_siguen_funcionando(lugar: Sitio) -> None:
    ordenes = {
        "python3 -c 'import ssl, tempfile; tempfile.TemporaryFile(); print(6 * 7)'": "42\n",
        "git init -q r && cd r && git rev-parse --is-inside-work-tree": "true\n",
        "cat <(echo a) <<< b -": "a\nb\n",
        "echo x > /dev/null && head -c 3 /dev/urandom | wc -c": "3\n",
        f"echo hola > {lugar.espacio}/f; cat f; mkdir d; mv f d/g; cat d/g; rm -r d": "hola\n" * 2,
    }
    dejados = lugar.correr(*ordenes)
    assert {o: d.salida for o, d in zip(ordenes, dejados, strict=True)} == ordenes


def test_en_el_proyecto_se_cambia_lo_que_hay_pero_no_se_crea_junto_a_lo_protegido(
    lugar: Sitio,
) -> None:
    orden = "cat leeme.md; echo b >> leeme.md; touch codigo/nuevo; touch arriba || echo no"
    dejado = lugar.una(orden, PROYECTO)
    assert dejado.salida == "hola\nno\n"
    assert (lugar.proyecto / "leeme.md").read_text() == "hola\nb\n"
    assert (lugar.proyecto / "codigo/nuevo").exists()


@pytest.mark.parametrize(
    "orden",
    [
        "echo x > .git/hooks/pre-commit; echo x >> .git/config",
        "mv .git otro; rm -rf .git .vscode; ln -sfn codigo .git/hooks; mv .vscode codigo",
        "cp .git/config codigo/c && mv -f codigo/c .git/config; echo x > .vscode/tasks.json",
        "ln .git/config codigo/c && echo x > codigo/c",
    ],
)
def test_lo_que_se_ejecuta_solo_no_se_toca(lugar: Sitio, orden: str) -> None:
    config = (lugar.proyecto / ".git/config").read_text()
    assert lugar.una(orden, PROYECTO).motivo == "ok"
    assert list((lugar.proyecto / ".git/hooks").iterdir()) == []
    assert (lugar.proyecto / ".git/config").read_text() == config
    assert (lugar.proyecto / ".vscode/tasks.json").read_text() == "{}\n"


@pytest.mark.parametrize("perfil", [PROYECTO, SOLO_LECTURA])
def test_lo_oculto_no_se_lee(lugar: Sitio, perfil: dict[str, str]) -> None:
    orden = "cat .env data/swarm.db; ln .env codigo/e; cat codigo/e; grep -rs canario ."
    dejado = lugar.una(orden, perfil)
    assert dejado.motivo == "ok"
    assert "canario" not in dejado.salida


@pytest.mark.parametrize("perfil", [PROYECTO, SOLO_LECTURA])
def test_un_env_de_dentro_no_se_lee(lugar: Sitio, perfil: dict[str, str]) -> None:
    (lugar.proyecto / "codigo/.env.local").write_text("canario-dentro")
    dejado = lugar.una("cat codigo/.env.local codigo/main.c; mv codigo c; cat c/.env*", perfil)
    assert "canario" not in dejado.salida
    assert "return 3" in dejado.salida


@pytest.mark.parametrize("perfil", [PROYECTO, SOLO_LECTURA])
def test_un_enlace_del_proyecto_no_concede_lo_enlazado(
    lugar: Sitio, perfil: dict[str, str]
) -> None:
    (lugar.proyecto / "atajo").symlink_to(lugar.base / "persona")
    dejado = lugar.una("cat atajo/.ssh/id_rsa; echo x > atajo/marca; cat codigo/main.c", perfil)
    assert "canario" not in dejado.salida
    assert "return 3" in dejado.salida
    assert not (lugar.base / "persona/marca").exists()


@pytest.mark.parametrize("donde", [".", ".."])
def test_un_entorno_virtual_en_la_carpeta_del_programa_no_la_ensena(
    tmp_path: Path, donde: str
) -> None:
    programa = tmp_path / "trabajo/enjambre"
    entorno = (programa / donde).resolve()
    destino = programa / "servicios/consola/aislamientos"
    destino.mkdir(parents=True)
    shutil.copy(RAIZ / "servicios/consola/aislamientos/visibles.py", destino)
    for secreto in (programa / ".env", programa / "data/.clave", entorno / "notas"):
        secreto.parent.mkdir(exist_ok=True)
        secreto.touch()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", entorno], check=True)
    contar = "from servicios.consola.aislamientos.visibles import carpetas_de_python as c; print(*c(), sep='\\n')"
    python = entorno / "bin/python"
    dicho = subprocess.run(
        [python, "-c", contar], cwd=programa, capture_output=True, text=True, check=True
    )
    rutas = [Path(linea) for linea in dicho.stdout.split()]
    assert {entorno / "bin", entorno / "lib", entorno / "pyvenv.cfg"} <= set(rutas)
    for ruta in rutas:
        assert ruta.parent == entorno or not entorno.is_relative_to(ruta)
        assert ruta.name not in {".env", "data", "servicios", "enjambre", "notas"}


async def test_una_red_por_lista_se_rechaza(tmp_path: Path) -> None:
    plaza = Plaza("a-1", tmp_path, tmp_path, escribir=(tmp_path,), red=Red.LISTA)
    with pytest.raises(ErrorConsola, match="lista; usa bwrap"):
        await Cercado(UID).encerrar(plaza)


async def test_la_red_libre_deja_el_filtro_que_la_permite(tmp_path: Path) -> None:
    plaza = Plaza("a-1", tmp_path, tmp_path, escribir=(tmp_path,), red=Red.LIBRE)
    encierro = await Cercado(UID).encerrar(plaza)
    assert encierro.filtro == "con_red"
    assert encierro.cerca is not None
    assert "/etc/resolv.conf" in encierro.cerca.leer or not os.path.exists("/etc/resolv.conf")  # noqa: PTH110


@pytest.mark.root
@solo_root
def test_a_root_no_se_le_puede_cercar() -> None:
    with pytest.raises(ErrorConsola, match="root"):
        Cercado(None)
