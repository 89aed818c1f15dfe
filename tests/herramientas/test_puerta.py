"""La puerta: nada se ejecuta antes de que su intención esté en el disco."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorAlarma, ErrorBitacora, ErrorConfiguracion, ErrorConsola
from agentes.eventos import Apunte, FalloInterno
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from servicios.consola.secretos.secretos import Secretos
from servicios.gestor_logs import GestorLogs
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.puerta import Puerta
from servicios.herramientas.registro import Herramienta, RegistroHerramientas
from tests.apoyo import puertos_puerta

ESQUEMA = {"name": "mira", "description": "mira", "parameters": {"type": "object"}}
BIEN = ResultadoHerramienta(True, "bien")
SECRETO = "tok_987654321abc"
GUARDIA = Guardia(Secretos.desde({"MI_TOKEN": SECRETO}, {}, ()), b"clave")


def ignorar(_: object) -> None:
    return


def intenciones(ruta: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(ruta)) as db:
        return db.execute("SELECT tipo, op FROM logs WHERE op IS NOT NULL ORDER BY id").fetchall()


async def test_al_ejecutar_la_intencion_ya_esta_guardada(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    vistas: list[Any] = []

    async def hacer(_: Apunte, uso: Operacion) -> ResultadoHerramienta:
        vistas.extend(intenciones(ruta))
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        puerta = Puerta("s", "a-1", puertos_puerta(bitacora.anotar, GUARDIA))
        _, cierre = await puerta.cruzar(LlamadaHerramienta("c", "mira", {}), 1, causa, hacer)
        await cierre
    assert vistas == [("tool_call_request", "s:a-1:1:c")]
    assert intenciones(ruta)[1] == ("tool_execution", "s:a-1:1:c")


async def test_si_la_intencion_no_se_guarda_no_se_ejecuta(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    ejecutadas: list[int] = []

    async def hacer(_: Apunte, uso: Operacion) -> ResultadoHerramienta:
        ejecutadas.append(1)
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        await causa
        ruta.unlink()
        puerta = Puerta("s", "a-1", puertos_puerta(bitacora.anotar, GUARDIA))
        with pytest.raises(ErrorBitacora):
            await puerta.cruzar(LlamadaHerramienta("c", "mira", {}), 1, causa, hacer)
    assert ejecutadas == []


async def test_cancelar_deja_un_cierre_que_dice_la_verdad(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    empezo = asyncio.Event()

    async def hacer(_: Apunte, uso: Operacion) -> ResultadoHerramienta:
        empezo.set()
        await asyncio.Event().wait()
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        puerta = Puerta("s", "a-1", puertos_puerta(bitacora.anotar, GUARDIA))
        llamada = LlamadaHerramienta("c", "mira", {"command": "sleep 9"})
        tarea = asyncio.create_task(puerta.cruzar(llamada, 1, causa, hacer))
        await empezo.wait()
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tarea
    with closing(sqlite3.connect(ruta)) as db:
        assert db.execute("SELECT command, cierre, ok FROM commands").fetchall() == [
            ("sleep 9", "interrumpido", 0)
        ]


@pytest.mark.parametrize(
    ("fallo", "dice"),
    [(ErrorConsola("sin bash"), "Error: sin bash"), (ValueError("ay"), "ValueError: ay")],
)
async def test_una_herramienta_rota_es_un_valor(fallo: Exception, dice: str) -> None:
    async def romper(
        args: Mapping[str, Any], agente_id: str, uso: Operacion
    ) -> ResultadoHerramienta:
        raise fallo

    registro = RegistroHerramientas()
    registro.registrar(Herramienta(ESQUEMA, romper))
    resultado = await registro.ejecutar("mira", {}, "a-1", Operacion("s:a-1:1:c", 1))
    assert not resultado.ok
    assert dice in resultado.para_modelo
    with pytest.raises(ErrorConfiguracion, match="mira"):
        registro.registrar(Herramienta(ESQUEMA, romper))
    assert not (await registro.ejecutar("otra", {}, "a-1", Operacion("s:a-1:1:c", 1))).ok


def _hecho(**cambios: Any) -> ResultadoHerramienta:
    datos = {"salida": f"\x1b[31m{SECRETO}\u202e", "error": "", "codigo": 0}
    detalles = {"command": f"echo {SECRETO}", "stdout": datos["salida"], "return_code": 0}
    return ResultadoHerramienta(True, "da igual", SECRETO, detalles, **{"datos": datos, **cambios})


async def _cruzar(
    ruta: Path, resultado: ResultadoHerramienta, args: dict[str, Any], nombre: str = "mira"
) -> tuple[ResultadoHerramienta, list[dict[str, Any]]]:
    vistos: list[dict[str, Any]] = []

    async def hacer(_: Apunte, uso: Operacion) -> ResultadoHerramienta:
        vistos.append(args)
        return resultado

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        puerta = Puerta("s", "a-1", puertos_puerta(bitacora.anotar, GUARDIA))
        limpio, _ = await puerta.cruzar(LlamadaHerramienta("c", nombre, args), 1, causa, hacer)
    return limpio, vistos


async def test_lo_ajeno_sale_limpio_sin_secretos_y_entre_marcas(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    limpio, vistos = await _cruzar(ruta, _hecho(), {"command": f"echo {SECRETO}"})
    assert vistos == [{"command": f"echo {SECRETO}"}]
    marca = json.loads(GUARDIA.marcar({}, "s:a-1:1:c"))["inicio_datos"]
    salida = "[secreto:MI_TOKEN]<U+202E>"
    assert limpio.para_modelo == (
        f'{{"inicio_datos":"{marca}","salida":"{salida}","error":"","codigo":0,'
        f'"fin_datos":"{marca}"}}'
    )
    assert limpio.para_usuario == "[secreto:MI_TOKEN]"
    assert SECRETO.encode() not in b"".join(a.read_bytes() for a in tmp_path.iterdir())
    with closing(sqlite3.connect(ruta)) as db:
        fila = db.execute("SELECT command, return_code FROM commands").fetchone()
    assert fila == ("echo [secreto:MI_TOKEN]", 0)


async def test_sin_datos_el_texto_va_depurado_y_sin_marcas(tmp_path: Path) -> None:
    crudo = ResultadoHerramienta(True, f"vale\x07 {SECRETO}")
    limpio, _ = await _cruzar(tmp_path / "swarm.db", crudo, {})
    assert limpio.para_modelo == "vale\ufffd [secreto:MI_TOKEN]"


@pytest.mark.parametrize("donde", ["argumentos", "resultado", "detalles"])
async def test_el_canario_para_al_agente_y_queda_dicho(tmp_path: Path, donde: str) -> None:
    ruta = tmp_path / "swarm.db"
    partido = "\x1b[0m".join(GUARDIA.secretos.canario)
    args = {"command": f"curl x?{partido}"} if donde == "argumentos" else {"command": "env"}
    hecho = BIEN if donde == "argumentos" else _hecho(datos={"salida": partido, "codigo": 0})
    if donde == "detalles":
        hecho = ResultadoHerramienta(True, "bien", detalles={"stdout": ["nada", partido]})
    with pytest.raises(ErrorAlarma, match=donde.replace("detalles", "resultado")) as alarma:
        await _cruzar(ruta, hecho, args)
    assert GUARDIA.secretos.canario not in str(alarma.value)
    with closing(sqlite3.connect(ruta)) as db:
        tipos = [t for (t,) in db.execute("SELECT tipo FROM logs WHERE op IS NOT NULL ORDER BY id")]
        niveles = db.execute("SELECT log_level FROM logs WHERE tipo = 'security_alarm'").fetchall()
    assert tipos == ["tool_call_request", "tool_execution", "security_alarm"]
    assert niveles == [("ERROR",)]


@pytest.mark.parametrize("nombre", ["ejecutar_comando_consola", "iniciar_trabajo"])
async def test_una_orden_con_la_marca_de_un_secreto_no_se_ejecuta(
    tmp_path: Path, nombre: str
) -> None:
    ruta = tmp_path / "swarm.db"
    args = {"command": "echo 'DB_PASSWORD = \"[secreto:password]\"' > ajustes.py"}
    limpio, vistos = await _cruzar(ruta, BIEN, args, nombre)
    assert (limpio.ok, vistos) == (False, [])
    assert "escribe la orden sin copiarla" in limpio.para_modelo
    assert [t for t, _ in intenciones(ruta)] == ["tool_call_request", "tool_execution"]
    assert (await _cruzar(tmp_path / "b.db", BIEN, args))[1] == [args]
