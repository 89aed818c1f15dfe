"""De las filas de una sesión a lo que hace falta para seguirla.

logs → historia de cada agente vivo + operaciones de su último turno + lo que tenía en el buzón
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from agentes.errores import ErrorBitacora
from agentes.eventos import MASTER, Apunte, Espera, EstadoAgente
from agentes.guardado import (
    AgenteGuardado,
    Entregas,
    HistoriaGuardada,
    OperacionGuardada,
    SesionGuardada,
)
from agentes.presupuesto import Presupuesto
from agentes.pruebas import Verificacion
from agentes.respuestas import ResultadoHerramienta, Uso
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.lectura.historias import (
    FilaHistoria,
    Historia,
    plegar_historia,
)
from servicios.registros.reanudacion.a_medias import cortada, por_hacer, sin_contestar
from servicios.registros.reanudacion.esperas import es_problema, ultima_espera
from servicios.registros.reanudacion.gastos import leer_cuentas
from servicios.registros.reanudacion.paradas import parada_de
from servicios.registros.reanudacion.pendientes import (
    ordenes_abiertas,
    pendientes_de_agente,
    pendientes_del_master,
    problemas_sin_contar,
)

_PROPIAS = ("op", "intento", "tool", "ok", "cierre", "ms", "resultado")

_SESION = "SELECT modelo, origen FROM sessions WHERE id = ?"
_AGENTES = """
    SELECT a.id, agent_id, agent_type, agent_rol, agent_objetivo, task_description, parent, model,
        status, tokens_in, tokens_out, verificacion,
        coalesce(json_extract(l.details, '$.exige'), '[]') AS exige,
        coalesce(json_extract(l.details, '$.presupuesto'), '{}') AS presupuesto
    FROM agent_runs AS a JOIN logs AS l ON l.id = a.id WHERE a.session = ? ORDER BY a.id"""
_COMPACTADA = """
    SELECT coalesce(max(id), 0) FROM logs
    WHERE session = ?1 AND agente_id = ?2 AND tipo = 'history_compaction' AND id < coalesce(
        (SELECT id FROM logs WHERE session = ?1 AND agente_id = ?2 AND tipo = 'llm_output'
            AND coalesce(details ->> '$.proposito', '') = '' ORDER BY id DESC LIMIT 1), 9e18)"""
"""La última anterior a la última respuesta: lo que esa respuesta pedía puede estar a medias."""

_HISTORIA = """
    SELECT id, tipo, details, causa FROM logs
    WHERE session = ? AND agente_id = ? AND id >= ?
        AND tipo IN ('llm_input', 'llm_output', 'llm_call', 'history_compaction')
    ORDER BY epoca, seq"""
_GASTO = """
    SELECT count(*) FILTER (WHERE proposito = ''), coalesce(sum(tokens_in), 0),
        coalesce(sum(tokens_out), 0), coalesce(sum(tokens_cached), 0)
    FROM model_calls WHERE session = ? AND agente_id = ? AND estado = 'terminada'"""
_COLA = """
    SELECT id, tipo, op, intento, details, causa FROM logs
    WHERE session = ? AND agente_id = ? AND id > ? ORDER BY epoca, seq"""
_DEVUELTOS = """
    SELECT count(*) FROM commands AS c JOIN logs AS r ON r.id = c.fila_cierre
    WHERE c.session = ? AND c.agente_id = ? AND c.id < ? AND c.tool = 'reportar_resultado_final'
        AND json_extract(r.details, '$.devuelto')"""
_EFECTO = """
    SELECT agente_id FROM logs WHERE session = ? AND id > ? AND causa = ?
        AND tipo IN ('agent_run_start', 'agent_intervention', 'agent_control',
            'swarm_management')
    ORDER BY id LIMIT 1"""
_EN_VUELO = "SELECT id FROM {tabla} WHERE session = ? AND entregado_en = ? AND visto_en IS NULL"
_TEXTO = """
    SELECT json_extract(details, '$.texto') FROM logs
    WHERE session = ? AND agente_id = 'master' AND tipo = 'master_response_text'
    ORDER BY id DESC LIMIT 1"""


def leer_sesion(ruta: Path, sesion: str) -> SesionGuardada:
    """Lee una sesión entera con su propia conexión. Bloquea: se llama en un hilo.

    Lanza `ErrorBitacora` si no existe o no se puede rehacer.
    """
    try:
        with closing(conectar_lectura(ruta)) as db:
            db.row_factory = sqlite3.Row
            return _Lector(db, sesion).leer()
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


class _Lector:
    """Una lectura de una sesión."""

    def __init__(self, db: sqlite3.Connection, sesion: str) -> None:
        self._db = db
        self._sesion = sesion

    def leer(self) -> SesionGuardada:
        fila = self._una(_SESION, self._sesion)
        if fila is None:
            raise ErrorBitacora(f"la sesión {self._sesion} no está en la bitácora")
        agentes = tuple(self._agente(a) for a in self._varias(_AGENTES, self._sesion))
        texto = self._una(_TEXTO, self._sesion)
        return SesionGuardada(
            id=self._sesion,
            modelo=str(fila["modelo"] or ""),
            sub=self._sesion if fila["origen"] else "",
            agentes=agentes,
            master=self._historia(MASTER, None),
            pendientes_master=pendientes_del_master(self._db, self._sesion),
            ultimo_texto=str(texto[0]) if texto else "",
            problemas=problemas_sin_contar(self._db, self._sesion),
            ordenes=ordenes_abiertas(self._db, self._sesion),
            cuentas=leer_cuentas(self._db, self._sesion),
        )

    def _una(self, sql: str, *valores: object) -> sqlite3.Row | None:
        fila: sqlite3.Row | None = self._db.execute(sql, valores).fetchone()
        return fila

    def _varias(self, sql: str, *valores: object) -> list[sqlite3.Row]:
        return self._db.execute(sql, valores).fetchall()

    # --- un agente ----------------------------------------------------------------------

    def _agente(self, fila: sqlite3.Row) -> AgenteGuardado:
        estado = EstadoAgente(fila["status"])
        nacimiento = ApunteFila.firme(fila["id"])
        agente_id = str(fila["agent_id"])
        vivo = not estado.es_final
        parada = parada_de(self._db, self._sesion, agente_id) if vivo else None
        return AgenteGuardado(
            agente_id=agente_id,
            agent_type=fila["agent_type"],
            rol=fila["agent_rol"],
            objetivo=fila["agent_objetivo"],
            tarea=fila["task_description"],
            superior=fila["parent"],
            modelo=fila["model"],
            estado=parada.estado if parada else estado,
            espera=parada.espera if parada else Espera.NADA,
            pausa=parada.pausa if parada else None,
            uso=Uso(fila["tokens_in"], fila["tokens_out"]),
            nacimiento=nacimiento,
            historia=self._historia(agente_id, nacimiento) if vivo else None,
            pendientes=pendientes_de_agente(self._db, self._sesion, agente_id) if vivo else (),
            parado_por=parada.parado_por if parada else None,
            parado_de=parada.parado_de if parada else "",
            exige=tuple(json.loads(fila["exige"])),
            presupuesto=Presupuesto.de(json.loads(fila["presupuesto"])),
            verificacion=Verificacion(fila["verificacion"]),
        )

    def _historia(self, agente_id: str, nacimiento: Apunte | None) -> HistoriaGuardada | None:
        """La de un agente vivo; la del Master es `None` si nunca se le llamó."""
        desde = self._una(_COMPACTADA, self._sesion, agente_id)
        filas = self._varias(_HISTORIA, self._sesion, agente_id, desde[0] if desde else 0)
        plegada = plegar_historia(
            FilaHistoria(f["id"], f["tipo"], json.loads(f["details"]), f["causa"]) for f in filas
        )
        if not plegada.mensajes and nacimiento is None:
            return None
        gasto = self._una(_GASTO, self._sesion, agente_id) or (0, 0, 0, 0)
        salida = plegada.salida
        cola = self._cola(agente_id, salida.id if salida else 0)
        pendiente = por_hacer(plegada, cola)
        return HistoriaGuardada(
            mensajes=plegada.mensajes,
            contados=plegada.contados,
            turno=plegada.turno,
            pasos=int(gasto[0]),
            causa=_ultima_causa(plegada, nacimiento),
            uso=Uso(*gasto[1:]),
            respuesta=pendiente,
            cortada=cortada(plegada, cola),
            corte_anotado=plegada.corte_anotado,
            sin_contestar=sin_contestar(plegada, cola),
            textos_sueltos=plegada.recuerdos,
            esperaba_hijo=ultima_espera(cola) is Espera.HIJO,
            problema_contado=any(es_problema(f) for f in cola),
            vuelta_contada=pendiente is not None
            and any(f["tipo"] == "loop_detected" for f in cola),
            texto_dicho=any(f["tipo"] == "master_response_text" for f in cola),
            reentrega=self._reentrega(plegada.por_ver),
            devueltos=self._devueltos(agente_id, salida.id if salida else 0),
            operaciones=self._operaciones(cola),
        )

    def _cola(self, agente_id: str, desde: int) -> list[sqlite3.Row]:
        return self._varias(_COLA, self._sesion, agente_id, desde)

    def _devueltos(self, agente_id: str, hasta: int) -> int:
        fila = self._una(_DEVUELTOS, self._sesion, agente_id, hasta)
        return int(fila[0]) if fila else 0

    def _operaciones(self, cola: list[sqlite3.Row]) -> dict[str, OperacionGuardada]:
        """El último intento de cada operación del último turno."""
        cierres = {(f["op"], f["intento"]): f for f in cola if f["tipo"] == "tool_execution"}
        operaciones: dict[str, OperacionGuardada] = {}
        for fila in cola:
            if fila["tipo"] == "tool_call_request":
                cierre = cierres.get((fila["op"], fila["intento"]))
                operaciones[fila["op"]] = self._operacion(fila, cierre)
        return operaciones

    def _operacion(self, pedida: sqlite3.Row, cierre: sqlite3.Row | None) -> OperacionGuardada:
        efecto = None
        if cierre is None:
            efecto = self._una(_EFECTO, self._sesion, pedida["id"], pedida["id"])
        return OperacionGuardada(
            op=pedida["op"],
            intento=pedida["intento"],
            tool=json.loads(pedida["details"])["tool"],
            pedida=ApunteFila.firme(pedida["id"]),
            cierre=ApunteFila.firme(cierre["id"]) if cierre else None,
            resultado=resultado_de(json.loads(cierre["details"])) if cierre else None,
            efecto=str(efecto[0]) if efecto else "",
        )

    def _reentrega(self, entrada: int | None) -> Entregas:
        """Lo que llevaba la petición que se quedó sin respuesta, también si falló."""
        if entrada is None:
            return Entregas()
        avisos = self._varias(_EN_VUELO.format(tabla="notices"), self._sesion, entrada)
        mensajes = self._varias(_EN_VUELO.format(tabla="messages"), self._sesion, entrada)
        firmes = tuple(ApunteFila.firme(f["id"]) for f in mensajes)
        return Entregas(tuple(ApunteFila.firme(f["id"]) for f in avisos), firmes, firmes)


def resultado_de(detalles: dict[str, Any]) -> ResultadoHerramienta:
    """El resultado de una herramienta a partir de los detalles de su fila de cierre."""
    return ResultadoHerramienta(
        ok=bool(detalles["ok"]),
        para_modelo=str(detalles["resultado"]),
        detalles={k: v for k, v in detalles.items() if k not in _PROPIAS},
    )


def _ultima_causa(historia: Historia, nacimiento: Apunte | None) -> Apunte | None:
    if historia.salida is not None:
        return ApunteFila.firme(historia.salida.id)
    return nacimiento
