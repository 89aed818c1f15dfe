"""Anotar: orden, causas, recibos, números de agente y texto raro."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora
from agentes.eventos import MASTER, SISTEMA, USUARIO, HechoAnotado, LineaUsuario
from servicios.gestor_logs import GestorLogs
from tests.registros.sesion_de_ejemplo import (
    apertura,
    bitacora,
    lanzado,
    pedida,
    preguntar,
    problema,
    terminada,
)


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "data" / "swarm.db"


async def test_esperar_el_recibo_es_tener_la_fila_en_el_disco(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        fila = await gestor.anotar(apertura())
        assert preguntar("SELECT id, tipo FROM logs", ruta) == [(fila, "system_init")]


async def test_el_orden_de_las_filas_y_del_anuncio_es_el_de_llegada(ruta: Path) -> None:
    hechos: list[HechoAnotado] = []
    async with bitacora(ruta, hechos=hechos) as gestor:
        recibos = [gestor.anotar(problema(f"a-{i % 7}", f"hecho {i}")) for i in range(1200)]
        ids = [await recibo for recibo in recibos]
    filas = preguntar("SELECT id, mensaje, timestamp FROM logs ORDER BY id", ruta)
    assert [texto for _, texto, _ in filas] == [f"hecho {i}" for i in range(1200)]
    assert ids == [fila for fila, _, _ in filas]
    assert [(h.id, h.evento.mensaje, h.timestamp) for h in hechos] == filas


async def test_se_anuncia_solo_lo_que_ya_esta_en_el_disco(ruta: Path) -> None:
    en_disco: list[int] = []

    def publicar(hecho: HechoAnotado) -> None:
        filas = preguntar("SELECT count(*) FROM logs WHERE id = ?", ruta, (hecho.id,))
        en_disco.append(filas[0][0])

    async with GestorLogs.abrir(ruta, sesion="s", publicar=publicar) as gestor:
        for i in range(5):
            gestor.anotar(problema("a-1", str(i)))
    assert en_disco == [1] * 5


async def test_cada_agente_lleva_su_cuenta_sin_huecos(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        for i in range(60):
            gestor.anotar(problema(f"a-{i % 3}"))
    filas = preguntar("SELECT agente_id, epoca, seq FROM logs ORDER BY id", ruta)
    for agente in ("a-0", "a-1", "a-2"):
        assert [s for a, _, s in filas if a == agente] == list(range(1, 21))
    assert {epoca for _, epoca, _ in filas} == {1}


async def test_reabrir_la_misma_sesion_sigue_la_cuenta(ruta: Path) -> None:
    for _ in range(2):
        async with bitacora(ruta) as gestor:
            gestor.anotar(problema("a-1"))
            gestor.anotar(problema("a-1"))
    assert preguntar("SELECT seq FROM logs ORDER BY id", ruta) == [(1,), (2,), (3,), (4,)]


async def test_la_causa_vale_aunque_este_en_el_mismo_lote_o_en_otro(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        abre = gestor.anotar(apertura())
        linea = gestor.anotar(LineaUsuario(agente_id=USUARIO, texto="hola"))
        mismo = gestor.anotar(problema("a-1"), linea)
        await mismo
        otro = gestor.anotar(problema("a-1"), linea)
        suelto = gestor.anotar(problema("a-1"))
        await suelto
        esperado = {
            abre.id: None,
            linea.id: None,
            mismo.id: linea.id,
            otro.id: linea.id,
            suelto.id: abre.id,
        }
    assert dict(preguntar("SELECT id, causa FROM logs", ruta)) == esperado


async def test_cancelar_a_quien_espera_no_pierde_la_fila(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        recibo = gestor.anotar(problema("a-1", "me cancelan"))

        async def esperar() -> int:
            return await recibo

        tarea = asyncio.create_task(esperar())
        await asyncio.sleep(0)
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tarea
        assert await recibo == recibo.id
    assert preguntar("SELECT mensaje FROM logs", ruta) == [("me cancelan",)]


async def test_cerrar_guarda_lo_que_quedaba_aunque_cancelen_el_cierre(ruta: Path) -> None:
    async def sesion() -> None:
        async with bitacora(ruta) as gestor:
            for i in range(3000):
                gestor.anotar(problema("a-1", str(i)))
            tarea = asyncio.current_task()
            assert tarea is not None
            asyncio.get_running_loop().call_soon(tarea.cancel)

    tarea = asyncio.create_task(sesion())
    with pytest.raises(asyncio.CancelledError):
        await tarea
    assert preguntar("SELECT count(*) FROM logs", ruta) == [(3000,)]


async def test_veinte_productores_a_la_vez(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:

        async def productor(numero: int) -> None:
            causa = None
            for i in range(50):
                causa = gestor.anotar(problema(f"a-{numero}", str(i)), causa)
                await causa

        async with asyncio.TaskGroup() as grupo:
            for numero in range(20):
                grupo.create_task(productor(numero))
    filas = preguntar("SELECT agente_id, mensaje, id, causa FROM logs ORDER BY id", ruta)
    for numero in range(20):
        suyas = [f for f in filas if f[0] == f"a-{numero}"]
        assert [f[1] for f in suyas] == [str(i) for i in range(50)]
        assert [f[3] for f in suyas[1:]] == [f[2] for f in suyas[:-1]]


async def test_los_numeros_crecen_entre_sesiones_y_no_se_repiten(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        dados = await asyncio.gather(*(gestor.siguiente_numero("ejecutor") for _ in range(30)))
        assert sorted(dados) == list(range(1, 31))
        assert await gestor.siguiente_numero("otro") == 1
    async with bitacora(ruta, "s-2") as gestor:
        assert await gestor.siguiente_numero("ejecutor") == 31


async def test_la_misma_intencion_dos_veces_se_rechaza_y_lo_demas_se_guarda(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        primera = gestor.anotar(pedida("a-1", "op-1", "echo uno"))
        repetida = gestor.anotar(pedida("a-1", "op-1", "echo otra vez"))
        hija = gestor.anotar(problema("a-1", "después"), repetida)
        segunda = gestor.anotar(pedida("a-1", "op-1", "echo uno", intento=2))
        await primera
        with pytest.raises(ErrorBitacora, match="rechazó un «tool_call_request» de a-1"):
            await repetida
        await hija
        await segunda
        assert not gestor.fallo.done()
    tipos = preguntar("SELECT tipo, seq FROM logs WHERE agente_id = 'a-1' ORDER BY id", ruta)
    assert tipos == [("tool_call_request", 1), ("agent_problem", 2), ("tool_call_request", 3)]
    assert preguntar("SELECT count(*) FROM logs WHERE tipo = 'system_error'", ruta) == [(1,)]


@pytest.mark.parametrize("aparte", [False, True], ids=["mismo lote", "otro lote"])
async def test_una_intencion_tiene_un_solo_cierre(ruta: Path, aparte: bool) -> None:
    async with bitacora(ruta) as gestor:
        peticion = gestor.anotar(pedida("a-1", "op", "x"))
        bueno = gestor.anotar(terminada("a-1", "op", {"command": "x", "return_code": 0}), peticion)
        if aparte:
            await bueno
        otro = gestor.anotar(terminada("a-1", "op", {"command": "x", "return_code": 1}), peticion)
        with pytest.raises(ErrorBitacora, match="ya tiene su cierre"):
            await otro
    assert preguntar("SELECT return_code, fila_cierre FROM commands", ruta) == [(0, bueno.id)]
    cierres = preguntar("SELECT id FROM logs WHERE tipo = 'tool_execution'", ruta)
    assert cierres == [(bueno.id,)]


async def test_despues_de_cerrar_no_se_anota(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        pass
    with pytest.raises(ErrorBitacora, match="cerrada"):
        gestor.anotar(apertura())
    with pytest.raises(ErrorBitacora, match="cerrada"):
        await gestor.siguiente_numero("ejecutor")


RAROS = {
    "nul": "a\0b",
    "sustituto": "a\udc80b",
    "astral": "🐝 ñ",
    "vacio": "",
    "comillas": "'; DROP TABLE logs; --",
}


@pytest.mark.parametrize("clave", RAROS)
async def test_el_texto_raro_entra_en_todas_las_columnas(ruta: Path, clave: str) -> None:
    texto = RAROS[clave]
    limpio = {"nul": "ab", "sustituto": "a\\udc80b"}.get(clave, texto)
    agente = f"a{texto}-1"
    async with bitacora(ruta) as gestor:
        gestor.anotar(lanzado(agente))
        gestor.anotar(pedida(agente, f"op{texto}", f"echo {texto}"))
        await gestor.anotar(problema(agente, texto))
        assert await gestor.siguiente_numero(texto) == 1
    fila = preguntar("SELECT agente_id, mensaje, details FROM logs ORDER BY id DESC LIMIT 1", ruta)
    assert fila[0][:2] == (f"a{limpio}-1", limpio)
    assert json.loads(fila[0][2]) == {"descripcion": limpio}
    assert preguntar("SELECT agent_id FROM agent_runs", ruta) == [(f"a{limpio}-1",)]
    assert preguntar("SELECT command FROM v_comandos", ruta) == [(f"echo {limpio}",)]


async def test_los_valores_raros_no_tiran_nada(ruta: Path) -> None:
    circular: dict[str, object] = {}
    circular["yo"] = circular
    resultado = {
        "command": "x",
        "stdout": b"\xff\x00",
        "stderr": "\ud800",
        "return_code": 2**70,
        "circular": circular,
        "clave\0": {1: {2}},
        "nan": float("nan"),
        "camino": Path("/tmp"),
    }
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura())
        peticion = gestor.anotar(pedida("a-1", "op", "x"))
        await gestor.anotar(terminada("a-1", "op", resultado), peticion)
    detalles = json.loads(
        preguntar("SELECT details FROM logs ORDER BY id DESC LIMIT 1", ruta)[0][0]
    )
    assert detalles["stdout"] == "b'\\xff\\x00'"
    assert detalles["return_code"] == hex(2**70)
    assert detalles["clave"] == {"1": [2]}
    assert detalles["camino"] == "/tmp"
    assert preguntar("SELECT return_code FROM commands", ruta) == [(None,)]


async def test_los_detalles_son_los_del_momento_de_anotar(ruta: Path) -> None:
    argumentos = {"command": "echo antes"}
    evento = pedida("a-1", "op", "")
    evento.args.update(argumentos)
    async with bitacora(ruta) as gestor:
        recibo = gestor.anotar(evento)
        evento.args["command"] = "echo después"
        await recibo
    detalles = preguntar("SELECT json_extract(details, '$.args.command') FROM logs", ruta)
    assert detalles == [("echo antes",)]


async def test_el_sistema_y_la_persona_tambien_estan_en_agentes(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura())
        gestor.anotar(LineaUsuario(agente_id=USUARIO, texto="hola"))
        gestor.anotar(lanzado("ejecutor-1"))
    filas = preguntar("SELECT agente_id, clase FROM agentes ORDER BY agente_id", ruta)
    assert filas == [
        ("ejecutor-1", "agente"),
        (MASTER, "master"),
        (SISTEMA, "sistema"),
        (USUARIO, "usuario"),
    ]
    assert preguntar("PRAGMA foreign_key_check", ruta) == []
