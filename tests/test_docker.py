"""La imagen del enjambre: se construye, conversa endurecida y no enseña nada de esta máquina."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from tests.apoyo_docker import RAIZ, Prestado, demonio_prestado

CONVERSAR = RAIZ / "docker/conversar.sh"
BASE_CON_RUEDAS = "enjambre-base-con-ruedas"
VOLUMEN = "enjambre_datos"
NO_PASAN = {"ENJAMBRE_DATOS", "ENJAMBRE_AISLAMIENTO", "ENJAMBRE_IMAGEN", "ENJAMBRE_PROYECTO"}
"""Dentro no significan nada: hablan de rutas y programas de fuera."""

_SUYOS = ("ps", "--quiet", "--filter", "ancestor=enjambre")
_MIB = 1024 * 1024


@pytest.fixture(scope="module")
def docker(request: pytest.FixtureRequest) -> Iterator[Prestado]:
    """El demonio, con la imagen ya construida por `conversar.sh`."""
    demonio = demonio_prestado(request.config)
    demonio.hacer_base_con_ruedas(BASE_CON_RUEDAS)
    ayuda = _conversar(demonio, "--help")
    assert ayuda.returncode == 0, ayuda.stderr
    assert "uso: python main.py" in ayuda.stdout
    yield demonio
    assert demonio.pedir("ps", "--all", "--quiet").stdout == ""


def _entorno(demonio: Prestado, **variables: str) -> dict[str, str]:
    return {
        **demonio.entorno,
        "BASE_IMAGE": BASE_CON_RUEDAS,
        "SWARM_BUILD_NETWORK": "none",
        "SWARM_NETWORK": "none",
        "MODEL": "demo",
        **variables,
    }


def _conversar(
    demonio: Prestado, *argumentos: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CONVERSAR, *argumentos],
        env=_entorno(demonio, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def _esperando_tarea(demonio: Prestado, **variables: str) -> Iterator[str]:
    """El nombre de un contenedor que espera su tarea por la entrada; al salir, se le da."""
    proceso = subprocess.Popen(
        [CONVERSAR],
        env=_entorno(demonio, **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (vivos := demonio.pedir(*_SUYOS).stdout.split()):
            assert proceso.poll() is None
        yield vivos[0]
    finally:
        salida, quejas = proceso.communicate("ejecuta: echo $((6 * 7))", timeout=60)
    assert "42" in salida, quejas
    assert proceso.returncode == 0


@pytest.mark.docker
def test_en_la_imagen_solo_va_lo_que_hace_falta(docker: Prestado) -> None:
    orden = (
        "cd /app; find . -maxdepth 1 | sort; find . /opt/requisitos ! -user root;"
        " find . -perm /022 ! -type l; ls -A ~ /root 2>/dev/null | grep -i pip; id -u"
    )
    dentro = docker.pedir(
        *("run", "--rm", "--network", "none", "--log-driver", "none", "--entrypoint", "bash"),
        *("enjambre", "-c", orden),
    )
    suyas = ["__pycache__", "agentes", "agentes_json", "data", "main.py", "prompts", "servicios"]
    # Lo único que no es de root es data; lo único que otros podrían escribir, nada.
    assert dentro.stdout.split() == [".", *(f"./{n}" for n in suyas), "./data", str(UID_ORDENES)]


@pytest.mark.docker
def test_corre_endurecida_y_con_limites(docker: Prestado) -> None:
    secreto = "canario-de-clave"
    with _esperando_tarea(docker, OPENAI_API_KEY=secreto, OTRA=secreto) as nombre:
        ficha = json.loads(docker.pedir("inspect", nombre).stdout)[0]
        procesos = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        dentro = _en(
            docker, nombre, "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; ls /sys/class/net"
        )
        procesos_de_mas = _en(docker, nombre, "for i in {1..600}; do sleep 2 & done; wait")
        escritura = _en(
            docker,
            nombre,
            "for d in / /app /etc /opt/venv /tmp data; do : >$d/m && echo $d; done;"
            " head -c 99M /dev/zero >/tmp/g; du -m /tmp/g; rm /tmp/g",
        )
        memoria = _en(docker, nombre, "python -c \"b'x' * (3 << 30)\"")
    assert secreto not in procesos.stdout
    assert f"OPENAI_API_KEY={secreto}" in ficha["Config"]["Env"]
    assert not any("OTRA" in variable for variable in ficha["Config"]["Env"])
    _comprobar_ficha(ficha["HostConfig"])
    assert ficha["Config"]["User"] == f"{UID_ORDENES}:{UID_ORDENES}"
    assert [(m["Name"], m["Destination"]) for m in ficha["Mounts"]] == [(VOLUMEN, "/app/data")]
    ceros = "0" * 16
    capacidades = re.findall(r"Cap\w+:\s+(\w+)", dentro.stdout)
    assert capacidades == [ceros] * 5
    assert dentro.stdout.split()[-5:] == ["NoNewPrivs:", "1", "Seccomp:", "2", "lo"]
    assert "Resource temporarily unavailable" in procesos_de_mas.stderr
    assert escritura.stdout.split()[:2] == ["/tmp", "data"]
    assert escritura.stdout.split()[-2:] == ["64", "/tmp/g"]
    assert memoria.returncode == 137


def _comprobar_ficha(anfitrion: dict[str, object]) -> None:
    esperado = {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "PidsLimit": 512,
        "Memory": 2048 * _MIB,
        "MemorySwap": 2048 * _MIB,
        "NanoCpus": 10**9,
        "Init": True,
        "NetworkMode": "none",
        "LogConfig": {"Type": "none", "Config": {}},
        "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m"},
        "Privileged": False,
    }
    assert {clave: anfitrion[clave] for clave in esperado} == esperado


def _en(docker: Prestado, nombre: str, orden: str) -> subprocess.CompletedProcess[str]:
    return docker.pedir("exec", nombre, "bash", "-c", orden, bien=False)


@pytest.mark.docker
def test_el_trabajo_principal_se_hace_dentro(docker: Prestado) -> None:
    """La orden corre encerrada por landlock y de esta máquina no ve nada."""
    orden = f"id -u; cat {RAIZ}/main.py; cat /app/data/swarm.db; ls /app/servicios; echo fin"
    hecho = _conversar(docker, "-p", f"ejecuta: {orden}", "--salida", "json")
    assert hecho.returncode == 0, hecho.stderr
    assert "fin" in hecho.stdout
    assert str(UID_ORDENES) in hecho.stdout
    assert "SQLite" not in hecho.stdout
    filas = docker.pedir(
        *("run", "--rm", "--network", "none", "--log-driver", "none", "--entrypoint", "python"),
        *("--volume", f"{VOLUMEN}:/app/data", "enjambre", "-c", _CONSULTA),
    )
    assert "landlock" in filas.stdout


_CONSULTA = """
import sqlite3
for fila in sqlite3.connect("data/swarm.db").execute("SELECT details FROM logs"):
    print(*fila)
"""


@pytest.mark.docker
def test_una_carpeta_de_datos_propia_o_ajena(docker: Prestado) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as carpeta:
        datos = Path(carpeta)
        mal = _conversar(docker, "-p", "ejecuta: true", SWARM_DATA=carpeta)
        os.chown(datos, 10_077, 10_077)
        bien = _conversar(
            docker, "-p", "ejecuta: id -u", SWARM_DATA=carpeta, SWARM_USER="10077:10077"
        )
        assert mal.returncode == 2, mal.stderr
        assert "/app/data" in mal.stderr.splitlines()[-1]
        assert "Traceback" not in mal.stderr
        assert bien.returncode == 0, bien.stderr
        assert "10077" in bien.stdout
        assert (datos / "swarm.db").stat().st_uid == 10_077


# --- Sin demonio ------------------------------------------------------------------------


def test_sin_docker_o_sin_demonio_lo_dice_en_una_linea(tmp_path: Path) -> None:
    for programa in ("sh", "dirname"):
        (tmp_path / programa).symlink_to(f"/usr/bin/{programa}")
    entorno = {"PATH": str(tmp_path)}
    dichos = []
    for _ in range(2):
        hecho = subprocess.run(
            [CONVERSAR], env=entorno, capture_output=True, text=True, timeout=20, check=False
        )
        dichos.append((hecho.returncode, hecho.stdout, hecho.stderr.splitlines()))
        (tmp_path / "docker").write_text("#!/bin/sh\necho no hay nadie >&2\nexit 1\n")
        (tmp_path / "docker").chmod(0o755)
    (codigo, nada, falta), (otro, tampoco, callado) = dichos
    assert (codigo, nada, otro, tampoco) == (1, "", 1, "")
    assert [len(falta), len(callado)] == [1, 1]
    assert "instálalo" in falta[0]
    assert "no responde" in callado[0]


def test_todas_las_variables_de_env_llegan_por_su_nombre() -> None:
    ejemplo = (RAIZ / ".env.example").read_text(encoding="utf-8")
    compose = (RAIZ / "docker/compose.yaml").read_text(encoding="utf-8")
    conocidas = set(re.findall(r"^#?([A-Z][A-Z_]+)=", ejemplo, re.MULTILINE))
    pasan = re.findall(r"^      - ([A-Z_]+)$", compose, re.MULTILINE)
    assert set(pasan) - {"TERM"} == conocidas - NO_PASAN
    assert len(pasan) == len(set(pasan))


def test_compose_y_conversar_dicen_lo_mismo() -> None:
    """Quien no tiene Compose corre igual de encerrado."""
    compose = (RAIZ / "docker/compose.yaml").read_text(encoding="utf-8")
    guion = " ".join(CONVERSAR.read_text(encoding="utf-8").replace("\\\n", " ").split())
    parejas = {
        "init: true": "--init ",
        "user: ${SWARM_USER:-10001:10001}": '--user "${SWARM_USER:-10001:10001}"',
        "read_only: true": "--read-only ",
        "cap_drop: [ALL]": "--cap-drop ALL ",
        'security_opt: ["no-new-privileges:true"]': "--security-opt no-new-privileges:true ",
        "- /tmp:rw,noexec,nosuid,nodev,size=64m": "--tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m ",
        "pids_limit: 512": "--pids-limit 512 ",
        "mem_limit: 2g": "--memory 2g ",
        "memswap_limit: 2g": "--memory-swap 2g ",
        "cpus: ${SWARM_CPUS:-1}": '--cpus "${SWARM_CPUS:-1}"',
        "network_mode: ${SWARM_NETWORK:-bridge}": '--network "${SWARM_NETWORK:-bridge}"',
        "driver: none": "--log-driver none ",
        "name: enjambre_datos": "enjambre_datos}:/app/data",
        "BASE_IMAGE: ${BASE_IMAGE:-python:3.12-slim}": "${BASE_IMAGE:-python:3.12-slim}",
    }
    assert [c for c, g in parejas.items() if c not in compose or g not in guion] == []


def test_las_claves_de_env_llegan_sin_comillas_ni_comentario(tmp_path: Path) -> None:
    """Con un docker de mentira que enseña lo que recibe."""
    (tmp_path / "docker").mkdir()
    for nombre in ("conversar.sh", "compose.yaml", "Dockerfile", "Dockerfile.dockerignore"):
        (tmp_path / "docker" / nombre).symlink_to(RAIZ / "docker" / nombre)
    for ruta in ("agentes", "agentes_json", "prompts", "servicios"):
        (tmp_path / ruta).mkdir()
    for ruta in ("main.py", "requirements.txt", "requirements-lock.txt"):
        (tmp_path / ruta).touch()
    lineas = ['MODEL="demo"  # esta', "OPENAI_API_KEY='a # b' # x", "XAI_API_KEY=c d # no"]
    (tmp_path / ".env").write_text("\n".join([*lineas, "GROQ_API_KEY=", "PROPIA=1"]))
    programa = tmp_path / "docker-falso/docker"
    programa.parent.mkdir()
    programa.write_text(
        "#!/bin/sh\ncase $1 in version) exit ;; compose) exit 1 ;; build) exec cat >/dev/null ;; esac\n"
        'env | grep -E "^(MODEL|PROPIA|.*_KEY)=" | sort; echo "$@" | grep -o -e "-e [A-Z_]*"\n'
    )
    programa.chmod(0o755)
    hecho = subprocess.run(
        [tmp_path / "docker/conversar.sh"],
        env={"PATH": f"{programa.parent}:/usr/bin:/bin", "XAI_API_KEY": "manda"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    *valores, uno, dos, tres = hecho.stdout.splitlines()[-6:]
    assert valores == ["MODEL=demo", "OPENAI_API_KEY=a # b", "XAI_API_KEY=manda"]
    assert [uno, dos, tres] == ["-e MODEL", "-e OPENAI_API_KEY", "-e XAI_API_KEY"]
