"""`!orden`: por la consola del enjambre, con sus permisos y su fila, y en la historia de nadie."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.ajustes import RAIZ
from servicios.herramientas.orden_persona import SitioPersona
from tests.apoyo import consultar, conversar, delegar, doble_de, enjambre
from tests.consola.apoyo import hasta_que, vivos
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import llamar, texto
from tests.tortura.fotos import LANDLOCK, Fotografo, abierto, la_primera, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

_FILAS = "SELECT command, return_code, cierre FROM commands WHERE agente_id = 'usuario' ORDER BY id"


async def test_se_ejecuta_se_anota_y_no_lo_ve_ningun_modelo(tmp_path: Path) -> None:
    guion = Guion(
        {
            "Master": [delegar("x"), texto("va"), texto("fin")],
            "ejecutor-1": [llamar("reportar_resultado_final", {"resultado": "ok"})],
        }
    )
    async with (
        doble_de("openai", guion) as doble,
        enjambre(doble, tmp_path, proveedor="openai", **LANDLOCK) as sistema,
    ):
        resultado = await sistema.ordenes.ejecutar("export UNO=1; echo hola-persona; echo mal >&2")
        assert resultado.detalles["stdout"] == "hola-persona\n"
        assert resultado.detalles["stderr"] == "mal\n"
        sigue = await sistema.ordenes.ejecutar("echo $UNO")
        assert sigue.detalles["stdout"] == "1\n"
        falla = await sistema.ordenes.ejecutar("exit 3")
        assert falla.detalles["return_code"] == 3
        await conversar(sistema, "haz")
        vistas = [*doble.de("Master"), *doble.de("ejecutor-1")]
        assert not any("hola-persona" in p.todo_el_texto for p in vistas)
    assert [c for _, *c in consultar(tmp_path, _FILAS)] == [
        [0, "resultado"],
        [0, "resultado"],
        [3, "resultado"],
    ]


async def test_lo_prohibido_se_deniega_tambien_a_la_persona(tmp_path: Path) -> None:
    async with (
        doble_de("openai", Guion()) as doble,
        enjambre(doble, tmp_path, proveedor="openai", **LANDLOCK) as sistema,
    ):
        resultado = await sistema.ordenes.ejecutar("rm -rf /")
        assert resultado.detalles["permiso"] == "denegar"
    assert consultar(tmp_path, "SELECT agente_id FROM logs WHERE tipo = 'approval_decision'") == [
        ("usuario",)
    ]


async def test_cancelarla_la_mata_y_su_fila_lo_dice(tmp_path: Path) -> None:
    async with (
        doble_de("openai", Guion()) as doble,
        enjambre(doble, tmp_path, proveedor="openai", **LANDLOCK) as sistema,
    ):
        tarea = asyncio.create_task(sistema.ordenes.ejecutar("echo antes; sleep 300.471"))
        await hasta_que(lambda: bool(vivos("300.471")))
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tarea
        assert not vivos("300.471")
    assert consultar(tmp_path, _FILAS)[0][2] == "interrumpido"


_HIJO = """
import asyncio, sys
from pathlib import Path
from tests.tortura.fotos import abierto

async def correr() -> None:
    async with abierto(Path(sys.argv[1]), Path(sys.argv[2])) as sistema:
        await sistema.ordenes.ejecutar(sys.argv[3])

asyncio.run(correr())
"""


@pytest.mark.parametrize("sigue_viva", [True, False])
async def test_tras_un_kill_9_se_recupera_y_no_se_repite(tmp_path: Path, sigue_viva: bool) -> None:
    datos, siesta = tmp_path / "data", "1.2471"
    async with DobleOpenAI(Guion()) as doble:
        raiz = programa(tmp_path / "programa", doble)
        orden = f"echo uno; sleep {siesta}; echo dos"
        hijo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _HIJO, str(raiz), str(datos), orden), cwd=RAIZ
        )
        assert await hasta_que(lambda: bool(vivos(siesta)), 30)
        hijo.kill()
        await hijo.wait()
        if not sigue_viva:
            assert await hasta_que(lambda: not vivos(siesta), 10)
        async with abierto(raiz, datos, sesion_de(datos)):
            assert await hasta_que(lambda: consultar(tmp_path, _FILAS)[0][2] is not None, 10)
    assert consultar(tmp_path, _FILAS) == [(orden, 0, "recuperado")]
    salidas = consultar(tmp_path, "SELECT stdout FROM v_comandos WHERE agente_id = 'usuario'")
    assert salidas == [("uno\ndos\n",)]


async def test_la_que_no_llego_a_empezar_se_dice_una_vez_por_mas_que_se_reanude(
    tmp_path: Path,
) -> None:
    """Se copia el disco con su intención guardada y sin nada en marcha."""
    async with DobleOpenAI(Guion()) as doble:
        raiz, fotos = programa(tmp_path / "programa", doble), tmp_path / "fotos"
        fotos.mkdir()
        async with abierto(raiz, tmp_path / "viva") as sistema:
            fotografo = Fotografo(tmp_path / "viva", fotos)
            sistema.bus._suscritos.append(fotografo)
            await sistema.ordenes.ejecutar("echo hola")
        foto = la_primera(fotografo.fotos, lambda f: f.ultima.tipo == "tool_call_request")
        foto.datos.rename(tmp_path / "data")
        datos = tmp_path / "data"
        for _ in range(3):
            async with abierto(raiz, datos, sesion_de(datos)):
                assert await hasta_que(lambda: _cerrada(tmp_path), 10)
    assert consultar(tmp_path, "SELECT count(*) FROM logs WHERE tipo = 'system_error'") == [(0,)]
    intentos = "SELECT intento, cierre FROM commands WHERE agente_id = 'usuario' ORDER BY id"
    assert consultar(tmp_path, intentos) == [(1, None), (2, "resultado")]


def _cerrada(carpeta: Path) -> bool:
    return bool(consultar(carpeta, "SELECT 1 FROM commands WHERE cierre IS NOT NULL"))


class _Sitios:
    def __init__(self, *admitidos: Espacio) -> None:
        self._admitidos = admitidos

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        assert agente_id == "usuario"
        if perfil.espacio not in self._admitidos:
            raise ErrorConsola("consola: no se puede prestar")
        return "carpeta"


@pytest.mark.parametrize(
    ("admitidos", "elegido", "dicho"),
    [
        ([Espacio.PROYECTO, Espacio.SOLO_LECTURA, Espacio.PROPIO], Espacio.PROYECTO, "carpeta"),
        ([Espacio.SOLO_LECTURA, Espacio.PROPIO], Espacio.SOLO_LECTURA, "solo lectura"),
        ([Espacio.PROPIO], Espacio.PROPIO, "(consola: no se puede prestar)"),
    ],
)
def test_corre_en_la_carpeta_actual_si_se_puede(
    admitidos: list[Espacio], elegido: Espacio, dicho: str
) -> None:
    sitio = SitioPersona(_Sitios(*admitidos))
    assert sitio.perfil().espacio is elegido
    assert dicho in sitio.donde()
