"""Secretos que se reconocen por su forma, aunque nadie nos los haya dado.

Cada forma tiene un ancla, un texto que siempre lleva dentro: sin ancla no se busca, y así un
texto corriente cuesta unas pocas búsquedas de letras.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

_INICIO = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
"""Donde puede empezar una clave: también tras un salto de línea escrito como en JSON."""

_BLANCO = r"(?:\s|\\[nrt])"
_CLAVE_PEM = r"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"


_CLAVE_PRIVADA = re.compile(  # con su final o sin él (cortada)
    rf"-----BEGIN {_CLAVE_PEM}"
    rf"(?:(?:[^-]|-(?!----)){{0,20000}}-----END {_CLAVE_PEM}|(?:[A-Za-z0-9+/=]|{_BLANCO})*)"
)
_FIN_DE_CLAVE = re.compile(rf"-----END {_CLAVE_PEM}")
_SALTO_ESCRITO = re.compile(r"\\[nrt]")
_RENGLON = re.compile(r"[A-Za-z0-9+/]{40,128}")
_ULTIMO_RENGLON = re.compile(r"[A-Za-z0-9+/=]*")
_TOPE_CLAVE = 20_000


@dataclass(frozen=True, slots=True)
class Formato:
    """Una forma de secreto; se tapa el grupo `s` o, sin él, todo lo hallado."""

    nombre: str
    ancla: str
    patron: re.Pattern[str]


def _clave(nombre: str, ancla: str, resto: str) -> Formato:
    return Formato(nombre, ancla, re.compile(_INICIO + re.escape(ancla) + resto))


def _otro(nombre: str, ancla: str, patron: str) -> Formato:
    return Formato(nombre, ancla, re.compile(patron))


_CON_GUION_BAJO = (
    _clave("github", "gh", r"[pousr]_[A-Za-z0-9]{30,}"),
    _clave("github", "github_pat_", r"[A-Za-z0-9_]{22,}"),
    _clave("huggingface", "hf_", r"[A-Za-z0-9]{30,}"),
    _clave("npm", "npm_", r"[A-Za-z0-9]{36}"),
    _clave("groq", "gsk_", r"[A-Za-z0-9]{32,}"),
    _otro("stripe", "_live_", _INICIO + r"[sr]k_live_[A-Za-z0-9]{16,}"),
)
_AZAROSO = r"(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]*(?:[a-z0-9][A-Z]|\d{3}|[A-Za-z]\d[A-Za-z]|\d[A-Za-z]\d)"
_CON_GUION = (
    _clave("anthropic", "sk-ant-", r"[A-Za-z0-9_-]{16,}"),
    _clave("openai", "sk-", rf"(?={_AZAROSO})[A-Za-z0-9_-]{{20,}}"),
    _clave("gitlab", "glpat-", r"[A-Za-z0-9_.-]{20,}"),
    _clave("slack", "xox", r"[abeoprs]-[A-Za-z0-9-]{10,}"),
    _clave("pypi", "pypi-", r"[A-Za-z0-9_-]{50,}"),
    _clave("xai", "xai-", r"[A-Za-z0-9]{32,}"),
)
_EJEMPLO = (  # lo que se pone donde va una contraseña
    r"(?:\$\{?\w+\}?|\{\w*\}|%\(?\w+\)?s?|[*.xX]+"
    r"|(?i:pass|password|passwd|pwd|secret|token|clave|contraseña))"
)
_SUELTOS = (
    _clave("google", "AIza", r"[A-Za-z0-9_-]{35}"),
    _clave("google-oauth", "ya29.", r"[A-Za-z0-9_.-]{20,}"),
    _otro(
        "slack", "hooks.slack.com/", r"(?<=hooks\.slack\.com/)(?:services|workflows)/[\w/-]{16,}"
    ),
    _clave("aws", "AKIA", r"[0-9A-Z]{16}(?![A-Za-z0-9])"),
    _clave("aws", "ASIA", r"[0-9A-Z]{16}(?![A-Za-z0-9])"),
    _clave("sendgrid", "SG.", r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _clave("jwt", "eyJ", r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    _otro(
        "url",
        "://",
        rf"(?<=://)[^\s/:@\"'<>\\]*:(?P<s>(?!\[secreto:|{_EJEMPLO}@)[^\s/@\"'<>\\]{{3,}})(?=@)",
    ),
)
_FAMILIAS = (
    (re.compile(r"_[A-Za-z0-9]{16}"), _CON_GUION_BAJO),
    (re.compile(r"-[A-Za-z0-9_-]{10}"), _CON_GUION),
)
"""Lo que tiene cualquiera de la familia → sus formas: lo normal es que no haga falta seguir."""

_RAICES = (
    "pass",
    "contrase",
    "secret",
    "token",
    "credential",
    "authorization",
    "bearer",
    "key",
    "pwd",
)
_PALABRA = re.compile(
    r"pass(?:word|wd|phrase)|contrase(?:ñ|n)a|secret|token|credential|authorization|bearer"
    r"|(?<=[_-])key|(?<=api)key|pwd"
)
_DUENIOS_DE_CLAVE = ("api", "access", "secret", "private", "auth", "signing", "encryption")
_SIGNO = (
    r"(?:\\{0,3}[\"'`])?[ \t]{0,3}(?::=|=>|[:=])"
    r"(?:[ \t]{0,3}+(?:(?i:bearer|basic|token)[ \t]+)?|(?:\s|\\[nrt]){0,60}+(?=\\{0,3}[\"']))"
)
_COMILLA = r"(?P<c>\\{0,3}[\"'`])(?!\[secreto:|[*.•xX_#-]+(?P=c))"
_RUTA = r"(?![./~]*/[\w.-]+(?:/[\w.-]*)*(?P=c))"
_FUERA = r"\s\"'`\\,;(){}\[\]<>|&$"
_SENAL = r"\d!@#%^*+?"
_SUELTO = (
    r"(?![./~]*/|\w+://|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?![\w.+/=-])"
    rf"|[*.xX]+(?![^{_FUERA}])|[A-Za-z]+(?:_[A-Za-z]+)*_v?\d{{1,2}}(?![^{_FUERA}]))"
    rf"(?=[^{_FUERA}{_SENAL}]{{0,64}}+[{_SENAL}])(?P<s>[^{_FUERA}]{{8,1000}}+)(?![(\[])"
)
_ASIGNADO = re.compile(
    rf"{_SIGNO}(?:{_COMILLA}{_RUTA}(?P<e>(?:(?!(?P=c))\S){{8,400}})(?P=c)|{_SUELTO})"
)
_FRASE = re.compile(rf"{_SIGNO}{_COMILLA}(?P<e>(?:(?!(?P=c)).){{8,200}})(?P=c)")
_NOMBRE = re.compile(r"[A-Za-z_]+")
_POR_ABRIR = re.compile(
    r"(?:pass(?:word|wd|phrase)|contrase[nñ](?:a|\Z)|secret|token|credential|authorization|bearer|key|pwd)"
    r"(?:\\{0,3}[\"'`]?)?\s{0,3}(?:(?::=|=>|[:=])\s{0,60}(?:(?:bearer|basic|token)\s{0,3})?"
    r"(?:\\{0,3}(?P<c>[\"'`])(?:(?!(?P=c))[^\n]){0,400}|\S{0,1000}))?\Z",
    re.IGNORECASE,
)
_CLAVE_ABIERTA = re.compile(r"-----BEGIN[A-Z0-9 ]{0,60}(?:\Z|PRIVATE KEY)")
_CLAVE_CERRADA = re.compile(r"-----END [A-Z0-9 ]{0,60}-----")
_RENGLONES = re.compile(
    r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{40,128}+\s++)+"
    r"[A-Za-z0-9+/=]{0,200}\s*(?:-[A-Z0-9 -]{0,60})?\Z"
)
_DE_FRASE = ("pass", "contrase")
"""Las palabras cuyo valor, entre comillas, puede llevar espacios."""


def tapar_formatos(texto: str) -> str:
    """El texto con cada secreto reconocible cambiado por `[secreto:FORMA]`."""
    for senal, formatos in _FAMILIAS:
        if senal.search(texto):
            texto = _tapar(texto, formatos)
    if "PRIVATE KEY" in texto:
        texto = _tapar_finales(_CLAVE_PRIVADA.sub("[secreto:clave-privada]", texto))
    return _tapar_asignados(_tapar(texto, _SUELTOS))


def pendiente(texto: str) -> int:
    """Cuántas letras del final son de un secreto que aún no ha acabado de escribirse."""
    desde = len(texto)
    for abierta in _CLAVE_ABIERTA.finditer(texto):
        if _CLAVE_CERRADA.search(texto, abierta.end()) is None:
            desde = abierta.start()
            break
    for patron in (_RENGLONES, _POR_ABRIR):
        if hallado := patron.search(texto, 0, desde):
            desde = hallado.start()
    return len(texto) - desde


def _tapar_finales(texto: str) -> str:
    """El final de una clave privada cuyo principio no está."""
    partes: list[str] = []
    ultimo = anterior = 0
    for fin in _FIN_DE_CLAVE.finditer(texto):
        desde = _primer_renglon(texto[max(anterior, fin.start() - _TOPE_CLAVE) : fin.start()])
        anterior = fin.end()
        if desde:
            partes += (texto[ultimo : fin.start() - desde], "[secreto:clave-privada]")
            ultimo = anterior
    return "".join((*partes, texto[ultimo:])) if partes else texto


def _primer_renglon(texto: str) -> int:
    """A cuántas letras del final empiezan los renglones de una clave; cero si no los hay."""
    llano = _SALTO_ESCRITO.sub("  ", texto)
    desde = 0
    for numero, trozo in enumerate(reversed(list(re.finditer(r"\S+", llano)))):
        if _RENGLON.fullmatch(trozo[0]):
            desde = len(texto) - trozo.start()
        elif numero or not _ULTIMO_RENGLON.fullmatch(trozo[0]):
            break
    return desde


def _tapar(texto: str, formatos: tuple[Formato, ...]) -> str:
    for formato in formatos:
        if formato.ancla in texto:
            texto = formato.patron.sub(partial(_tapado, f"[secreto:{formato.nombre}]"), texto)
    return texto


def _tapado(marca: str, hallado: re.Match[str]) -> str:
    if not hallado.re.groups:
        return marca
    entero, desde = hallado[0], hallado.start()
    return entero[: hallado.start("s") - desde] + marca + entero[hallado.end("s") - desde :]


def _tapar_asignados(texto: str) -> str:
    """`password = …` y compañía: se busca la palabra y se mira qué lleva detrás."""
    bajo = texto.lower()
    if len(bajo) != len(texto):  # alguna mayúscula ocupa dos minúsculas
        bajo = "".join(letra.lower() if letra.isascii() else letra for letra in texto)
    presentes = [raiz for raiz in _RAICES if raiz in bajo]
    if not presentes:
        return texto
    huecos = sorted({hueco for raiz in presentes for hueco in _valores(texto, bajo, raiz)})
    partes: list[str] = []
    ultimo = 0
    for desde, hasta, palabra in huecos:
        if desde >= ultimo:
            partes += (texto[ultimo:desde], f"[secreto:{palabra}]")
            ultimo = hasta
    return "".join((*partes, texto[ultimo:])) if partes else texto


def _valores(texto: str, bajo: str, raiz: str) -> list[tuple[int, int, str]]:
    """Dónde están los valores asignados a las palabras de esa raíz, y a cuál."""
    huecos = []
    lugar = bajo.find(raiz)
    while lugar >= 0:
        palabra = _PALABRA.match(bajo, lugar)
        sigue = lugar + len(raiz)
        if palabra and _viene_al_caso(bajo, lugar, raiz):
            hallado = _ASIGNADO.match(texto, palabra.end())
            if hallado is None and raiz in _DE_FRASE:
                hallado = _FRASE.match(texto, palabra.end())
            grupo = "e" if hallado and hallado["c"] else "s"
            if hallado and (raiz != "key" or not _NOMBRE.fullmatch(hallado[grupo])):
                huecos.append((*hallado.span(grupo), palabra[0]))
                sigue = hallado.end()
        lugar = bajo.find(raiz, sigue)
    return huecos


def _viene_al_caso(bajo: str, lugar: int, raiz: str) -> bool:
    """Si la palabra nombra un secreto: ni una clave cualquiera ni un error de sintaxis."""
    if raiz == "token":
        return not bajo.endswith("expected ", 0, lugar)
    if raiz != "key":
        return True
    antes = bajo[max(0, lugar - 12) : lugar]
    return (antes[:-1] if antes.endswith(("_", "-")) else antes).endswith(_DUENIOS_DE_CLAVE)
