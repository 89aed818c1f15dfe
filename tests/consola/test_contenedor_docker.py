"""El encierro docker, con un demonio de verdad: ataques, límites y que no quede nadie."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola, Red
from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from servicios.consola.aislamientos.contenedor import Contenedor, Topes
from servicios.consola.entorno import entorno_de_orden
from servicios.consola.pedido import Limites, MotivoFin, Pedido
from servicios.consola.plaza import Plaza
from servicios.consola.supervision.lanzador import Lanzador
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.apoyo_docker import BASE, Prestado, demonio_prestado
from tests.consola import ataques
from tests.consola.apoyo import en, hasta_que, sueno, vivos
from tests.consola.apoyo_contenedor import SitioDocker, enjambre_aparte
from tests.consola.apoyo_plazas import PROPIO, PROYECTO, USUARIOS, sitio

pytestmark = pytest.mark.docker

_MIB = 1024 * 1024
EN_EL_PROYECTO = PerfilConsola(espacio=Espacio.PROYECTO)


@pytest.fixture(scope="module")
def docker(request: pytest.FixtureRequest) -> Iterator[Prestado]:
    """El demonio, elegido por el entorno; al acabar no quedan contenedores."""
    demonio = demonio_prestado(request.config)
    with pytest.MonkeyPatch.context() as entorno:
        entorno.setenv("DOCKER_HOST", demonio.direccion)
        yield demonio
        assert demonio.pedir("ps", "--all", "--quiet").stdout == ""


@pytest.fixture(scope="module")
async def consola(
    docker: Prestado, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EjecutorConsola]:
    """Una consola para todas; `proyecto` es la carpeta que presta."""
    base = tmp_path_factory.mktemp("consola")
    (base / "proyecto").mkdir()
    os.chown(base / "proyecto", UID_ORDENES, UID_ORDENES)
    opciones = OpcionesConsola("docker", base / "proyecto", imagen=BASE)
    async with abrir_consola(base / "data", opciones) as abierta:
        yield abierta


@pytest.fixture(params=list(USUARIOS))
def lugar(request: pytest.FixtureRequest, docker: Prestado) -> Iterator[SitioDocker]:
    """Un sitio para cada usuario con que puede correr el enjambre."""
    enchufe = Path(docker.direccion.removeprefix("unix://"))
    uid = USUARIOS[request.param]
    os.chown(enchufe, uid, 0)
    enchufe.parent.chmod(0o711)
    with sitio("docker", uid) as nuevo:
        yield SitioDocker(nuevo.base, nuevo.uid, nuevo.aislamiento, docker.direccion)


# --- Los ataques ------------------------------------------------------------------------


def test_ningun_secreto_se_lee(lugar: SitioDocker) -> None:
    ataques.comprobar_lecturas(lugar, PROPIO if lugar.uid else PROYECTO)


def test_nada_se_escribe_fuera(lugar: SitioDocker) -> None:
    ataques.comprobar_escrituras(lugar, PROPIO)


@pytest.mark.parametrize("lugar", ["root"], indirect=True)
def test_ni_procesos_ni_red_ni_sistema(lugar: SitioDocker) -> None:
    ataques.comprobar_procesos(lugar)
    ataques.comprobar_red(lugar)
    # Un socket de Unix sí se puede abrir, pero ahí dentro no hay ninguno al que llegar.
    ordenes = [o for nombre, o in ataques.PROHIBIDAS.items() if nombre != "socket de Unix"]
    for orden, dejado in zip(ordenes, lugar.correr(*ordenes), strict=True):
        assert dejado.codigo != 0, orden


async def test_el_complemento_de_docker_que_deja_un_agente_no_se_ejecuta(
    consola: EjecutorConsola,
) -> None:
    await consola.ejecutar_comando_seguro("mkdir ~/.docker; echo malo > ~/.docker/config.json", "p")
    resultado = await consola.ejecutar_comando_seguro("echo bien", "p")
    assert (resultado.salida, resultado.error) == ("bien\n", "")


async def test_lo_oculto_que_se_sustituye_sigue_oculto(consola: EjecutorConsola) -> None:
    """Un editor guarda con otro archivo: lo montado encima del viejo ya no tapa el nuevo."""
    sitio = await consola.ejecutar_comando_seguro("pwd; touch .env", "s", EN_EL_PROYECTO)
    secreto = Path(sitio.salida.strip(), ".env")
    for texto in ("canario-1", "canario-2"):
        secreto.with_name("nuevo").write_text(texto)
        secreto.with_name("nuevo").replace(secreto)
        leido = await consola.ejecutar_comando_seguro("cat .env nuevo", "s", EN_EL_PROYECTO)
        assert "canario" not in leido.salida
        assert leido.codigo == 1


# --- Una orden corriente ----------------------------------------------------------------


async def test_una_orden_es_un_bash_como_los_demas(consola: EjecutorConsola) -> None:
    primera = await consola.ejecutar_comando_seguro(
        "id -u; echo queja >&2; mkdir d; cd d; export A='x y'; kill -9 $$", "c"
    )
    assert (primera.salida, primera.error) == (f"{UID_ORDENES}\n", "queja\n")
    assert (primera.codigo, primera.motivo) == (137, MotivoFin.OK)
    await consola.ejecutar_comando_seguro("cd d; export A=$'x\\ny'; exit 3", "c")
    segunda = await consola.ejecutar_comando_seguro('basename "$PWD"; echo "$A"; env', "c")
    carpeta, *valor = segunda.salida.splitlines()[:3]
    assert (carpeta, valor) == ("d", ["x", "y"])
    nombres = {linea.split("=")[0] for linea in segunda.salida.splitlines()[3:] if "=" in linea}
    assert {"PATH", "HOME", "PWD", "TERM", "CI", "SHLVL"} <= nombres
    assert not {n for n in nombres if "KEY" in n or n.startswith(("DOCKER", "ENJAMBRE"))}


async def test_los_limites_se_cumplen_y_la_orden_siguiente_corre(
    consola: EjecutorConsola,
) -> None:
    memoria = "python3 -c \"b'x' * (3 << 30)\""
    resultado = await consola.ejecutar_comando_seguro(memoria, "l")
    assert resultado.codigo == 137
    assert "límite de memoria" in resultado.error
    bomba = await consola.ejecutar_comando_seguro("f() { f | f & }; f; sleep 9", "l", en(1.5))
    assert bomba.motivo is MotivoFin.TIEMPO
    orden = "head -c 300M /dev/zero > g; du -m g; head -c 200M /dev/zero > /tmp/g; du -m /tmp/g"
    disco = await consola.ejecutar_comando_seguro(orden, "l")
    propio, temporal = disco.salida.splitlines()
    assert (propio, temporal) == ("256\tg", "64\t/tmp/g")


# --- No queda nadie ---------------------------------------------------------------------


async def test_lo_que_sigue_en_segundo_plano_muere_con_la_orden(consola: EjecutorConsola) -> None:
    suenos = [sueno() for _ in range(3)]
    orden = "sleep {} & (setsid sleep {} &); (env -i setsid bash -c 'sleep {} & disown' &); echo hi"
    inicio = time.monotonic()
    resultado = await consola.ejecutar_comando_seguro(orden.format(*suenos), "f")
    assert (resultado.salida, resultado.motivo) == ("hi\n", MotivoFin.OK)
    assert time.monotonic() - inicio < 5
    assert [vivos(s) for s in suenos] == [[], [], []]


async def test_el_plazo_mata_aunque_se_resistan(consola: EjecutorConsola) -> None:
    uno, otro = sueno(), sueno()
    orden = f"trap '' TERM INT HUP; setsid bash -c 'trap \"\" TERM; sleep {uno}' & sleep {otro}"
    resultado = await consola.ejecutar_comando_seguro(orden, "f", en(1.0))
    assert resultado.motivo is MotivoFin.TIEMPO
    assert (vivos(uno), vivos(otro)) == ([], [])


@pytest.mark.parametrize("espera", [0.0, 0.03, 0.06, 0.09, 0.3])
async def test_cancelar_no_deja_nada(consola: EjecutorConsola, espera: float) -> None:
    """También si el demonio aún no había llegado a empezarla."""
    await consola.ejecutar_comando_seguro("true", "f")
    uno = sueno()
    tarea = asyncio.create_task(
        consola.ejecutar_comando_seguro(f"setsid sleep {uno} & sleep {uno}", "f")
    )
    await asyncio.sleep(espera)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea
    await asyncio.sleep(0.2)
    assert vivos(uno) == []


async def test_un_trabajo_sigue_mientras_el_agente_hace_otra_cosa(consola: EjecutorConsola) -> None:
    uno = sueno()
    await consola.ejecutar_comando_seguro("true", "t")
    trabajo = await consola.trabajos.iniciar(f"sleep {uno} & wait", "t", PerfilConsola())
    assert await hasta_que(lambda: bool(vivos(uno)))
    otra = await consola.ejecutar_comando_seguro("sleep 98 & echo otra", "t")
    assert otra.salida == "otra\n"
    assert vivos(uno)
    await consola.trabajos.parar(trabajo, "t")
    assert vivos(uno) == []


async def test_sin_su_contenedor_se_hace_otro(consola: EjecutorConsola, docker: Prestado) -> None:
    antes = await consola.ejecutar_comando_seguro("echo x > f; kill -9 -1; echo sigo", "r")
    assert antes.salida == "sigo\n"
    docker.pedir("kill", *_contenedores(docker, "enjambre-r-"))
    assert (await consola.ejecutar_comando_seguro("cat f", "r")).salida == "x\n"
    consola.olvidar("r")
    assert await hasta_que(lambda: not _contenedores(docker, "enjambre-r-"))


@pytest.mark.parametrize("lugar", ["root"], indirect=True)
async def test_de_un_enjambre_muerto_no_queda_nada(lugar: SitioDocker, docker: Prestado) -> None:
    """Su orden acaba en su plazo y el siguiente enjambre barre el contenedor vacío."""
    uno = sueno()
    orden = {"agente": "m-1", "perfil": {}, "command": f"setsid sleep {uno} & wait", "limite": 3.0}
    hijo = await asyncio.to_thread(enjambre_aparte, lugar, [orden])
    assert await hasta_que(lambda: bool(vivos(uno)), 20)
    hijo.send_signal(signal.SIGKILL)
    await asyncio.to_thread(hijo.communicate)
    assert vivos(uno)
    assert await hasta_que(lambda: not vivos(uno), 10)
    assert _contenedores(docker, "enjambre-m-1-")
    nuevo = await Contenedor.abrir(BASE, UID_ORDENES)
    await nuevo.cerrar()
    assert _contenedores(docker, "enjambre-m-1-") == []


async def test_un_contenedor_ocioso_acaba_solo(docker: Prestado, tmp_path: Path) -> None:
    ocioso = await Contenedor.abrir(BASE, UID_ORDENES, topes=Topes(ocio_s=2))
    await ocioso.encerrar(Plaza("o", tmp_path, tmp_path, (tmp_path,)))
    assert _contenedores(docker, "enjambre-o-")
    assert await hasta_que(lambda: not _contenedores(docker, "enjambre-o-"), 10)
    await ocioso.cerrar()


def _contenedores(docker: Prestado, prefijo: str) -> list[str]:
    nombres = docker.pedir("ps", "--all", "--format", "{{.Names}}").stdout.split()
    return [nombre for nombre in nombres if nombre.startswith(prefijo)]


# --- La red por lista -------------------------------------------------------------------


async def test_con_red_por_lista_se_llega_al_proxy_y_a_nada_mas(
    docker: Prestado, tmp_path: Path
) -> None:
    os.chown(tmp_path, UID_ORDENES, UID_ORDENES)
    aislamiento = await Contenedor.abrir(BASE, UID_ORDENES)
    enchufe = tmp_path / "p.s"
    orden = "read l <>/dev/tcp/127.0.0.1/3128; echo $l; echo x >/dev/tcp/1.1.1.1/443 && echo sali"
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.bind(str(enchufe))
        os.chown(enchufe, UID_ORDENES, -1)
        proxy.listen()
        proxy.settimeout(10)
        hilo = threading.Thread(target=_saludar, args=(proxy,))
        hilo.start()
        plaza = Plaza("n", tmp_path, tmp_path, (tmp_path,), red=Red.LISTA, enchufe=enchufe)
        pedido = Pedido(
            orden=("bash", "-c", orden),
            carpeta=str(tmp_path),
            entorno=entorno_de_orden(tmp_path, tmp_path),
            limites=Limites(10, 9_999, _MIB, 1024 * _MIB, 128, _MIB, _MIB),
            encierro=await aislamiento.encerrar(plaza),
        )
        async with Lanzador.abrir(tmp_path / "ops") as lanzador:
            informe = await lanzador.correr(pedido)
        hilo.join()
    await aislamiento.cerrar()
    assert informe.salida == "hola\n"
    assert "unreachable" in informe.error


def _saludar(proxy: socket.socket) -> None:
    conexion, _ = proxy.accept()
    with conexion:
        conexion.send(b"hola\n")


# --- Lo que se dice cuando no puede ser -------------------------------------------------


@pytest.mark.parametrize(
    ("direccion", "imagen", "dice"),
    [
        ("unix:///nada.sock", BASE, "el demonio dice «.*nada.sock"),
        ("tcp://10.0.0.1:2375", BASE, "se prestan a uno de esta máquina"),
        (None, "no-existe:1", "docker pull no-existe:1"),
    ],
)
async def test_la_causa_y_el_remedio_caben_en_una_linea(
    docker: Prestado,
    monkeypatch: pytest.MonkeyPatch,
    direccion: str | None,
    imagen: str,
    dice: str,
) -> None:
    if direccion is not None:
        monkeypatch.setenv("DOCKER_HOST", direccion)
    with pytest.raises(ErrorConsola, match=f"consola: .*{dice}.*") as error:
        await Contenedor.abrir(imagen, UID_ORDENES)
    assert "\n" not in str(error.value)
