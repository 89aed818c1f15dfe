"""La consola de un tipo de agente, leída de las claves de su archivo JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from agentes.errores import ErrorDefinicion
from agentes.perfil_consola import Aprobacion, Espacio, PerfilConsola, Red, Regla, Veredicto

Fallar = Callable[[str, str], ErrorDefinicion]
"""De una clave y un motivo al error que nombra el archivo."""
Quejar = Callable[[str], ErrorDefinicion]
"""De un motivo al error que nombra el archivo y la clave."""

CLAVES_CONSOLA: dict[str, type] = {
    "limite_comando_s": float,
    "limite_salida": int,
    "limite_memoria_mb": int,
    "limite_procesos": int,
    "limite_archivo_mb": int,
    "limite_espacio_mb": int,
    "espacio": str,
    "red": str,
    "red_destinos": list,
    "aprobacion": str,
    "reglas": list,
    "variables": list,
    "max_trabajos": int,
    "vida_trabajo_s": float,
}
"""Las claves opcionales que hacen un `PerfilConsola`; cada una se llama como su campo."""

_ENUMERADOS: dict[str, type[StrEnum]] = {"espacio": Espacio, "red": Red, "aprobacion": Aprobacion}
_CLAVES_REGLA = ("decision", "orden")
_LISTA_MAXIMA = 500

_ETIQUETA = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DESTINO = re.compile(rf"(?:\*\.)?{_ETIQUETA}(?:\.{_ETIQUETA})*:([1-9][0-9]{{0,4}})")
_VARIAS_PALABRAS = re.compile(r"[\s*?]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRETA = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|COOKIE|API_?KEY|CONTRASEN|(?:PASS|KEY|PWD)$"
    r"|(?:^|_)(?:KEYS?|CLAVES?|PASS|PWD|PAT|PIN|AUTH|PRIVATE|DSN|SESSION|BEARER)(?:_|$)"
    r"|DATABASE\w*_URL|(?:^|_)DB_URL"
)
_DEL_INTERPRETE = {"PATH", "HOME", "IFS", "ENV", "SHELLOPTS", "PROMPT_COMMAND", "NODE_OPTIONS"}
_PREFIJOS_VEDADOS = ("LD_", "PYTHON", "BASH", "GIT_", "PERL5", "RUBY")
_PROPIAS = "SWARM_"

E = TypeVar("E", bound=StrEnum)


def leer_perfil(datos: Mapping[str, Any], fallar: Fallar) -> PerfilConsola:
    """El perfil de un archivo cuyas claves ya tienen el tipo que les toca.

    Lanza lo que devuelva `fallar` con la clave mala y los valores que admite.
    """
    campos = {clave: datos[clave] for clave in CLAVES_CONSOLA if clave in datos}
    for clave, enumerado in _ENUMERADOS.items():
        if clave in campos:
            campos[clave] = _elegir(campos[clave], enumerado, partial(fallar, clave))
    for clave, leer in _LISTAS.items():
        if clave in campos:
            campos[clave] = _leer_lista(campos[clave], leer, partial(fallar, clave))
    perfil = PerfilConsola(**campos)
    _comprobar_red(perfil, "red_destinos" in campos, fallar)
    return perfil


def _elegir(valor: object, enumerado: type[E], quejar: Quejar) -> E:
    admitidos = [e.value for e in enumerado]
    if valor not in admitidos:
        raise quejar(f"«{str(valor)[:80]}» no vale; los valores que hay: {', '.join(admitidos)}")
    return enumerado(valor)


def _leer_lista(
    valores: list[Any], leer: Callable[[Any, Quejar], Any], quejar: Quejar
) -> tuple[Any, ...]:
    if len(valores) > _LISTA_MAXIMA:
        raise quejar(f"tiene {len(valores)} elementos; como mucho, {_LISTA_MAXIMA}")
    leidos = tuple(leer(v, partial(_del_elemento, quejar, n)) for n, v in enumerate(valores, 1))
    if len(set(leidos)) != len(leidos):
        raise quejar("hay elementos repetidos")
    return leidos


def _del_elemento(quejar: Quejar, numero: int, motivo: str) -> ErrorDefinicion:
    return quejar(f"elemento {numero}: {motivo}")


def _de_la_decision(quejar: Quejar, motivo: str) -> ErrorDefinicion:
    return quejar(f"«decision»: {motivo}")


def _leer_destino(valor: Any, quejar: Quejar) -> str:
    destino = valor.lower() if isinstance(valor, str) else ""
    forma = _DESTINO.fullmatch(destino)
    if forma is None or int(forma[1]) > 65_535:
        raise quejar(f"ha de ser «servidor:puerto» o «*.dominio:puerto», y es «{str(valor)[:80]}»")
    return destino


def _leer_variable(valor: Any, quejar: Quejar) -> str:
    if not isinstance(valor, str) or not _VARIABLE.fullmatch(valor):
        raise quejar(f"«{str(valor)[:80]}» no es un nombre de variable (letras, cifras y _)")
    mayusculas = valor.upper()
    if mayusculas.startswith(_PROPIAS):
        raise quejar(f"«{valor}» no se puede pasar: es del enjambre")
    if _SECRETA.search(mayusculas):
        raise quejar(f"«{valor}» no se puede pasar: parece un secreto y la orden lo vería")
    if mayusculas in _DEL_INTERPRETE or mayusculas.startswith(_PREFIJOS_VEDADOS):
        raise quejar(f"«{valor}» no se puede pasar: cambia qué programas se ejecutan o cómo")
    return valor


def _leer_regla(valor: Any, quejar: Quejar) -> Regla:
    if not isinstance(valor, dict) or set(valor) != set(_CLAVES_REGLA):
        raise quejar('ha de ser {"decision": …, "orden": […]}, sin otras claves')
    decision = _elegir(valor["decision"], Veredicto, partial(_de_la_decision, quejar))
    orden = valor["orden"]
    if not isinstance(orden, list) or not orden:
        raise quejar('«orden»: ha de ser una lista de palabras, como ["git", "status"]')
    if not all(isinstance(palabra, str) and palabra for palabra in orden):
        raise quejar("«orden»: solo palabras (texto), y ninguna vacía")
    if len(orden) == 1 and _VARIAS_PALABRAS.search(orden[0]):
        raise quejar('«orden»: un elemento por argumento, sin comodines, como ["git", "push"]')
    return Regla(decision, tuple(orden))


_LISTAS: dict[str, Callable[[Any, Quejar], Any]] = {
    "red_destinos": _leer_destino,
    "reglas": _leer_regla,
    "variables": _leer_variable,
}


def _comprobar_red(perfil: PerfilConsola, con_destinos: bool, fallar: Fallar) -> None:
    if perfil.red is Red.LISTA and not perfil.red_destinos:
        raise fallar("red_destinos", "hace falta al menos un «servidor:puerto» con «red»: «lista»")
    if perfil.red is not Red.LISTA and con_destinos:
        raise fallar("red_destinos", f"solo vale con «red»: «lista», y es «{perfil.red}»")
