"""Las averías de un proveedor, con los clientes de verdad: reintento justo o una línea clara.

En todas: la historia sigue valiendo (el doble es estricto), nada cortado se ejecuta y nadie ve
una traza.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentes.eventos import FalloMaster, HechoAnotado, TextoDescartado
from agentes.eventos_llamada import LlamadaReintentada
from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.respuestas import llamada, llamar, respuesta, texto

RAPIDO = {"ENJAMBRE_SILENCIO_S": "1", "ENJAMBRE_REINTENTOS": "2"}

PASAJEROS = [
    "500",
    "503",
    "reinicio",
    "reinicio_a_mitad",
    "fin_limpio_a_mitad",
    "error_en_flujo",
    "silencio",
    "respuesta_vacia",
    "basura_html",
]


@pytest.mark.parametrize("averia", PASAJEROS)
async def test_un_fallo_pasajero_se_reintenta_a_la_vista(
    proveedor: str, doble: Doble, tmp_path: Path, averia: str
) -> None:
    doble.guion.poner("Master", [fallo(averia), texto("al segundo intento"), texto("y sigue")])
    async with enjambre(doble, tmp_path, proveedor=proveedor, **RAPIDO) as sistema:
        with sistema.bus.suscribir() as oidos:
            assert await conversar(sistema, "hola") == "al segundo intento"
            oido = oidos.pendientes()
        assert await conversar(sistema, "¿sigues?") == "y sigue"
    doble.comprobar()
    reintentos = [
        h.evento
        for h in oido
        if isinstance(h, HechoAnotado) and isinstance(h.evento, LlamadaReintentada)
    ]
    assert len(reintentos) == 1
    assert reintentos[0].espera_s > 0
    assert "\n" not in reintentos[0].error
    if averia in {"reinicio_a_mitad", "fin_limpio_a_mitad", "error_en_flujo"}:
        assert any(isinstance(h, TextoDescartado) for h in oido)


async def test_un_429_espera_lo_que_pide_el_servidor(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [fallo("429", retry_after=2), texto("ya")])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "hola") == "ya"
    primera, segunda = doble.peticiones
    assert 1.9 <= segunda.llegada - primera.llegada < 4


@pytest.mark.parametrize("averia", ["500", "silencio", "fin_limpio_a_mitad", "respuesta_vacia"])
async def test_agotados_los_intentos_hay_una_linea_y_la_conversacion_sigue(
    proveedor: str, doble: Doble, tmp_path: Path, averia: str
) -> None:
    doble.guion.poner("Master", [fallo(averia)] * 3 + [texto("recuperado")])
    async with enjambre(doble, tmp_path, proveedor=proveedor, **RAPIDO) as sistema:
        with sistema.bus.suscribir() as oidos:
            await conversar(sistema, "hola")
            fallos = [
                h.evento
                for h in oidos.pendientes()
                if isinstance(h, HechoAnotado) and isinstance(h.evento, FalloMaster)
            ]
        assert len(fallos) == 1
        assert "\n" not in fallos[0].error
        assert "Traceback" not in fallos[0].error
        assert sistema.conversacion.ultimo_error is not None
        assert await conversar(sistema, "¿ahora?") == "recuperado"
    doble.comprobar()


@pytest.mark.parametrize("averia", ["401", "contexto", "filtro", "filtro_peticion"])
async def test_lo_que_no_se_arregla_reintentando_no_se_reintenta(
    proveedor: str, doble: Doble, tmp_path: Path, averia: str
) -> None:
    doble.guion.poner("Master", [fallo(averia), texto("otra cosa sí")])
    async with enjambre(doble, tmp_path, proveedor=proveedor, **RAPIDO) as sistema:
        await conversar(sistema, "hola")
        error = sistema.conversacion.ultimo_error
        assert error is not None
        assert "\n" not in str(error)
        assert len(doble.peticiones) == 1
        assert await conversar(sistema, "otra") == "otra cosa sí"
    doble.comprobar()


NO_EJECUTABLES = [
    "argumentos_cortados_longitud",
    "argumentos_cortados_completos",
    "json_malformado",
    "argumentos_texto",
    "argumentos_lista",
    "argumentos_numero",
    "argumentos_vacios",
    "herramienta_desconocida",
]


@pytest.mark.parametrize("averia", NO_EJECUTABLES)
async def test_una_llamada_que_no_vale_se_explica_y_no_se_ejecuta(
    proveedor: str, doble: Doble, tmp_path: Path, averia: str
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [fallo(averia), llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor, **RAPIDO) as sistema:
        assert await conversar(sistema, "x") == "fin"
    doble.comprobar()
    assert consultar(tmp_path, "SELECT * FROM v_comandos") == []
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("completed",)]
    ultimo = doble.de("ejecutor-1")[1].ultimo
    if ultimo.rol == "tool":
        assert "Error" in ultimo.texto


@pytest.mark.parametrize("averia", ["ids_repetidos", "sin_ids", "mismo_indice"])
async def test_ids_descuidados_no_pierden_ninguna_llamada(
    proveedor: str, doble: Doble, tmp_path: Path, averia: str
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [fallo(averia), llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "x") == "fin"
    doble.comprobar()
    ordenes = consultar(tmp_path, "SELECT command, return_code FROM v_comandos ORDER BY fila")
    assert ordenes == [("echo una", 0), ("echo dos", 0)]


async def test_un_corte_en_medio_de_los_argumentos_se_repite_entero(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner(
        "ejecutor-1",
        [
            fallo("fin_limpio_en_argumentos"),
            llamar(CONSOLA, {"command": "echo entera"}),
            llamar(REPORTAR, {"resultado": "ok"}),
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert consultar(tmp_path, "SELECT command FROM v_comandos") == [("echo entera",)]


async def test_un_agente_sin_modelo_falla_y_el_master_lo_sabe(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("falló, lo siento")])
    doble.guion.poner("ejecutor-1", [fallo("500")] * 3)
    async with enjambre(doble, tmp_path, proveedor=proveedor, **RAPIDO) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert "ejecutor-1 (ejecutor de consola) falló" in doble.de("Master")[2].ultimo.texto
    estado, error = consultar(tmp_path, "SELECT status, error FROM agent_runs")[0]
    assert estado == "failed"
    assert "el modelo no respondió" in error


async def test_el_texto_suelto_se_recuerda_una_vez_y_luego_es_el_resultado(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [texto("creo que ya está"), texto("está: 42")])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert "reportar_resultado_final" in doble.de("ejecutor-1")[1].ultimo.texto
    assert consultar(tmp_path, "SELECT status, result FROM agent_runs") == [
        ("completed", "está: 42")
    ]


async def test_quien_no_termina_se_para_en_su_limite_y_el_master_lo_sabe(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    terco = tipo("terco", max_iterations=3)
    doble.guion.poner("Master", [delegar("x", tipo="terco"), texto("va"), texto("se pasó")])
    doble.guion.poner("terco-1", [llamar(CONSOLA, {"command": f"echo {n}"}) for n in range(3)])
    async with enjambre(doble, tmp_path, terco, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert "llegó a su límite de pasos" in doble.de("Master")[2].ultimo.texto
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("max_iterations",)]


async def test_una_herramienta_que_no_es_suya_recibe_un_error(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    manco = tipo("manco", available_tools=[REPORTAR])
    doble.guion.poner("Master", [delegar("x", tipo="manco"), texto("va"), texto("fin")])
    doble.guion.poner(
        "manco-1",
        [llamar(CONSOLA, {"command": "ls"}), llamar(REPORTAR, {"resultado": "no pude"})],
    )
    async with enjambre(doble, tmp_path, manco, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert "no tienes la herramienta" in doble.de("manco-1")[1].ultimo.texto
    assert consultar(tmp_path, "SELECT * FROM v_comandos") == []


async def test_lo_que_va_detras_del_reporte_no_se_ejecuta(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner(
        "ejecutor-1",
        [
            respuesta(
                llamadas=[
                    llamada(CONSOLA, {"command": "echo antes"}),
                    llamada(REPORTAR, {"resultado": "ok"}),
                    llamada(CONSOLA, {"command": "echo después"}),
                ]
            )
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "x")
    doble.comprobar()
    assert consultar(tmp_path, "SELECT command, stdout FROM v_comandos") == [
        ("echo antes", "antes\n")
    ]


async def test_salidas_raras_no_rompen_nada(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    breve = tipo("breve", limite_comando_s=1.5)
    ordenes = [
        "ls /noexiste",
        "sleep 999",
        "yes | head -c 5000000",
        "head -c 2000 /dev/urandom",
        "printf 'a\\0b\\033[31mrojo'",
        "exit 7",
    ]
    doble.guion.poner("Master", [delegar("x", tipo="breve"), texto("va"), texto("fin")])
    doble.guion.poner(
        "breve-1",
        [
            *(llamar(CONSOLA, {"command": o}) for o in ordenes),
            llamar(REPORTAR, {"resultado": "ok"}),
        ],
    )
    async with enjambre(doble, tmp_path, breve, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "x") == "fin"
    doble.comprobar()
    leidos = [json.loads(p.ultimo.texto) for p in doble.de("breve-1")[1:]]
    assert leidos[0]["codigo"] != 0
    assert "noexiste" in leidos[0]["error"]
    assert leidos[1]["motivo"] == "tiempo"
    assert leidos[2]["bytes_omitidos"] > 4_000_000
    assert leidos[5]["codigo"] == 7
