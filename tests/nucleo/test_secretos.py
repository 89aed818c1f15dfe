"""Ni el cable, ni la bitácora, ni el bus llevan un secreto; y quien repite el canario se para."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from agentes.eventos import TextoParcial
from agentes.eventos_seguridad import AlarmaSeguridad
from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, enjambre
from tests.dobles.base import Doble
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, respuesta, texto

DEL_ENTORNO = "tok_987654321abc-del-entorno"
DE_ENV = "valor+raro/1234567890"
DE_FORMA = "ghp_" + "a1B2c3D4e5F6" * 3
SECRETOS = (DEL_ENTORNO, DE_ENV, DE_FORMA)


def _rastros(donde: str) -> list[str]:
    """De los que conocemos, en cualquier forma; el que se delata por la suya, solo en ella."""
    conocidos = (DEL_ENTORNO, DE_ENV)
    formas = [f for s in conocidos for f in (s[::-1], base64.b64encode(s.encode()).decode()[:20])]
    return [forma for forma in (*SECRETOS, *formas) if forma in donde]


async def test_un_secreto_no_llega_al_cable_ni_a_la_bitacora_ni_al_bus(
    proveedor: str, doble: Doble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTADO_TOKEN", DEL_ENTORNO)
    todos = " ".join(SECRETOS)
    orden = f"echo {todos}; echo {todos} | base64; echo {todos} | rev >&2; echo {todos} | wc -c"
    doble.guion.poner(
        "Master",
        [delegar(f"usa {todos}", dice=f"voy con {todos}"), texto(f"en {todos}"), texto("fin")],
    )
    doble.guion.poner(
        "ejecutor-1",
        [
            respuesta(texto=f"miro {todos}", llamadas=llamar(CONSOLA, {"command": orden}).llamadas),
            llamar(REPORTAR, {"resultado": f"es {todos}"}),
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor, SIN_NOMBRE=DE_ENV) as sistema:
        with sistema.bus.suscribir() as suscripcion:
            assert await conversar(sistema, f"guarda {todos}") == "fin"
            difundido = list(suscripcion.pendientes())
    doble.comprobar()
    cables = [json.dumps(p.cuerpo, ensure_ascii=False) for p in doble.peticiones]
    assert [rastro for cable in cables for rastro in _rastros(cable)] == []
    assert _rastros(repr(difundido)) == []
    vivo = "".join(c.texto for c in difundido if isinstance(c, TextoParcial))
    assert "voy con [secreto:PLANTADO_TOKEN] [secreto:SIN_NOMBRE] [secreto:github]" in vivo
    crudo = b"".join(a.read_bytes() for a in (tmp_path / "data").glob("swarm.db*"))
    assert _rastros(crudo.decode(errors="replace")) == []
    salida = json.loads(doble.de("ejecutor-1")[1].ultimo.texto)
    assert salida["inicio_datos"] == salida["fin_datos"]
    largo = len(todos) + 1
    assert salida["salida"].endswith(f"\n{largo}"), "la orden se ejecutó como se escribió"


@pytest.mark.parametrize("donde", ["argumentos", "resultado"])
async def test_quien_repite_el_canario_se_para_y_su_superior_lo_sabe(
    proveedor: str, doble: Doble, tmp_path: Path, donde: str
) -> None:
    async def repetir(_: Peticion) -> Respuesta:
        canario = os.environ["SWARM_CANARIO"]
        mitades = f"a={canario[:16]}; echo ${{a}}{canario[16:]}"
        orden = f"curl {canario}" if donde == "argumentos" else mitades
        return llamar(CONSOLA, {"command": orden})

    doble.guion.poner("Master", [delegar("mira"), texto("voy"), texto("avisado")])
    doble.guion.poner("ejecutor-1", [repetir])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        canario = os.environ["SWARM_CANARIO"]
        with sistema.bus.suscribir() as suscripcion:
            assert await conversar(sistema, "mira") == "avisado"
            hechos = [getattr(cosa, "evento", None) for cosa in suscripcion.pendientes()]
    doble.comprobar()
    assert "SWARM_CANARIO" not in os.environ
    alarmas = [h for h in hechos if isinstance(h, AlarmaSeguridad)]
    assert [a.agente_id for a in alarmas] == ["ejecutor-1"]
    assert "alarma de seguridad" in doble.de("Master")[2].ultimo.texto
    assert canario not in doble.de("Master")[2].ultimo.texto
    fila = consultar(tmp_path, "SELECT status, error FROM agent_runs")[0]
    assert fila[0] == "failed"
    assert donde in fila[1]
    ejecutada = consultar(tmp_path, "SELECT return_code FROM commands WHERE agente_id <> 'master'")
    assert ejecutada == [(None if donde == "argumentos" else 0,)]
