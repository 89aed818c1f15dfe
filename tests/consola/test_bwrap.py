"""El encierro bwrap: los ataques, como root y como usuario corriente, y lo que sigue funcionando."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentes.perfil_consola import Red
from servicios.consola.aislamientos.bwrap import Bwrap
from servicios.consola.pedido import MARCA_FILTRO
from servicios.consola.plaza import Plaza
from tests.consola import ataques
from tests.consola.apoyo import DUENIO, SOY_ROOT, carpeta_para
from tests.consola.apoyo_plazas import (
    PERFILES,
    PROYECTO,
    SENUELO,
    SOLO_LECTURA,
    USUARIOS,
    Sitio,
    sitio,
)


@pytest.fixture(params=list(USUARIOS))
def lugar(request: pytest.FixtureRequest) -> Iterator[Sitio]:
    """Un sitio para cada usuario con que puede correr el enjambre."""
    with sitio("bwrap", USUARIOS[request.param]) as nuevo:
        yield nuevo


@pytest.mark.parametrize("perfil", PERFILES)
def test_ningun_secreto_se_lee(lugar: Sitio, perfil: str) -> None:
    ataques.comprobar_lecturas(lugar, PERFILES[perfil])


@pytest.mark.parametrize("perfil", ["propio", "solo_lectura"])
def test_nada_se_escribe_fuera(lugar: Sitio, perfil: str) -> None:
    ataques.comprobar_escrituras(lugar, PERFILES[perfil])


def test_el_sistema_dice_que_no(lugar: Sitio) -> None:
    ataques.comprobar_prohibidas(lugar)


def test_los_procesos_de_fuera_no_existen(lugar: Sitio) -> None:
    ataques.comprobar_procesos(lugar)


def test_no_hay_red(lugar: Sitio) -> None:
    ataques.comprobar_red(lugar)


def test_no_hay_mas_red_ni_mas_aparatos_que_los_de_siempre(lugar: Sitio) -> None:
    interfaces, aparatos, tipos = lugar.correr(
        "tail -n +3 /proc/net/dev | cut -d: -f1",
        "ls /dev",
        "stat -c %F /dev/null /dev/tty /dev/pts/ptmx; stat -f -c %T /dev/pts /dev/shm; ls /dev/pts",
    )
    assert interfaces.salida.split() == ["lo"]
    assert set(aparatos.salida.split()) - {"console"} == {
        *("core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin"),
        *("stdout", "tty", "urandom", "zero"),
    }
    especial = "character special file"
    assert tipos.salida.splitlines() == [especial] * 3 + ["devpts", "tmpfs", "ptmx"]


def test_la_orden_no_es_nadie(lugar: Sitio) -> None:
    dejado = lugar.una("id -u; id -g; id -G; grep -E '^(CapEff|CapPrm|NoNew)' /proc/self/status")
    uid = str(lugar.uid_ordenes)
    ceros = "0" * 16
    esperado = [uid, uid, uid, "CapPrm:", ceros, "CapEff:", ceros, "NoNewPrivs:", "1"]
    assert dejado.salida.split() == esperado


def test_el_entorno_es_el_que_se_le_da(lugar: Sitio) -> None:
    variables = dict(
        linea.split("=", 1) for linea in lugar.una("env").salida.splitlines() if "=" in linea
    )
    assert set(variables) - {"LANG", "LC_ALL", "LC_CTYPE", "TZ"} == {
        *("PATH", "HOME", "PWD", "TMPDIR", "TERM", "PAGER", "GIT_PAGER", "GIT_TERMINAL_PROMPT"),
        *("GIT_CONFIG_NOSYSTEM", "PYTHONUNBUFFERED", "CI", "SHLVL", "_"),
    }
    assert variables["PWD"] == str(lugar.espacio)
    assert variables["HOME"] == str(lugar.proyecto / "data/casas/a-1")


def test_dentro_y_fuera_las_rutas_son_las_mismas(lugar: Sitio) -> None:
    dejado = lugar.una(f"pwd; echo hola > {lugar.espacio}/f; echo $TMPDIR; mktemp")
    espacio, temporal, archivo = dejado.salida.split()
    assert espacio == str(lugar.espacio)
    assert Path(archivo).parent == Path(temporal)
    assert (lugar.espacio / "f").read_text() == "hola\n"
    assert (lugar.espacio / "f").stat().st_uid == lugar.uid_ordenes


def test_los_programas_corrientes_siguen_funcionando(lugar: Sitio) -> None:
    ordenes = {
        "python3 -c 'import multiprocessing as m, ssl; m.Lock(); print(6 * 7)'": "42\n",
        "git init -q r && cd r && git rev-parse --is-inside-work-tree": "true\n",
        "seq 3 | while read n; do echo $((n * n)); done | tail -1": "9\n",
        "cat <(echo a) <(echo b)": "a\nb\n",
        "echo x > /dev/null && head -c 3 /dev/urandom | wc -c": "3\n",
        "date -d @0 +%Y > /dev/stdout": "1970\n",
    }
    if shutil.which("gcc"):
        ordenes["echo 'int main(){return 3;}' > a.c && gcc a.c && ./a.out; echo $?"] = "3\n"
    if shutil.which("node"):
        ordenes["node -p 6*7"] = "42\n"
    dejados = lugar.correr(*ordenes)
    assert {o: d.salida for o, d in zip(ordenes, dejados, strict=True)} == ordenes


def test_solo_se_escribe_en_lo_propio_y_lo_temporal_es_pequeno(lugar: Sitio) -> None:
    orden = (
        "for d in / /etc /dev /tmp /dev/shm /proc /home /root /usr . ~; do"
        " touch $d/marca 2>/dev/null && echo $d; done;"
        " for d in /tmp /dev/shm; do head -c 200M /dev/zero > $d/g 2>/dev/null; du -m $d/g; done"
    )
    *escribibles, tmp, _, shm, _ = lugar.una(orden).salida.split()
    assert escribibles == ["/tmp", "/dev/shm", ".", str(lugar.proyecto / "data/casas/a-1")]
    assert int(tmp) <= 64
    assert int(shm) <= 16


def test_no_se_ve_a_ningun_vecino(lugar: Sitio) -> None:
    orden = f"ls {lugar.proyecto}/data/espacios {lugar.proyecto}/data/casas; ls {lugar.base}"
    vistos = lugar.una(orden).salida
    assert vistos.split().count("a-1") == 2
    for nombre in ("vecino-1", "otro-1", "persona", "swarm.db"):
        assert nombre not in vistos


# --- El proyecto prestado ---------------------------------------------------------------


def test_en_el_proyecto_se_trabaja(lugar: Sitio) -> None:
    orden = (
        "pwd; cat leeme.md .env.example; echo nuevo > nuevo.md; sed -i s/3/4/ codigo/main.c;"
        " git add nuevo.md && git -c user.name=a -c user.email=a@b commit -qm uno; git log --format=%s"
    )
    dejado = lugar.una(orden, PROYECTO)
    assert dejado.salida == f"{lugar.proyecto}\nhola\nCLAVE=uno\n"
    assert (lugar.proyecto / "nuevo.md").read_text() == "nuevo\n"
    assert "return 4" in (lugar.proyecto / "codigo/main.c").read_text()


@pytest.mark.parametrize(
    "orden",
    [
        "echo x > .git/hooks/pre-commit; echo x >> .git/config",
        "git config core.fsmonitor ./x; git config --unset core.bare",
        "mv .git otro; mkdir -p .git/hooks; echo x > .git/hooks/pre-commit",
        "rm -rf .git/hooks .git/config .vscode; rmdir .git/hooks",
        "ln -sfn codigo .git/hooks; ln -sf codigo/main.c .git/config",
        "echo x > .vscode/tasks.json; mv .vscode v; mkdir .vscode; echo x > .vscode/tasks.json",
        "mount -o remount,rw .git/hooks; umount .git/hooks; echo x > .git/hooks/pre-commit",
    ],
)
def test_lo_que_se_ejecuta_solo_no_se_toca(lugar: Sitio, orden: str) -> None:
    config = (lugar.proyecto / ".git/config").read_text()
    assert lugar.una(orden, PROYECTO).motivo == "ok"
    assert list((lugar.proyecto / ".git/hooks").iterdir()) == []
    assert not (lugar.proyecto / ".git/hooks").is_symlink()
    assert (lugar.proyecto / ".git/config").read_text() == config
    assert (lugar.proyecto / ".vscode/tasks.json").read_text() == "{}\n"


@pytest.mark.parametrize(
    "orden",
    [
        "cat .env; cp .env x; mv .env y; ln .env z; cat x y z",
        "cat data/swarm.db; mv data d; cat d/swarm.db; ls data/espacios/otro-1",
        "git add -f .env data; git diff --cached; git stash -u; git stash show -p",
        "grep -rs canario . ; tar cf - . | strings | grep canario; find . -name swarm.db",
        "rm -f .env; rm -rf data; echo x > .env; echo x > data/swarm.db",
    ],
)
def test_lo_oculto_ni_se_lee_ni_se_pierde(lugar: Sitio, orden: str) -> None:
    dejado = lugar.una(orden, PROYECTO)
    assert dejado.motivo == "ok"
    assert "canario" not in dejado.salida
    assert (lugar.proyecto / ".env").read_text() == "CLAVE=canario-env"
    assert (lugar.proyecto / "data/swarm.db").read_text() == "canario-db"


@pytest.mark.parametrize("perfil", [PROYECTO, SOLO_LECTURA])
def test_un_env_de_dentro_no_se_lee(lugar: Sitio, perfil: dict[str, str]) -> None:
    (lugar.proyecto / "codigo/.env.local").write_text("canario-dentro")
    dejado = lugar.una("cat codigo/.env.local codigo/main.c; mv codigo c; cat c/.env*", perfil)
    assert "canario" not in dejado.salida
    assert "return 3" in dejado.salida


def test_un_enlace_plantado_no_ensena_nada_a_la_orden_siguiente(lugar: Sitio) -> None:
    """Lo que se monta se decide al empezar: un nombre protegido que aparece después no se sigue."""
    plantar = f"ln -s {lugar.base}/persona/.ssh .envrc; ln -s {lugar.base}/persona .ssh"
    leer = "cat .envrc/id_rsa .ssh/.ssh/id_rsa; ls -A .ssh .envrc"
    _, dejado = lugar.correr(plantar, leer, perfil=PROYECTO)
    assert dejado.motivo == "ok"
    assert "canario" not in dejado.salida


def test_con_solo_lectura_se_lee_todo_menos_lo_oculto(lugar: Sitio) -> None:
    orden = f"pwd; cat leeme.md; touch marca; touch ~/si {lugar.espacio}/si && echo propio"
    dejado = lugar.una(orden, SOLO_LECTURA)
    assert dejado.salida == f"{lugar.proyecto}\nhola\npropio\n"
    assert "Read-only" in dejado.error


def test_la_llave_de_la_persona_es_un_senuelo(lugar: Sitio) -> None:
    dejado = lugar.una("cat ~/.ssh/id_rsa; cat /root/.ssh/id_rsa")
    veces = 2 if lugar.uid == 0 else 1
    assert dejado.salida == SENUELO * veces


def test_con_red_por_lista_solo_se_llega_al_proxy(lugar: Sitio) -> None:
    enchufe = lugar.base / "p.s"
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.bind(str(enchufe))
        os.chown(enchufe, lugar.uid_ordenes, -1)
        proxy.listen()
        hilo = threading.Thread(target=_contestar, args=(proxy,))
        hilo.start()
        por_dentro, directo, unix = lugar.correr(
            "d=${https_proxy#http://}; exec 3<>/dev/tcp/${d%:*}/${d#*:}; echo orden >&3; cat <&3",
            "exec 3<>/dev/tcp/1.1.1.1/443 && echo sali",
            f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{enchufe}\")'",
            perfil={"red": "lista"},
            enchufe=str(enchufe),
        )
        hilo.join()
    assert por_dentro.salida == "hola, orden\n", por_dentro
    assert directo.salida == ""
    assert unix.codigo != 0


# --- La línea que se ejecuta ------------------------------------------------------------


def _contestar(proxy: socket.socket) -> None:
    """Un proxy que saluda a la primera conexión y se va."""
    conexion, _ = proxy.accept()
    with conexion, conexion.makefile("rw", encoding="utf-8") as hilo:
        hilo.write(f"hola, {hilo.readline()}")
        hilo.flush()


async def test_con_red_libre_no_se_corta_la_red_y_sin_ella_si() -> None:
    with carpeta_para(os.geteuid()) as carpeta:
        libre = await Bwrap(DUENIO).encerrar(_plaza(carpeta, Red.LIBRE))
        cortada = await Bwrap(DUENIO).encerrar(_plaza(carpeta, Red.NINGUNA))
    assert "--unshare-net" not in libre.prefijo
    assert "/etc/resolv.conf" in libre.prefijo
    assert libre.filtro == "con_red"
    assert not libre.red_vacia
    # Root entra en una red vacía que ya existe; los demás la crean con cada orden.
    assert cortada.red_vacia is SOY_ROOT
    assert ("--unshare-net" in cortada.prefijo) is not SOY_ROOT
    assert "/etc/resolv.conf" not in cortada.prefijo
    assert cortada.filtro == "sin_red"


async def test_con_red_por_lista_la_orden_sale_por_el_enchufe() -> None:
    with carpeta_para(os.geteuid()) as carpeta:
        enchufe = carpeta / "proxy.s"
        enchufe.touch()
        encierro = await Bwrap(DUENIO).encerrar(_plaza(carpeta, Red.LISTA, enchufe))
    python = os.path.realpath(sys.executable)
    assert encierro.prefijo[-7:-3] == (python, "-I", "-S", encierro.prefijo[-4])
    assert encierro.prefijo[-3:] == ("--enchufe", str(enchufe), "--")
    assert "--unshare-net" in encierro.prefijo
    assert MARCA_FILTRO not in encierro.prefijo


async def test_el_limite_de_procesos_solo_se_cuenta_aparte_sin_ser_root() -> None:
    with carpeta_para(os.geteuid()) as carpeta:
        encierro = await Bwrap(DUENIO).encerrar(_plaza(carpeta, Red.NINGUNA))
    assert encierro.procesos_aparte is not SOY_ROOT
    assert encierro.usuario is None


def _plaza(carpeta: Path, red: Red, enchufe: Path | None = None) -> Plaza:
    return Plaza("a-1", carpeta, carpeta, escribir=(carpeta,), red=red, enchufe=enchufe)
