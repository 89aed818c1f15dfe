"""De lo que escribió un modelo a afirmaciones que se pueden comprobar, o qué está mal escrito."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from agentes.pruebas import ClaseEvidencia, Evidencia
from prompts.evidencias import campos_de, esquema_de
from servicios.herramientas.evidencias.orden import reparo_de_orden

_VALIDADORES = {clase: Draft202012Validator(esquema_de(clase)) for clase in ClaseEvidencia}
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_VACIO = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_CONSULTA = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)


class MalEscritaError(ValueError):
    """Una afirmación que no se puede comprobar; el texto dice cuál, qué campo y cómo se escribe."""


def leer_evidencias(crudas: Sequence[Mapping[str, Any]]) -> tuple[Evidencia, ...]:
    """Las de un reporte, en su orden. Lanza `MalEscritaError` por la primera que no vale."""
    leidas: list[Evidencia] = []
    for numero, cruda in enumerate(crudas, 1):
        try:
            leidas.append(_leer(cruda))
        except MalEscritaError as error:
            raise MalEscritaError(f"evidencia {numero}: {error}") from error
    return tuple(leidas)


def _leer(cruda: Mapping[str, Any]) -> Evidencia:
    clase = cruda.get("clase")
    if clase not in _VALIDADORES:
        raise MalEscritaError(f"«clase» ha de ser una de: {', '.join(ClaseEvidencia)}")
    if fallo := next(iter(_VALIDADORES[ClaseEvidencia(clase)].iter_errors(dict(cruda))), None):
        donde = "/".join(map(str, fallo.absolute_path)) or str(clase)
        raise MalEscritaError(
            f"{donde}: {fallo.message[:200]}; los campos de «{clase}» son: {campos_de(str(clase))}"
        )
    evidencia = Evidencia(ClaseEvidencia(clase), dict(cruda))
    if motivo := _REPAROS[evidencia.clase](evidencia.datos):
        raise MalEscritaError(motivo)
    return evidencia


def _reparo_de_ruta(ruta: str) -> str:
    if ruta.startswith(("/", "~")) or ".." in ruta.split("/"):
        return f"«{ruta[:80]}» sale de tu carpeta: usa la ruta desde ella, sin / delante ni .."
    return _reparo_de_letras(ruta)


def _reparo_de_letras(texto: str) -> str:
    return "lleva caracteres de control" if re.search(r"[\x00-\x1f\x7f]", texto) else ""


def _de_archivo(datos: Mapping[str, Any]) -> str:
    sha256 = str(datos["sha256"])
    if not _SHA256.fullmatch(sha256):
        return "«sha256»: son 64 cifras hexadecimales"
    if sha256.lower() == _VACIO:
        return "un archivo vacío no prueba nada"
    return _reparo_de_ruta(str(datos["ruta"]))


def _de_orden(datos: Mapping[str, Any]) -> str:
    return reparo_de_orden(str(datos["orden"]))


def _de_texto(datos: Mapping[str, Any]) -> str:
    if "expresion" in datos:
        try:
            en_nada = re.compile(str(datos["expresion"])).search("")
        except re.error as error:
            return f"«expresion»: no es una expresión regular ({error})"
        if en_nada is not None:
            return "«expresion»: vale para cualquier archivo, también para uno vacío"
    elif not str(datos["texto"]).strip():
        return "«texto»: solo blancos no prueban nada"
    return _reparo_de_ruta(str(datos["ruta"]))


def _de_sql(datos: Mapping[str, Any]) -> str:
    if not _CONSULTA.match(str(datos["consulta"])):
        return "«consulta»: ha de ser un SELECT (o WITH … SELECT)"
    return _reparo_de_ruta(str(datos["base"]))


def _de_http(datos: Mapping[str, Any]) -> str:
    ruta = str(datos["ruta"])
    if not ruta.startswith("/") or not ruta.isascii() or " " in ruta:
        return "«ruta»: en http empieza por / y va sin espacios ni letras fuera de ASCII"
    return _reparo_de_letras(ruta)


_REPAROS = {
    ClaseEvidencia.ARCHIVO: _de_archivo,
    ClaseEvidencia.ORDEN: _de_orden,
    ClaseEvidencia.TEXTO: _de_texto,
    ClaseEvidencia.SQL: _de_sql,
    ClaseEvidencia.HTTP: _de_http,
}
"""Clase → por qué no vale lo que el esquema no sabe decir, o nada."""
