"""Las pruebas de un resultado: cómo se escriben y lo que leen de ellas un agente y su superior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentes.pruebas import ClaseEvidencia, Comprobada, Verificacion

MAXIMO = 20
"""Afirmaciones en un reporte."""

_LARGO = 4_000
_TOPE_LINEA = 160
_TOPE_NOTA = 600


def _texto(descripcion: str, **mas: Any) -> dict[str, Any]:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": _LARGO,
        "description": descripcion,
        **mas,
    }


def _entero(descripcion: str, minimo: int, maximo: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimo, "maximum": maximo, "description": descripcion}


_CAMPOS: dict[str, dict[str, Any]] = {
    "clase": _texto("Qué se afirma.", enum=["archivo", "orden", "texto", "sql", "http"]),
    "ruta": _texto("Archivo de tu carpeta, sin salir de ella; en http, la ruta (empieza por /)."),
    "sha256": _texto("archivo: su sha256, 64 cifras hexadecimales."),
    "orden": _texto(
        "orden: una orden de bash que se repetirá en tu carpeta sin poder escribir en ella; simple,"
        " o varias con && o |."
    ),
    "codigo": _entero("orden: con qué código ha de acabar (0 si no se dice).", 0, 125),
    "texto": _texto("texto: lo que ha de estar en el archivo, letra por letra."),
    "expresion": _texto("texto: en lugar de `texto`, una expresión regular de Python."),
    "base": _texto("sql: un archivo SQLite de tu carpeta."),
    "consulta": _texto("sql: un SELECT que lea alguna tabla."),
    "espera": _texto("sql: lo que ha de salir: una línea por fila, sus columnas separadas por |."),
    "trabajo": _texto("http: el id de tu trabajo en segundo plano, que sigue vivo."),
    "puerto": _entero("http: en el que escucha ese trabajo.", 1, 65_535),
    "estado": _entero("http: el código de respuesta (200 si no se dice).", 100, 599),
    "contiene": _texto("http: un texto que ha de estar en la respuesta."),
}
_DE_CADA_CLASE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "archivo": (("ruta", "sha256"), ()),
    "orden": (("orden",), ("codigo",)),
    "texto": (("ruta",), ("texto", "expresion")),
    "sql": (("base", "consulta", "espera"), ()),
    "http": (("trabajo", "puerto", "ruta"), ("estado", "contiene")),
}
"""Clase → campos que hacen falta y campos que se admiten además."""


def _objeto(campos: dict[str, Any], obligatorios: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": campos,
        "required": list(obligatorios),
        "additionalProperties": False,
    }


def campos_de(clase: str) -> str:
    """Los de una clase, para una persona o un modelo."""
    hacen_falta, ademas = _DE_CADA_CLASE[clase]
    if clase == "texto":
        return f"{', '.join(hacen_falta)}, y {' o '.join(ademas)}"
    return ", ".join((*hacen_falta, *(f"{campo} (opcional)" for campo in ademas)))


def esquema_de(clase: str) -> dict[str, Any]:
    """El esquema estricto de una clase."""
    hacen_falta, ademas = _DE_CADA_CLASE[clase]
    nombres = ("clase", *hacen_falta, *ademas)
    esquema = _objeto({n: _CAMPOS[n] for n in nombres}, ("clase", *hacen_falta))
    if clase == "texto":
        esquema["oneOf"] = [{"required": ["texto"]}, {"required": ["expresion"]}]
    return esquema


# Un solo objeto con los campos de todas: no todos los proveedores entienden un esquema por clase.
EVIDENCIAS: dict[str, Any] = {
    "type": "array",
    "maxItems": MAXIMO,
    "default": [],
    "description": (
        "Pruebas de lo que dices, que el enjambre comprueba antes de dar tu trabajo por acabado."
        " Tus trabajos en segundo plano se paran al comprobarlas, después de las http. Campos de"
        f" cada clase: {'; '.join(f'{clase}: {campos_de(clase)}' for clase in _DE_CADA_CLASE)}."
    ),
    "items": _objeto(_CAMPOS, ("clase",)),
}
"""El argumento `evidencias` tal como lo ve un modelo."""


def exigencia(clases: Sequence[str]) -> str:
    """Lo que se dice en sus instrucciones a un agente al que se le exigen."""
    return (
        "- Tu reporte ha de llevar en evidencias las pruebas de lo que dices, que se comprueban. Se te"
        f" exigen de clase: {', '.join(clases)}. Sin ellas vuelve a ti una vez, y después consta que no"
        " lo probaste."
    )


ENTREGADO = "Resultado entregado."
_SEGUNDA = (
    "Comprueba tu trabajo y llama otra vez a reportar_resultado_final con sus evidencias: el"
    " siguiente reporte se entrega como esté. Si no puedes probarlo, dilo en él."
)


def mal_escritas(motivo: str) -> str:
    """Lo que lee un agente cuyas evidencias no se entienden."""
    return f"Error: evidencias mal escritas, no se comprobó ninguna ni se entregó nada: {motivo}"


def devolver(hechas: Sequence[Comprobada], sin: Sequence[str]) -> str:
    """Lo que lee un agente cuyo reporte no se acepta a la primera."""
    lineas = ["No se entrega todavía: tu resultado no queda probado.", *(h.linea for h in hechas)]
    if sin:
        lineas.append(f"Faltan evidencias de clase: {', '.join(sin)}.")
    if any(h.clase is not ClaseEvidencia.HTTP for h in hechas):
        lineas.append("Si tenías trabajos en segundo plano, se han parado.")
    return "\n".join((*lineas, _SEGUNDA))


def entregar(verificacion: Verificacion, hechas: Sequence[Comprobada]) -> str:
    """Lo que lee un agente cuyo reporte se entrega."""
    if not hechas:
        return ENTREGADO
    return "\n".join((f"{ENTREGADO} Verificación: {verificacion}.", *(h.linea for h in hechas)))


def nota(
    verificacion: Verificacion, hechas: Sequence[Comprobada], sin: Sequence[str], motivo: str = ""
) -> str:
    """Lo que lee un superior delante del resultado; vacía si no se dieron ni se pedían pruebas."""
    partes = [_corta(hecha.linea) for hecha in hechas]
    if motivo:
        partes.append(_corta(f"✘ evidencias mal escritas: {motivo}"))
    if sin:
        partes.append(f"✘ faltan las exigidas: {', '.join(sin)}")
    if not partes:
        return ""
    titulo = "verificado" if verificacion is Verificacion.VERIFICADA else "SIN VERIFICAR"
    return _acotada(f"({titulo}: ", partes)


def _acotada(principio: str, partes: Sequence[str]) -> str:
    """Los ✘ primero; los que no caben se cuentan."""
    ordenadas = sorted(partes, key=lambda parte: parte.startswith("✔"))
    dichas: list[str] = []
    for parte in ordenadas:
        if sum(map(len, dichas)) + len(parte) > _TOPE_NOTA:
            dichas.append(f"y {len(ordenadas) - len(dichas)} más")
            break
        dichas.append(parte)
    return f"{principio}{' · '.join(dichas)})"


def _corta(linea: str) -> str:
    una = " ".join(linea.split())
    return una if len(una) <= _TOPE_LINEA else f"{una[: _TOPE_LINEA - 1]}…"
