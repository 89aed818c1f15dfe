"""El grupo de control de una orden: el núcleo corta la memoria y los procesos, y se puede saber."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servicios.consola.supervision.cgrupo import (
    JERARQUIAS,
    Cgrupo,
    Jerarquias,
    barrer_abandonados,
    descubrir,
)
from tests.consola.apoyo import RAIZ

_MIB = 1024 * 1024
PREFIJO = f"enjambre-prueba-{os.getpid()}-"
"""De nadie más: aquí se barre sin esperar a que sean viejos."""

NOMBRE = f"{PREFIJO}{os.getpid()}-uno"

hay_grupos = pytest.mark.skipif(
    not JERARQUIAS.memoria, reason="aquí no se pueden crear grupos de control"
)

# Cada hijo toca su memoria y espera a los demás; el padre cuenta cuántos llegaron vivos.
GLOTONES = """
import os, signal, time
hijos = []
for _ in range({cuantos}):
    hijo = os.fork()
    if hijo == 0:
        memoria = bytearray({cada})
        time.sleep({espera})
        os._exit(0)
    hijos.append(hijo)
print(sum(os.waitpid(hijo, 0)[1] == 0 for hijo in hijos))
"""
BIFURCADOR = """
import os, time
hijos = []
try:
    for _ in range({cuantos}):
        hijo = os.fork()
        if hijo == 0:
            time.sleep(30)
        hijos.append(hijo)
except BlockingIOError:
    pass
print(len(hijos))
for hijo in hijos:
    os.kill(hijo, 9)
    os.waitpid(hijo, 0)
"""


@pytest.fixture
def grupo() -> Iterator[Cgrupo]:
    """Un grupo con 60 MiB y 12 procesos."""
    nuevo = Cgrupo.crear(NOMBRE, memoria=60 * _MIB, procesos=12)
    assert nuevo is not None
    yield nuevo
    nuevo.borrar()
    assert _nuestros() == []


def _nuestros() -> list[Path]:
    bases = {Path(JERARQUIAS.memoria), Path(JERARQUIAS.procesos)}
    return [base / NOMBRE for base in bases if (base / NOMBRE).exists()]


def _lanzar(grupo: Cgrupo, codigo: str) -> subprocess.Popen[str]:
    """Un Python que entra en el grupo y ejecuta eso."""
    entrar = (
        f"import sys; sys.path.insert(0, {str(RAIZ)!r})\n"
        "from servicios.consola.supervision.cgrupo import Cgrupo\n"
        f"Cgrupo({grupo._memoria!r}, {grupo._procesos!r}, es_v2={grupo._es_v2}).entrar()\n"
    )
    linea = [sys.executable, "-I", "-S", "-B", "-c", entrar + codigo]
    return subprocess.Popen(linea, stdout=subprocess.PIPE, text=True)


def _correr(grupo: Cgrupo, codigo: str) -> str:
    return _lanzar(grupo, codigo).communicate(timeout=30)[0].strip()


@hay_grupos
def test_seis_glotones_no_caben(grupo: Cgrupo) -> None:
    vivos = int(_correr(grupo, GLOTONES.format(cuantos=6, cada=30 * _MIB, espera=0.5)) or 0)
    assert vivos < 6
    assert grupo.excedio_memoria()
    assert not grupo.excedio_procesos()


@hay_grupos
def test_lo_que_cabe_no_excede_nada(grupo: Cgrupo) -> None:
    assert _correr(grupo, GLOTONES.format(cuantos=3, cada=5 * _MIB, espera=0)) == "3"
    assert not grupo.excedio_memoria()
    assert not grupo.excedio_procesos()


@hay_grupos
def test_escribir_mucho_en_disco_no_es_pasarse_de_memoria(grupo: Cgrupo, tmp_path: Path) -> None:
    ruta = str(tmp_path / "grande")
    codigo = f"f = open({ruta!r}, 'wb')\nfor _ in range(120): f.write(bytes({_MIB}))\nprint('ya')"
    assert _correr(grupo, codigo) == "ya"
    assert not grupo.excedio_memoria()


@hay_grupos
def test_una_tormenta_de_procesos_se_corta(grupo: Cgrupo) -> None:
    assert int(_correr(grupo, BIFURCADOR.format(cuantos=60))) == 11
    assert grupo.excedio_procesos()
    assert not grupo.excedio_memoria()


@hay_grupos
def test_un_grupo_vacio_con_ese_nombre_se_sustituye(grupo: Cgrupo) -> None:
    _correr(grupo, BIFURCADOR.format(cuantos=60))
    otro = Cgrupo.crear(NOMBRE, memoria=60 * _MIB, procesos=12)
    assert otro is not None
    assert not otro.excedio_procesos()


@hay_grupos
def test_con_alguien_dentro_ni_se_crea_encima_ni_se_borra_ni_se_lanza(grupo: Cgrupo) -> None:
    with _lanzar(grupo, "import time; print('ya', flush=True); time.sleep(30)") as dentro:
        assert dentro.stdout is not None
        assert dentro.stdout.readline() == "ya\n"
        assert Cgrupo.crear(NOMBRE, memoria=_MIB, procesos=1) is None
        antes = time.monotonic()
        grupo.borrar()
        assert time.monotonic() - antes < 2
        assert _nuestros() != []
        dentro.kill()


@hay_grupos
def test_se_barre_lo_de_los_muertos_y_solo_eso(grupo: Cgrupo) -> None:
    muerto = subprocess.Popen(["/bin/true"])
    muerto.wait()
    nombres = (f"{muerto.pid}", f"{muerto.pid}-1", "prueba")
    rutas = [Path(JERARQUIAS.procesos, f"{PREFIJO}{nombre}") for nombre in nombres]
    rutas.append(Path(JERARQUIAS.procesos, f"otra-{PREFIJO}1"))
    for ruta in rutas:
        ruta.mkdir()
    try:
        barrer_abandonados(PREFIJO)
        assert all(ruta.exists() for ruta in rutas), "los recientes pueden ser de otro espacio"
        barrer_abandonados(PREFIJO, viejo_s=0)
        assert [ruta.exists() for ruta in rutas] == [False, False, True, True]
        assert len(_nuestros()) == len({JERARQUIAS.memoria, JERARQUIAS.procesos})
    finally:
        for ruta in rutas:
            if ruta.exists():
                ruta.rmdir()


@pytest.mark.skipif(
    not os.access("/sys/fs/cgroup/unified/cgroup.procs", os.W_OK)
    and not os.access("/sys/fs/cgroup/cgroup.procs", os.W_OK),
    reason="aquí no hay jerarquía unificada en la que escribir",
)
def test_la_jerarquia_unificada_mata_de_golpe() -> None:
    montada = next(Path("/sys/fs/cgroup", n) for n in ("unified", "") if _es_unificada(n))
    carpeta = montada / NOMBRE
    carpeta.mkdir()
    grupo = Cgrupo(str(carpeta), str(carpeta), es_v2=True)
    try:
        with _lanzar(
            grupo, "import os, time; os.fork(); print('ya', flush=True); time.sleep(30)"
        ) as d:
            assert d.stdout is not None
            assert [d.stdout.readline(), d.stdout.readline()] == ["ya\n", "ya\n"]
            grupo.matar()
            assert d.wait(5) == -9
    finally:
        grupo.borrar()
    assert not carpeta.exists()


def _es_unificada(nombre: str) -> bool:
    return Path("/sys/fs/cgroup", nombre, "cgroup.procs").exists()


# --- máquinas de mentira: carpetas con los archivos que tendría el núcleo --------------------


def _maquina(base: Path, propios: str, **archivos: str) -> Jerarquias:
    """Lo que se descubre en una máquina con esos archivos («__» separa carpetas)."""
    for nombre, texto in archivos.items():
        ruta = base / nombre.replace("__", "/").replace("PUNTO", ".")
        ruta.parent.mkdir(parents=True, exist_ok=True)
        ruta.write_text(texto)
    (base / "propios").write_text(propios)
    return descubrir(str(base), str(base / "propios"))


def test_v1_cuelga_del_grupo_propio_o_si_no_se_ve_de_la_raiz(tmp_path: Path) -> None:
    hay = _maquina(
        tmp_path,
        "3:memory:/mio/hondo\n2:cpu,pids:/no/se/ve\n0::/\n",
        memory__mio__hondo__cgroupPUNTOprocs="",
        pids__cgroupPUNTOprocs="",
    )
    assert hay == Jerarquias(f"{tmp_path}/memory/mio/hondo", f"{tmp_path}/pids", es_v2=False)


@pytest.mark.parametrize(
    ("reparte", "tope", "donde"),
    [
        ("cpu memory pids", "1000", "/a/b"),
        ("", "max", "/a"),
        ("memory", "max", "/a"),
        ("", "1000", ""),
    ],
)
def test_v2_cuelga_de_quien_reparte_sin_saltarse_un_tope(
    tmp_path: Path, reparte: str, tope: str, donde: str
) -> None:
    hay = _maquina(
        tmp_path,
        "0::/a/b\n",
        a__b__cgroupPUNTOprocs="1",
        a__b__cgroupPUNTOsubtree_control=reparte,
        a__b__memoryPUNTOmax=tope,
        a__cgroupPUNTOprocs="",
        a__cgroupPUNTOsubtree_control="memory pids",
    )
    esperada = f"{tmp_path}{donde}" if donde else ""
    assert hay == Jerarquias(esperada, esperada, es_v2=True)


@pytest.mark.parametrize("propios", ["", "0::/\n", "0::/a\n", "9:name=systemd:/\n"])
def test_sin_jerarquias_no_hay_grupo(tmp_path: Path, propios: str) -> None:
    hay = _maquina(tmp_path, propios, cgroupPUNTOprocs="", cgroupPUNTOcontrollers="cpu io")
    assert hay == Jerarquias("", "", es_v2=True)
    assert Cgrupo.crear("x", memoria=_MIB, procesos=1, donde=hay) is None


def test_si_algo_falla_al_crear_no_queda_nada(tmp_path: Path) -> None:
    # Una carpeta corriente no trae los archivos del núcleo: poner el límite falla.
    donde = Jerarquias(str(tmp_path), str(tmp_path), es_v2=True)
    assert Cgrupo.crear("x", memoria=_MIB, procesos=1, donde=donde) is None
    assert list(tmp_path.iterdir()) == []


def test_v2_cuenta_los_excesos(tmp_path: Path) -> None:
    grupo = Cgrupo(str(tmp_path), str(tmp_path), es_v2=True)
    assert not grupo.excedio_memoria()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 31\noom 1\noom_kill 0\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    assert not grupo.excedio_memoria()
    assert not grupo.excedio_procesos()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 31\noom 1\noom_kill 2\n")
    (tmp_path / "pids.events").write_text("max 3\n")
    assert grupo.excedio_memoria()
    assert grupo.excedio_procesos()
