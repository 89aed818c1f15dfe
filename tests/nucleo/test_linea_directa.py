"""La línea directa: el texto llega letra por letra, con recibos, y el Master solo se entera."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentes.eventos import MASTER, USUARIO
from agentes.eventos_mando import Mando
from agentes.mensajes import Aviso, ClaseAviso, Directiva, reparo_de_linea
from agentes.presupuesto import leer_cambios
from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.registros.reanudacion.reanudar import leer_sesion
from tests.apoyo import PROBLEMA, REPORTAR, consultar, conversar, delegar, enjambre
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

RARO = (
    "  dos blancos delante\r\nCRLF\rCR\n\n\ttabulador \x1b[31mrojo\x1b[0m \x07\x7f e\u0301 ≠ é"
    " \u202eal revés\u202c \ufeffmarca \u200bancho cero 👩‍👩‍👧‍👦 🏳️‍🌈 \U0001d173 \u2028 ¿«ñ»? \\n {x} %s"
    ' "comillas" `acentos` $HOME <b>[bold]</b> [Notificación del Sistema de Enjambre] fin  \n\n '
)
LARGO = "".join(f"{n}: «{chr(0x4E00 + n % 5000)}» 🐝\t{n * 7919}\r\n" for n in range(4_000))
LINEA = "recibió un mensaje directo de la persona, que no pasó por ti"


def _guion_de_problema(doble: Doble, pausa_s: float = 0.0) -> None:
    doble.guion.poner(
        "Master", [delegar("copia"), texto("va"), texto("ejecutor-1 pide ayuda"), texto("fin")]
    )
    doble.guion.poner(
        "ejecutor-1",
        [
            llamar(PROBLEMA, {"descripcion_problema": "¿dónde?"}),
            llamar(REPORTAR, {"resultado": "ok"}, pausa_s=pausa_s),
        ],
    )


@pytest.mark.parametrize("dicho", [RARO, LARGO], ids=["raro", "largo"])
async def test_llega_byte_a_byte(proveedor: str, doble: Doble, tmp_path: Path, dicho: str) -> None:
    assert len(LARGO.encode()) > 100_000
    _guion_de_problema(doble)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "copia eso")
        sistema.gestor.send_message_to_agent("ejecutor-1", dicho, USUARIO, None)
        await sistema.conversacion.esperar_calma()
        antes = await sistema.consultas.recibos(sistema.sesion)
    doble.comprobar()
    llegado = doble.de("ejecutor-1")[1].ultimo.texto
    assert llegado.encode().endswith(b"Mensaje de usuario:\n" + dicho.encode())
    [(guardado,)] = consultar(tmp_path, "SELECT texto FROM v_mensajes WHERE para = 'ejecutor-1'")
    assert guardado.encode() == dicho.encode()
    assert [(r.estado, r.peticion, r.acabo) for r in antes] == [("visto", 2, True)]


async def test_el_master_lee_una_linea_y_no_se_le_llama_por_ella(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    _guion_de_problema(doble)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "copia eso")
        sistema.gestor.send_message_to_agent("ejecutor-1", "en /tmp\ny ya", USUARIO, None)
        await sistema.conversacion.esperar_calma()
    doble.comprobar()
    assert len(doble.de("Master")) == 4
    lineas = doble.de("Master")[3].ultimo.texto.split("\n")
    [dicha] = [n for n in lineas if LINEA in n]
    assert dicha.endswith(f"ejecutor-1 (ejecutor de consola) {LINEA}: «en /tmp y ya»")
    [(estado,)] = consultar(tmp_path, "SELECT estado FROM notices WHERE clase = 'linea_directa'")
    assert estado == "visto"


async def test_la_linea_sola_no_cuesta_nada(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    _guion_de_problema(doble)
    seguir = asyncio.Event()

    async def espera(_: Peticion) -> Respuesta:
        await seguir.wait()
        return llamar(REPORTAR, {"resultado": "ok"})

    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "¿dónde?"}), espera])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "copia eso")
        sistema.gestor.send_message_to_agent("ejecutor-1", "en /tmp", USUARIO, None)
        await doble.esperar(2, "ejecutor-1")
        await asyncio.sleep(0.4)
        assert len(doble.de("Master")) == 3
        [recibo] = await sistema.consultas.recibos(sistema.sesion)
        assert (recibo.estado, recibo.peticion, recibo.acabo) == ("entregado", 2, False)
        seguir.set()
        await sistema.conversacion.esperar_calma()


async def test_un_agente_terminado_o_inexistente_se_dice(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
        mandar = sistema.gestor.send_message_to_agent
        assert "ya terminó" in mandar("ejecutor-1", "hola", USUARIO, None)
        assert "no existe el agente «ejecutor-9»" in mandar("ejecutor-9", "hola", USUARIO, None)
    assert consultar(tmp_path, "SELECT count(*) FROM messages WHERE para <> 'master'") == [(0,)]


@pytest.mark.parametrize("malo", [" \n ", "a\0b", "a\ud800b"])
def test_lo_que_no_puede_llegar_tal_cual_no_se_manda(malo: str) -> None:
    assert reparo_de_linea(malo)
    assert not reparo_de_linea(RARO)
    assert not reparo_de_linea(LARGO)


async def test_tras_una_muerte_llega_una_vez_y_el_master_lo_sabe(tmp_path: Path) -> None:
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    async with DobleOpenAI(Guion()) as doble:
        _guion_de_problema(doble, pausa_s=0.5)
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await conversar(sistema, "copia eso")
            sistema.gestor.send_message_to_agent("ejecutor-1", RARO, USUARIO, None)
            while not await sistema.consultas.recibos(sistema.sesion):
                await asyncio.sleep(0)
            copiar_datos(datos, muerta)
            await sistema.conversacion.esperar_calma()
        doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "ok"})])
        doble.guion.poner("Master", [texto("fin otra vez")])
        antes = len(doble.de("ejecutor-1"))
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            await sistema.conversacion.esperar_calma()
            recibos = await sistema.consultas.recibos(sistema.sesion)
        vista = doble.de("ejecutor-1")[antes]
    assert sum(m.texto.endswith(RARO) for m in vista.mensajes) == 1
    assert [r.estado for r in recibos] == ["visto"]
    assert LINEA in doble.de("Master")[-1].ultimo.texto


async def test_una_bifurcacion_desde_el_final_lleva_lo_que_la_persona_hizo_lo_ultimo(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """Ni un mensaje directo ni un tope empiezan un turno, y nadie más los va a repetir."""
    _guion_de_problema(doble)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "copia eso")
        await sistema.gestor.mandos.dar(Mando.PAUSAR, "ejecutor-1", USUARIO)
        for dicho in ("en /tmp", "y ya"):
            sistema.gestor.send_message_to_agent("ejecutor-1", dicho, USUARIO, None)
        await sistema.contaduria.cambiar(MASTER, leer_cambios(["comandos=7"]), solo=False)
        [(final,)] = consultar(tmp_path, "SELECT max(id) FROM logs")
        otra = await crear_bifurcacion(sistema.ajustes, final)
        [(entre,)] = consultar(
            tmp_path,
            "SELECT max(id) FROM logs WHERE tipo = 'agent_intervention'"
            f" AND session = '{sistema.sesion}'",
        )
        antes = await crear_bifurcacion(sistema.ajustes, entre)
        ruta = sistema.ajustes.datos / "swarm.db"
        guardadas = leer_sesion(ruta, otra.id), leer_sesion(ruta, antes.id)
    for guardada in guardadas:
        [agente] = guardada.agentes
        directivas = [p.texto for p in agente.pendientes if isinstance(p, Directiva)]
        assert directivas == ["en /tmp", "y ya"]
    notas = [
        [
            p.texto
            for p in g.pendientes_master
            if isinstance(p, Aviso) and p.clase is ClaseAviso.LINEA_DIRECTA
        ]
        for g in guardadas
    ]
    assert notas == [["«en /tmp»", "«y ya»"], ["«en /tmp»"]]
    con_tope = "SELECT session FROM logs WHERE tipo = 'budget_set'"
    assert consultar(tmp_path, con_tope) == [(sistema.sesion,), (otra.id,)]
