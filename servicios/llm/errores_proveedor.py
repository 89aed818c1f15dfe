"""De lo que lanza un cliente a una línea que dice qué ajustar.

Se mira la forma de la excepción (estado HTTP, cuerpo, nombre) y no su clase, para no importar
aquí los clientes, que tardan un segundo; y se mira también la que la causó, porque cada cliente
envuelve las de su transporte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from servicios.llm.conversiones import ErrorConversion
from servicios.llm.destino import Destino

TOPE_DETALLE = 200

_CONTEXTO = re.compile(
    r"context.?length|maximum context|context.?window|context size|prompt is too long"
    r"|maximum number of tokens|token limit|tokens exceed|too many tokens|input is too long",
    re.IGNORECASE,
)
_CLAVE_MALA = re.compile(
    r"api.?key.{0,20}(not valid|invalid|expired)|API_KEY_INVALID", re.IGNORECASE
)
_SIN_SALDO = re.compile(r"insufficient.?(quota|balance|credit|funds)|billing", re.IGNORECASE)
_SIN_MODELO = re.compile(
    r"model.?not.?found|(unknown|invalid|no such) model|not a valid model"
    r"|model.{0,80}(does not|doesn't|not) (exist|found)",
    re.IGNORECASE,
)
_FILTRO = re.compile(r"content.?filter|content.?policy|safety system", re.IGNORECASE)
_SECRETO = re.compile(r"\b(?:sk|gsk|xai|pk|AIza|Bearer)[-_ ]?[\w*.-]{8,}")
_TRANSPORTE = {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "ssl", "socket", "anyio"}
_SATURADO = {503, 529}
_SIN_SERVIDOR = re.compile(
    r"ConnectError|ConnectTimeout|ClientConnector|ConnectionRefused|gaierror"
)


@dataclass(frozen=True, slots=True)
class _Visto:
    """Lo que se sabe de un fallo, venga del cliente que venga."""

    estado: int | None
    codigo: str
    detalle: str
    espera_s: float | None

    @property
    def todo(self) -> str:
        return f"{self.codigo} {self.detalle}"


def traducir(error: Exception, destino: Destino) -> ErrorModelo:
    """El error de la casa para una excepción de un cliente; nunca lanza."""
    if isinstance(error, ErrorConversion):
        detalle = _limpio(str(error), destino)
        return ErrorModelo(
            f"La historia no se puede mandar a {destino.lugar}: {detalle}", clase="peticion"
        )
    cadena = list(_cadena(error))
    if any(_nombres(e) & {"ContextOverflowError"} for e in cadena):
        return _contexto(destino)
    visto = _mirar(cadena, destino)
    if visto.estado is not None:
        return _por_estado(visto, destino)
    if any(
        isinstance(e, TimeoutError) or "Timeout" in type(e).__name__ for e in cadena
    ) and not any(_SIN_SERVIDOR.search(type(e).__name__) for e in cadena):
        return ErrorModeloPasajero(f"{destino.lugar} no respondió a tiempo", clase="tiempo")
    if any(_es_transporte(e) for e in cadena):
        return _conexion(cadena, destino)
    if visto.codigo or visto.detalle:
        return _por_codigo(visto, destino)
    return ErrorModeloPasajero(
        f"{destino.lugar} contestó algo que no se entiende ({type(error).__name__})",
        clase="respuesta",
    )


def _cadena(error: BaseException) -> Iterator[BaseException]:
    actual: BaseException | None = error
    for _ in range(6):
        if actual is None:
            return
        yield actual
        actual = actual.__cause__ or actual.__context__


def _nombres(error: BaseException) -> set[str]:
    return {clase.__name__ for clase in type(error).__mro__}


def _es_transporte(error: BaseException) -> bool:
    raices = {clase.__module__.partition(".")[0] for clase in type(error).__mro__}
    return isinstance(error, OSError) or bool(raices & _TRANSPORTE)


def _mirar(cadena: list[BaseException], destino: Destino) -> _Visto:
    """Estado, código y texto del primero de la cadena que los tenga."""
    for error in cadena:
        if _es_transporte(error):  # los de aiohttp llevan un `code` que no es del servidor
            continue
        cuerpo = _cuerpo(error)
        estado = _estado(error, cuerpo)
        if estado is None and not cuerpo:
            continue
        codigo = " ".join(str(cuerpo[c]) for c in ("code", "type", "status") if cuerpo.get(c))
        detalle = str(cuerpo.get("message") or getattr(error, "message", "") or "")
        return _Visto(estado, codigo, _limpio(detalle, destino), _espera(error, cuerpo))
    return _Visto(None, "", "", None)


def _cuerpo(error: BaseException) -> dict[str, Any]:
    """El objeto de error que mandó el servidor; vacío si no lo hay."""
    for atributo in ("body", "details"):
        bruto = getattr(error, atributo, None)
        if isinstance(bruto, list) and bruto:
            bruto = bruto[0]
        if isinstance(bruto, Mapping):
            dentro = bruto.get("error")
            return dict(dentro) if isinstance(dentro, Mapping) else dict(bruto)
    return {}


def _estado(error: BaseException, cuerpo: Mapping[str, Any]) -> int | None:
    for candidato in (
        getattr(error, "status_code", None),
        getattr(error, "code", None),
        cuerpo.get("code"),
    ):
        estado = int(str(candidato)) if str(candidato).isdigit() else 0
        if 300 <= estado < 600:
            return estado
    return None


def _limpio(texto: str, destino: Destino) -> str:
    """Una línea corta, sin claves ni páginas HTML."""
    if "<html" in texto.lower() or "<!doctype" in texto.lower():
        return ""
    if destino.secreto:
        texto = texto.replace(destino.secreto, "«clave»")
    texto = " ".join(_SECRETO.sub("«clave»", texto).split())
    return texto if len(texto) <= TOPE_DETALLE else texto[:TOPE_DETALLE] + "…"


def _espera(error: BaseException, cuerpo: Mapping[str, Any]) -> float | None:
    """Segundos que pide el servidor: cabeceras `Retry-After` o el `RetryInfo` de Google."""
    cabeceras = getattr(getattr(error, "response", None), "headers", None) or {}
    if (milis := _numero(cabeceras.get("retry-after-ms"))) is not None:
        return milis / 1000
    if bruta := cabeceras.get("Retry-After") or cabeceras.get("retry-after"):
        return _numero(bruta) if _numero(bruta) is not None else _hasta(bruta)
    for detalle in cuerpo.get("details") or ():
        if isinstance(detalle, Mapping) and "retryDelay" in detalle:
            return _numero(str(detalle["retryDelay"]).rstrip("s"))
    return None


def _numero(bruto: Any) -> float | None:
    try:
        valor = float(bruto)
    except (TypeError, ValueError):
        return None
    return valor if 0 <= valor < 1e7 else None


def _hasta(fecha: str) -> float | None:
    try:
        momento = parsedate_to_datetime(fecha)
    except ValueError:
        return None
    con_zona = momento if momento.tzinfo else momento.replace(tzinfo=UTC)
    return max((con_zona - datetime.now(UTC)).total_seconds(), 0.0)


def _por_estado(visto: _Visto, destino: Destino) -> ErrorModelo:
    match visto.estado:
        case 401 | 403:
            return _clave(destino)
        case 402:
            return _saldo(destino)
        case 404:
            return _modelo(destino)
        case 408:
            return ErrorModeloPasajero(f"{destino.lugar} no respondió a tiempo", clase="tiempo")
        case 413:
            return _contexto(destino)
        case 429 | 409 | 425:
            return _tasa(visto, destino)
        case int(estado) if estado >= 500:
            return _servidor(visto, destino)
    return _peticion(visto, destino)


def _por_codigo(visto: _Visto, destino: Destino) -> ErrorModelo:
    """Un objeto de error en mitad del flujo, sin estado HTTP."""
    if re.search(r"rate.?limit|RESOURCE_EXHAUSTED|overloaded", visto.todo, re.IGNORECASE):
        return _tasa(visto, destino)
    if re.search(r"invalid.?(request|argument)", visto.codigo, re.IGNORECASE):
        return _peticion(visto, destino)
    if _CONTEXTO.search(visto.todo):
        return _contexto(destino)
    return _servidor(visto, destino)


def _peticion(visto: _Visto, destino: Destino) -> ErrorModelo:
    """Un 400 (o parecido): lo que de verdad pasa está en el texto."""
    if _CONTEXTO.search(visto.todo):
        return _contexto(destino)
    if _CLAVE_MALA.search(visto.todo):
        return _clave(destino)
    if _SIN_MODELO.search(visto.todo):
        return _modelo(destino)
    if _FILTRO.search(visto.todo):
        return ErrorModelo(f"{destino.lugar} bloqueó la petición{_cola(visto)}", clase="bloqueo")
    cual = visto.estado or visto.codigo
    return ErrorModelo(
        f"{destino.lugar} rechazó la petición ({cual}){_cola(visto)}", clase="peticion"
    )


def _clave(destino: Destino) -> ErrorModelo:
    if destino.variable_clave is None:
        return ErrorModelo(
            f"{destino.lugar} pide una clave y este preajuste no la usa", clase="clave"
        )
    return ErrorModelo(
        f"La clave de {destino.variable_clave} no vale para {destino.lugar}:"
        " pon una buena en el entorno o en .env",
        clase="clave",
    )


def _saldo(destino: Destino) -> ErrorModelo:
    de_cual = f" (clave de {destino.variable_clave})" if destino.variable_clave else ""
    return ErrorModelo(
        f"La cuenta de {destino.lugar} no tiene saldo o cuota{de_cual}", clase="clave"
    )


def _modelo(destino: Destino) -> ErrorModelo:
    o_url = (
        f" (o {destino.variable_url}, si la dirección no es esa)" if destino.variable_url else ""
    )
    return ErrorModelo(
        f"El modelo «{destino.modelo}» no existe en {destino.lugar}: revisa MODEL{o_url}",
        clase="modelo",
    )


def _contexto(destino: Destino) -> ErrorModelo:
    return ErrorModelo(f"La historia no cabe en el modelo {destino.referencia}", clase="contexto")


def _tasa(visto: _Visto, destino: Destino) -> ErrorModelo:
    if _SIN_SALDO.search(visto.todo):
        return _saldo(destino)
    return ErrorModeloPasajero(
        f"{destino.lugar} pide ir más despacio ({visto.estado or visto.codigo})",
        clase="tasa",
        espera_s=visto.espera_s,
        satura=True,
    )


def _servidor(visto: _Visto, destino: Destino) -> ErrorModelo:
    return ErrorModeloPasajero(
        f"{destino.lugar} falló por su lado ({visto.estado or visto.codigo or 'sin código'})"
        f"{_cola(visto)}",
        clase="servidor",
        espera_s=visto.espera_s,
        satura=visto.estado in _SATURADO or visto.espera_s is not None,
    )


def _conexion(cadena: list[BaseException], destino: Destino) -> ErrorModelo:
    remedio = f" ({destino.variable_url})" if destino.variable_url else ""
    if any(_SIN_SERVIDOR.search(type(e).__name__) for e in cadena):
        texto = (
            f"No hay servidor en {destino.lugar}: ¿está en marcha y es esa su dirección?{remedio}"
        )
    else:
        texto = f"Se cortó la conexión con {destino.lugar}"
    return ErrorModeloPasajero(texto, clase="conexion")


def _cola(visto: _Visto) -> str:
    return f": {visto.detalle}" if visto.detalle else ""
