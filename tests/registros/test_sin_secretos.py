"""La última red: lo que se anota no lleva secretos, venga de donde venga."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from agentes.eventos import (
    MASTER,
    SISTEMA,
    AgenteLanzado,
    AgenteTerminado,
    Apunte,
    EstadoAgente,
    HechoAnotado,
    LineaUsuario,
    SesionAbierta,
)
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from servicios.consola.secretos.secretos import Secretos
from servicios.gestor_logs import GestorLogs

SECRETO = 'tok "9876\\54321abc'
TAPADO = "[secreto:MI_TOKEN]"
SECRETOS = Secretos.desde({"MI_TOKEN": SECRETO}, {}, ())


def _anotar_una_sesion(gestor: GestorLogs) -> Apunte:
    """Un hecho de cada clase que deja resumen, todos con el secreto; devuelve el último."""
    abierta = SesionAbierta(
        agente_id=SISTEMA, version="1", modelo=SECRETO, aislamiento="a", cara="c"
    )
    causa = gestor.anotar(abierta)
    gestor.anotar(LineaUsuario(agente_id=MASTER, texto=f"{'y' * 490}{SECRETO}"))
    lanzado = AgenteLanzado(
        agente_id="a-1",
        agent_type="a",
        rol=f"rol {SECRETO}",
        objetivo="o",
        tarea=f"usa {SECRETO}",
        superior=MASTER,
        modelo="m",
    )
    gestor.anotar(lanzado, causa)
    args = {"command": f"echo {SECRETO}", "password": "hunter2hunter", "n": [1, {"x": SECRETO}]}
    comun: dict[str, Any] = {"agente_id": "a-1", "op": "op", "intento": 1, "tool": "t"}
    pedida = gestor.anotar(HerramientaPedida(**comun, tool_call_id="c", args=args), causa)
    detalles = {"stdout": SECRETO, "return_code": 0}
    resultado = json.dumps({"salida": SECRETO})
    gestor.anotar(
        HerramientaTerminada(
            **comun, ok=True, resultado=resultado, ms=1, detalles_propios=detalles
        ),
        pedida,
    )
    fin = AgenteTerminado(agente_id="a-1", estado=EstadoAgente.COMPLETED, resultado=SECRETO)
    return gestor.anotar(fin, causa)


async def test_ni_filas_ni_resumenes_ni_bus_llevan_un_secreto(tmp_path: Path) -> None:
    hechos: list[HechoAnotado] = []
    ruta = tmp_path / "swarm.db"
    async with GestorLogs.abrir(
        ruta, sesion="s", publicar=hechos.append, redactar=SECRETOS.repasar
    ) as gestor:
        await _anotar_una_sesion(gestor)
    crudo = b"".join(archivo.read_bytes() for archivo in tmp_path.iterdir())
    assert b"4321abc" not in crudo
    assert b"hunter2" not in crudo
    assert "4321abc" not in repr([h.evento for h in hechos])
    with closing(sqlite3.connect(ruta)) as db:
        filas = db.execute("SELECT tipo, mensaje, details FROM logs ORDER BY id").fetchall()
        agente = db.execute("SELECT task_description, result, status FROM agent_runs").fetchall()
        orden = db.execute("SELECT command, op, return_code FROM commands").fetchall()
    assert all(json.loads(details) for _, _, details in filas)
    assert agente == [(f"usa {TAPADO}", TAPADO, "completed")]
    assert orden == [(f"echo {TAPADO}", "op", 0)]
    assert json.loads(filas[3][2])["args"]["n"] == [1, {"x": TAPADO}]


async def test_un_hecho_sin_secretos_se_anota_tal_cual(tmp_path: Path) -> None:
    hechos: list[HechoAnotado] = []
    linea = LineaUsuario(agente_id=MASTER, texto='di "hola"\n\\o/ y max_tokens: 5')
    async with GestorLogs.abrir(
        tmp_path / "swarm.db", sesion="s", publicar=hechos.append, redactar=SECRETOS.repasar
    ) as gestor:
        await gestor.anotar(linea)
    assert hechos[0].evento is linea
