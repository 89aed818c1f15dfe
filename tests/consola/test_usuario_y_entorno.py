"""Con qué usuario y qué entorno corre una orden, y qué no ve."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from servicios.consola.entorno import entorno_de_orden
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.consola.apoyo import (
    HIJO,
    UID_CORRIENTE,
    carpeta_para,
    hasta_que,
    python_para,
    solo_root,
    sueno,
    vivos,
)


def test_una_variable_concedida_pasa_y_las_que_mandan_no() -> None:
    nuestro = {"IDIOMA": "es", "LD_PRELOAD": "x", "BASH_ENV": "y", "OTRA": "z"}
    dado = entorno_de_orden(Path("/e"), Path("/c"), nuestro, ("IDIOMA", "LD_PRELOAD", "BASH_ENV"))
    assert dado["IDIOMA"] == "es"
    assert not {"LD_PRELOAD", "BASH_ENV", "OTRA"} & dado.keys()


async def test_lo_concedido_en_el_perfil_llega_a_la_orden(
    consola: EjecutorConsola, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MI_DATO", "cuarenta y dos")
    perfil = PerfilConsola(variables=("MI_DATO",))
    con = await consola.ejecutar_comando_seguro("echo $MI_DATO", "a-1", perfil)
    sin = await consola.ejecutar_comando_seguro("echo $MI_DATO", "a-2")
    assert (con.salida, sin.salida) == ("cuarenta y dos\n", "\n")


def test_ninguna_clave_del_enjambre_llega_a_la_orden(tmp_path: Path, aislamiento: str) -> None:
    """En un proceso aparte, con la clave plantada en su entorno de verdad."""
    orden = (
        "env; for p in self $PPID; do tr '\\0' '\\n' < /proc/$p/environ; done;"
        " cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -a ENJAMBRE_PLANTADA"
    )
    hijo = subprocess.run(
        [sys.executable, "-B", HIJO, aislamiento, str(tmp_path), orden],
        env={**os.environ, "OPENAI_API_KEY": "sk-canario", "ENJAMBRE_PLANTADA": "canario-2"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "HOME=" in hijo.stdout
    assert "canario" not in hijo.stdout


@pytest.mark.root
@solo_root
async def test_si_somos_root_la_orden_no_lo_es(consola: EjecutorConsola, tmp_path: Path) -> None:
    orden = "id -u; id -g; id -G; cat /proc/self/status | grep -E '^(CapEff|CapBnd|NoNewPrivs)'"
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    uid = str(UID_ORDENES)
    ceros = "0" * 16
    assert resultado.salida.split() == [
        *(uid, uid, uid),
        *("CapEff:", ceros, "CapBnd:", ceros, "NoNewPrivs:", "1"),
    ]
    assert (tmp_path / "espacios" / "a-1").stat().st_uid == UID_ORDENES


@pytest.mark.root
@solo_root
def test_los_grupos_de_root_no_pasan_a_la_orden(tmp_path: Path, aislamiento: str) -> None:
    hijo = subprocess.run(
        [sys.executable, "-B", HIJO, aislamiento, str(tmp_path), "id -G"],
        extra_groups=[0, 4, 6],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert f'"salida":"{UID_ORDENES}"' in hijo.stdout


@pytest.mark.root
@solo_root
@pytest.mark.parametrize("orden", ["ls /root", "cat /etc/shadow", "echo x > /etc/prueba_enjambre"])
async def test_lo_de_root_no_se_lee_ni_se_escribe(consola: EjecutorConsola, orden: str) -> None:
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    assert resultado.codigo != 0 or orden.startswith("ls")
    assert resultado.salida == ""


@pytest.mark.root
@solo_root
async def test_las_variables_de_la_orden_no_corren_como_root(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    """Los lanzadores son root: nada que exporte un agente puede llegarles."""
    n = sueno()
    await consola.ejecutar_comando_seguro("export LOCPATH=/canario GCONV_PATH=/canario", "a-1")
    tarea = asyncio.create_task(consola.ejecutar_comando_seguro(f"sleep {n}; true", "a-1"))
    assert await hasta_que(lambda: bool(vivos(n)))
    de_root: list[bytes] = []
    de_la_orden: list[bytes] = []
    for pid in _linaje(vivos(n)[0]):
        proceso = Path(f"/proc/{pid}")
        grupo = de_la_orden if proceso.stat().st_uid == UID_ORDENES else de_root
        grupo.append((proceso / "environ").read_bytes())
    tarea.cancel()
    await asyncio.wait({tarea})
    assert b"canario" in de_la_orden[0]
    assert not any(b"canario" in entorno for entorno in de_root)


def _linaje(pid: int) -> list[int]:
    """Un proceso y sus antepasados hasta nosotros, sin nosotros."""
    linaje = []
    while pid not in {os.getpid(), 0, 1}:
        linaje.append(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return linaje


@pytest.mark.root
@solo_root
async def test_una_carpeta_bajo_otra_cerrada_sirve(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "secreto").write_text("x")
    await consola.ejecutar_comando_seguro("echo hola > a; mkdir b; cd b; echo $PWD > c", "a-1")
    orden = f'pwd; cat c ../a; echo x > "$HOME/d"; cd /; cd ~ && ls; ls {tmp_path}'
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    espacio = tmp_path / "espacios" / "a-1"
    assert resultado.salida.startswith(f"{espacio}/b\n{espacio}/b\nhola\n")
    assert "secreto" not in resultado.salida
    assert (espacio / "b/c").stat().st_uid == UID_ORDENES
    assert (tmp_path / "casas/a-1/d").read_text() == "x\n"


@pytest.mark.root
@solo_root
def test_un_root_sin_permiso_para_espacios_usa_landlock() -> None:
    """Como root dentro de un contenedor corriente."""
    orden = "id -u; setsid sleep 5 & (setsid sh -c 'sleep 5 &' &); sleep 0.2; echo hecho"
    with carpeta_para(0) as carpeta:
        carpeta.chmod(0o755)
        hijo = subprocess.run(
            [
                *("setpriv", "--bounding-set", "-sys_admin,-sys_ptrace"),
                *(sys.executable, "-B", HIJO, "auto", str(carpeta), orden),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert hijo.stderr == ""
    nombre, resultado = hijo.stdout.splitlines()
    assert nombre == "landlock"
    assert f'"salida":"{UID_ORDENES}\\nhecho"' in resultado


async def test_con_bwrap_solo_se_ven_los_procesos_propios(tmp_path: Path) -> None:
    orden = "ls /proc | grep -c '^[0-9]'; kill -9 1; kill -9 -1; echo no"
    async with abrir_consola(tmp_path, OpcionesConsola("bwrap")) as consola:
        resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    assert int(resultado.salida.split()[0]) < 8
    assert resultado.codigo == 0


def test_un_usuario_corriente_tambien_la_usa_sola(aislamiento: str) -> None:
    """El programa entero como otro usuario, sin root."""
    orden = "id -u; echo hola > f; cat f; setsid sleep 5 & true"
    with carpeta_para(UID_CORRIENTE) as carpeta:
        hijo = subprocess.run(
            [*python_para(UID_CORRIENTE), HIJO, aislamiento, str(carpeta), orden],
            capture_output=True,
            text=True,
            timeout=30,
            cwd="/",
            env={"PATH": os.environ["PATH"], "TMPDIR": str(carpeta)},
            check=False,
        )
        assert hijo.stderr == ""
        assert (carpeta / "espacios/agente-1/f").read_text() == "hola\n"
    nombre, resultado = hijo.stdout.splitlines()
    assert resultado == f'{{"salida":"{UID_CORRIENTE}\\nhola","error":"","codigo":0}}'
    assert nombre == aislamiento


async def test_un_aislamiento_que_no_existe_se_dice(tmp_path: Path) -> None:
    with pytest.raises(ErrorConsola, match="no existe el aislamiento «jaula»"):
        async with abrir_consola(tmp_path, OpcionesConsola("jaula")):
            pass
