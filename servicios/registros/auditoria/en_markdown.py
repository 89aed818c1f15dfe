"""Una sesión en Markdown: la conversación, los agentes y las órdenes, para leerla de corrido.

Los textos ajenos van citados o en bloques: no pueden abrir un título, un enlace a una imagen ni
etiquetas HTML fuera de su sitio.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from markdown_it import MarkdownIt

from servicios.consola.secretos.limpieza import limpiar
from servicios.registros.auditoria.relato import Objeto, Relato

TOPE_DE_SALIDA = 4_000
"""Caracteres de la salida de una orden; entera está en la exportación JSON."""

_LECTOR = MarkdownIt("commonmark")
_CERCAS = re.compile(r"`{3,}")
_ESPECIALES = re.compile(r"([\\`*_\[\]|~])")


def exportar_markdown(relato: Relato, salida: TextIO) -> str:
    """Escribe la conversación. Devuelve la nota de lo que falta."""
    for trozo in _trozos(relato):
        salida.write(f"{trozo}\n")
    return ""


def _trozos(relato: Relato) -> Iterator[str]:
    sesion = relato.cabecera()
    yield f"# Sesión {en_linea(sesion['session'])}\n"
    for nombre in ("start_time", "end_time", "modelo", "aislamiento", "tokens_in", "tokens_out"):
        if sesion[nombre] is not None:
            yield f"- {nombre}: {en_linea(sesion[nombre])}"
    nudos = relato.arbol()
    if nudos:
        yield "\n## Agentes\n"
    for nudo in nudos:
        tarea = _corto(relato.redactar(str(nudo.fila["tarea"])))
        quien = f"**{en_linea(nudo.fila['agente'])}** ({en_linea(nudo.fila['estado'])})"
        yield f"{'  ' * min(nudo.nivel, 20)}- {quien}: {en_linea(tarea)}"
    yield "\n## Conversación"
    for fila in relato.parte("filas"):
        escribir = _POR_TIPO.get(fila["tipo"])
        if escribir is not None and isinstance(fila["details"], dict):
            yield from escribir(fila, fila["details"])


# --- un hecho ---------------------------------------------------------------------------


def _persona(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    yield f"\n### Tú {_marca(fila)}\n\n{cita(detalles.get('texto'))}"


def _master(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    yield f"\n### Master {_marca(fila)}\n\n{cita(detalles.get('texto'))}"


def _nace(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    superior = en_linea(detalles.get("superior"))
    yield f"\n**{en_linea(fila['agente_id'])}**, lanzado por {superior} {_marca(fila)}:\n"
    yield cita(detalles.get("tarea"))


def _orden(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    if "command" not in detalles:
        return
    fin = f"código {detalles['return_code']}" if "return_code" in detalles else "no se ejecutó"
    if detalles.get("motivo") == "denegado":
        fin = "denegada: no se ejecutó"
    if detalles.get("cierre") != "resultado":
        fin = str(detalles.get("cierre"))
    yield f"\n**{en_linea(fila['agente_id'])}** pidió ({en_linea(fin)}) {_marca(fila)}:\n"
    yield bloque(f"$ {detalles['command']}", "sh")
    for nombre in ("stdout", "stderr"):
        if str(detalles.get(nombre) or "").strip():
            yield f"\n{nombre}:\n\n{bloque(detalles[nombre])}"


def _problema(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    yield f"\n**{en_linea(fila['agente_id'])}** cuenta un problema {_marca(fila)}:\n"
    yield cita(detalles.get("descripcion"))


def _directiva(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    de = en_linea(detalles.get("de"))
    yield f"\n**{de}** a **{en_linea(fila['agente_id'])}** {_marca(fila)}:\n"
    yield cita(detalles.get("texto"))


def _acaba(fila: Objeto, detalles: Objeto) -> Iterator[str]:
    estado = en_linea(detalles.get("estado"))
    yield f"\n**{en_linea(fila['agente_id'])}** acabó ({estado}) {_marca(fila)}:\n"
    yield cita(detalles.get("resultado") or detalles.get("error"))


def _suelto(fila: Objeto, _: Objeto) -> Iterator[str]:
    yield f"\n*{en_linea(fila['agente_id'])}: {en_linea(fila['mensaje'])}* {_marca(fila)}"


_POR_TIPO: dict[str, Callable[[Objeto, Objeto], Iterator[str]]] = {
    "master_input": _persona,
    "master_response_text": _master,
    "agent_run_start": _nace,
    "tool_execution": _orden,
    "agent_problem": _problema,
    "agent_intervention": _directiva,
    "agent_run_end": _acaba,
    "approval_decision": _suelto,
    "history_compaction": _suelto,
    "master_error": _suelto,
    "master_loop": _suelto,
    "security_alarm": _suelto,
    "session_fork": _suelto,
    "session_resume": _suelto,
    "system_error": _suelto,
    "system_exit": _suelto,
}
"""Lo que se cuenta; los demás hechos están en las otras exportaciones."""


def _marca(fila: Objeto) -> str:
    return f"<sub>fila {int(fila['id'])} · {en_linea(str(fila['timestamp'])[:19])}</sub>"


# --- texto ajeno ------------------------------------------------------------------------


def en_linea(valor: Any) -> str:
    """Texto que, dentro de una línea, no es marca de nada."""
    return _sin_html(_ESPECIALES.sub(r"\\\1", " ".join(limpiar(str(valor or "")).split())))


def cita(valor: Any) -> str:
    """Markdown ajeno dentro de una cita, sin HTML ni imágenes; su código se queda como es."""
    texto = limpiar(str(valor or "")).expandtabs(4)
    lineas = texto.split("\n")
    codigo = {
        numero
        for ficha in _LECTOR.parse(texto)
        if ficha.type in {"fence", "code_block"} and ficha.map
        for numero in range(*ficha.map)
    }
    return "\n".join(
        f"> {linea if numero in codigo else _inofensiva(linea)}".rstrip()
        for numero, linea in enumerate(lineas)
    )


def bloque(valor: Any, lenguaje: str = "") -> str:
    """Texto tal cual en un bloque de código con una cerca que no lleva dentro."""
    texto = limpiar(str(valor))
    if len(texto) > TOPE_DE_SALIDA:
        texto = f"{texto[:TOPE_DE_SALIDA]}\n[… {len(texto)} caracteres en total]"
    cerca = max(("```", *(f"{hallada}`" for hallada in _CERCAS.findall(texto))), key=len)
    return f"{cerca}{lenguaje}\n{texto.rstrip(chr(10))}\n{cerca}"


def _inofensiva(linea: str) -> str:
    """Sin HTML y sin imágenes, que un lector iría a buscar fuera."""
    return _sin_html(linea).replace("![", r"!\[")


def _sin_html(texto: str) -> str:
    return texto.replace("&", "&amp;").replace("<", "&lt;")


def _corto(texto: str, tope: int = 300) -> str:
    return texto if len(texto) <= tope else f"{texto[: tope - 1]}…"
