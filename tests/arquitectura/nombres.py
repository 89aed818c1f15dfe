"""Los nombres: en ASCII los nuestros, letra por letra los que ya venían dados."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

NOMBRES_FIJOS: dict[str, dict[str, tuple[str, ...]]] = {
    "agentes/clase_agente.py": {"Agente": ()},
    "servicios/cargar_llm.py": {"cargar_llm": ()},
    "servicios/ejecutor_consola.py": {"EjecutorConsola": ("ejecutar_comando_seguro",)},
    "servicios/gestor_logs.py": {"GestorLogs": ()},
    "servicios/bucle_logico_agente.py": {"BucleLogicoAgente": ("inject_message_and_resume",)},
    "servicios/orquestador_master.py": {
        "OrquestadorMaster": ("process_input_and_events", "add_message_to_history")
    },
    "servicios/gestor_enjambre.py": {
        "GestorEnjambre": (
            "lanzar_agente",
            "send_message_to_agent",
            "report_agent_problem",
            "report_agent_status",
            "get_agent_status",
            "get_all_agents_status",
        )
    },
}
"""Archivo → clase o función → métodos que han de seguir llamándose así."""

HERRAMIENTAS_FIJAS: dict[str, tuple[str, ...]] = {
    "delegate_task": ("agent_type", "task_description"),
    "send_message_to_agent": ("agent_id", "message_content"),
    "ejecutar_comando_consola": ("command",),
    "reportar_resultado_final": ("resultado", "evidencias"),
    "reportar_problema": ("descripcion_problema",),
}
ESTADOS_FIJOS = (
    "started",
    "running",
    "paused",
    "completed",
    "failed",
    "max_iterations",
    "cancelled",
)
COLUMNAS_FIJAS: dict[str, tuple[str, ...]] = {
    "logs": ("id", "timestamp", "agente_id", "tipo", "log_level", "mensaje", "details"),
    "agent_runs": (
        "id",
        "agent_id",
        "agent_type",
        "agent_rol",
        "agent_objetivo",
        "task_description",
        "start_time",
        "end_time",
        "status",
    ),
}
CLAVES_FIJAS = ("agent_type", "rol", "objetivo", "instruction_prompt_file", "available_tools")


def definidos(fuente: str) -> dict[str, set[str]]:
    """Clases y funciones de un archivo, cada clase con sus métodos."""
    tabla: dict[str, set[str]] = {}
    for nodo in ast.parse(fuente).body:
        if isinstance(nodo, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            hijos = nodo.body if isinstance(nodo, ast.ClassDef) else []
            tabla[nodo.name] = {
                hijo.name
                for hijo in hijos
                if isinstance(hijo, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return tabla


def perdidos(fuente: str, fijos: dict[str, tuple[str, ...]]) -> list[str]:
    """Los nombres fijos que ya no están en la fuente."""
    hay = definidos(fuente)
    sueltos = [nombre for nombre in fijos if nombre not in hay]
    metodos = [
        f"{nombre}.{metodo}"
        for nombre, suyos in fijos.items()
        if nombre in hay
        for metodo in suyos
        if metodo not in hay[nombre]
    ]
    return sueltos + metodos


def fuera_de_ascii(fuente: str) -> list[str]:
    """Los identificadores con letras que no son ASCII, con su línea."""
    return sorted(
        {
            f"{getattr(nodo, 'lineno', 0)} {nombre}"
            for nodo in ast.walk(ast.parse(fuente))
            for nombre in _identificadores(nodo)
            if not nombre.isascii()
        }
    )


def _identificadores(nodo: ast.AST) -> Iterator[str]:
    for campo in ("name", "id", "attr", "arg", "asname", "rest", "module"):
        valor = getattr(nodo, campo, None)
        if isinstance(valor, str):
            yield valor
    if isinstance(nodo, ast.Global | ast.Nonlocal):
        yield from nodo.names
    if isinstance(nodo, ast.MatchClass):
        yield from nodo.kwd_attrs


def esquemas(fuente: str) -> dict[str, tuple[str, ...]]:
    """Nombre → parámetros de cada esquema `_esquema("nombre", "descripción", parametro=…)`."""
    return {
        nodo.args[0].value: tuple(clave.arg for clave in nodo.keywords if clave.arg)
        for nodo in ast.walk(ast.parse(fuente))
        if isinstance(nodo, ast.Call)
        and nodo.args
        and isinstance(nodo.args[0], ast.Constant)
        and isinstance(nodo.args[0].value, str)
    }


def valores_de_clase(fuente: str, clase: str) -> tuple[str, ...]:
    """Los valores de texto que una clase asigna en su cuerpo, en orden."""
    cuerpos = [
        n.body for n in ast.parse(fuente).body if isinstance(n, ast.ClassDef) and n.name == clase
    ]
    return tuple(
        nodo.value.value
        for cuerpo in cuerpos
        for nodo in cuerpo
        if isinstance(nodo, ast.Assign)
        and isinstance(nodo.value, ast.Constant)
        and isinstance(nodo.value.value, str)
    )


def columnas(sql: str, tabla: str) -> set[str]:
    """Las columnas de un `CREATE TABLE`."""
    creada = re.search(rf"CREATE TABLE {tabla} \((.*?)\n\s*\)", sql, re.DOTALL)
    return set(re.findall(r"^\s+([a-z_]+) [A-Z]", creada[1], re.MULTILINE)) if creada else set()
