"""El trabajo principal contra los dos dobles estrictos: delegar, ejecutar, reportar, contar."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.apoyo import (
    CONSOLA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
)
from tests.dobles.base import Doble
from tests.dobles.respuestas import llamar, texto


async def test_una_orden_de_punta_a_punta(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    doble.guion.poner("Master", [delegar("cuenta", dice="voy"), texto("en marcha"), texto("son 5")])
    doble.guion.poner(
        "ejecutor-1",
        [llamar(CONSOLA, {"command": "echo hola | wc -c"}), llamar(REPORTAR, {"resultado": "5"})],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "cuenta las letras") == "son 5"
    doble.comprobar()
    segunda = doble.de("ejecutor-1")[1]
    leido = json.loads(segunda.ultimo.texto)
    assert leido.pop("inicio_datos") == leido.pop("fin_datos")
    assert leido == {"salida": "5", "error": "", "codigo": 0}
    assert (
        "ejecutor-1 (ejecutor de consola) terminó su tarea: 5" in doble.de("Master")[2].ultimo.texto
    )
    fila = consultar(tmp_path, "SELECT status, result, end_time, parent FROM agent_runs")[0]
    assert fila[:2] == ("completed", "5")
    assert fila[2] is not None
    assert fila[3] == "master"
    detalles = consultar(
        tmp_path, "SELECT details FROM logs WHERE tipo='tool_execution' AND agente_id='ejecutor-1'"
    )
    primero = json.loads(detalles[0][0])
    assert (primero["command"], primero["stdout"], primero["return_code"]) == (
        "echo hola | wc -c",
        "5\n",
        0,
    )


@pytest.mark.solo
async def test_texto_y_dos_delegaciones_en_la_misma_respuesta(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master",
        lambda p: delegar("a", "b", dice="lanzo dos") if len(p.mensajes) == 1 else texto("vale"),
    )
    doble.guion.poner(
        "ejecutor-*",
        [llamar(CONSOLA, {"command": "sleep 2"}), llamar(REPORTAR, {"resultado": "hecho"})],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        antes = time.monotonic()
        await conversar(sistema, "haz las dos")
        assert time.monotonic() - antes < 3.5
    doble.comprobar()
    textos = consultar(
        tmp_path, "SELECT mensaje FROM logs WHERE tipo='master_response_text' ORDER BY id"
    )
    assert textos[0] == ("lanzo dos",)
    assert consultar(tmp_path, "SELECT count(*), count(DISTINCT agent_id) FROM agent_runs") == [
        (2, 2)
    ]
    assert [m.rol for m in doble.de("Master")[1].mensajes[-2:]] == ["tool", "tool"]
