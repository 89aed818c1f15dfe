"""El colector estricto: de un flujo de trozos a una respuesta de la que uno se puede fiar.

Los argumentos de cada llamada se leen del texto crudo, enteros y una vez: JSON estricto, un
objeto, válido contra su esquema, y solo si el proveedor dijo que terminó. Una orden cortada
nunca se ejecuta.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.respuestas import LlamadaHerramienta, Uso, en_unicode
from servicios.llm.flujo import (
    Fin,
    InicioLlamada,
    MensajeUnido,
    Razon,
    Trozo,
    TrozoArgumentos,
    TrozoTexto,
    UsoFlujo,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from prompts.tool_definitions import Esquema

NOMBRE_INVALIDO = "herramienta_desconocida"
_NOMBRE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[!-~]{1,256}")


@dataclass(slots=True)
class _Abierta:
    indice: int
    id: str | None
    nombre: str
    crudo: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recogido:
    """Una respuesta recogida entera."""

    mensaje: AIMessage
    texto: str
    llamadas: tuple[LlamadaHerramienta, ...]
    razon: Razon
    uso: Uso


class Validadores:
    """Un juego de herramientas y quién comprueba sus argumentos; se comparte entre agentes."""

    def __init__(self, herramientas: Iterable[Esquema]) -> None:
        self.herramientas = tuple(herramientas)
        self._por_nombre = {
            h["name"]: Draft202012Validator(h["parameters"]) for h in self.herramientas
        }

    def error_de(self, nombre: str, args: Mapping[str, Any]) -> str | None:
        """Qué está mal en la llamada, dicho al modelo; `None` si vale."""
        validador = self._por_nombre.get(nombre)
        if validador is None:
            hay = ", ".join(sorted(self._por_nombre)) or "ninguna"
            return f"Error: no tienes la herramienta «{nombre[:80]}». Tienes: {hay}."
        fallo = next(iter(validador.iter_errors(args)), None)
        if fallo is None:
            return None
        donde = "/".join(str(p) for p in fallo.absolute_path) or "argumentos"
        return f"Error: argumentos no válidos para {nombre}: {donde}: {fallo.message[:300]}"


class Colector:
    """Junta los trozos de un intento. Se usa una vez."""

    def __init__(self, validadores: Validadores) -> None:
        self._validadores = validadores
        self._textos: list[str] = []
        self._abiertas: list[_Abierta] = []
        self._fin: Fin | None = None
        self._uso = Uso()
        self._mensaje: AIMessage | None = None

    @property
    def texto(self) -> str:
        """El texto recibido hasta ahora."""
        return "".join(self._textos)

    @property
    def crudo(self) -> str:
        """Todo lo escrito hasta ahora, con los argumentos de las llamadas."""
        return self.texto + "".join("".join((a.nombre, *a.crudo)) for a in self._abiertas)

    @property
    def uso(self) -> Uso:
        """El que dijo el proveedor, si ya lo dijo."""
        return self._uso

    def tomar(self, trozo: Trozo) -> None:
        """Añade un trozo."""
        match trozo:
            case TrozoTexto(texto):
                self._textos.append(texto)
            case InicioLlamada(indice, id_, nombre):
                self._abrir(indice, id_, nombre)
            case TrozoArgumentos(indice, crudo):
                self._ultima(indice).crudo.append(crudo)
            case Fin():
                self._fin = trozo
            case UsoFlujo(uso):
                self._uso = uso
            case MensajeUnido(mensaje):
                self._mensaje = mensaje

    def _abrir(self, indice: int, id_: str | None, nombre: str) -> None:
        """Abre una llamada, salvo que el servidor solo repita la cabecera de la última."""
        anterior = next((a for a in reversed(self._abiertas) if a.indice == indice), None)
        repetida = anterior is not None and (anterior.nombre, anterior.id) == (nombre, id_)
        if anterior and repetida and not _es_objeto("".join(anterior.crudo)):
            return
        self._abiertas.append(_Abierta(indice, id_, nombre))

    def _ultima(self, indice: int) -> _Abierta:
        for abierta in reversed(self._abiertas):
            if abierta.indice == indice:
                return abierta
        self._abiertas.append(_Abierta(indice, None, ""))
        return self._abiertas[-1]

    def cerrar(self) -> Recogido:
        """La respuesta entera.

        Lanza `ErrorModeloPasajero` si se cortó o vino vacía y `ErrorModelo` si la bloquearon.
        """
        if self._fin is None or self._mensaje is None:
            raise ErrorModeloPasajero("el modelo cortó la respuesta a medias", clase="cortada")
        if self._fin.razon is Razon.BLOQUEO:
            raise ErrorModelo(
                f"el proveedor bloqueó la respuesta ({self._fin.cruda}): cambia el texto",
                clase="bloqueo",
            )
        if not self._abiertas and not self.texto.strip():
            raise ErrorModeloPasajero(
                f"el modelo respondió vacío (fin: {self._fin.cruda})", clase="vacia"
            )
        llamadas = self._leer_llamadas(self._fin)
        return Recogido(
            mensaje=_con_llamadas(self._mensaje, llamadas),
            texto=en_unicode(self.texto),
            llamadas=llamadas,
            razon=self._fin.razon,
            uso=self._uso,
        )

    def _leer_llamadas(self, fin: Fin) -> tuple[LlamadaHerramienta, ...]:
        usados: set[str] = set()
        leidas = []
        for abierta in self._abiertas:
            id_ = abierta.id or ""
            if id_ in usados or not _ID.fullmatch(id_):
                id_ = f"call_{uuid.uuid4().hex}"
            usados.add(id_)
            nombre = abierta.nombre if _NOMBRE.fullmatch(abierta.nombre) else NOMBRE_INVALIDO
            args, error = self._leer_args(abierta, fin)
            leidas.append(LlamadaHerramienta(id_, nombre, args, error))
        return tuple(leidas)

    def _leer_args(self, abierta: _Abierta, fin: Fin) -> tuple[dict[str, Any], str | None]:
        crudo = "".join(abierta.crudo)
        if fin.razon is not Razon.COMPLETA:
            return {}, (
                f"Error: tu respuesta se cortó (fin: {fin.cruda}) y la llamada no se ejecutó."
                " Repítela entera y más corta."
            )
        try:
            args = json.loads(crudo or "{}")
        except (ValueError, RecursionError) as error:
            return {}, f"Error: los argumentos no son JSON ({error}). Recibido: {crudo[:200]}"
        if not _es_unicode(args):
            return {}, "Error: los argumentos llevan texto que no es Unicode válido."
        if not isinstance(args, dict):
            return {}, f"Error: los argumentos han de ser un objeto JSON. Recibido: {crudo[:200]}"
        error_esquema = self._validadores.error_de(abierta.nombre, args)
        return ({}, error_esquema) if error_esquema else (args, None)


def _con_llamadas(mensaje: AIMessage, llamadas: tuple[LlamadaHerramienta, ...]) -> AIMessage:
    """El mensaje entero del proveedor, con las llamadas leídas aquí en lugar de las suyas."""
    propias = [
        {"name": ll.nombre, "args": ll.args, "id": ll.id, "type": "tool_call"} for ll in llamadas
    ]
    cambios = {"tool_calls": propias, "invalid_tool_calls": [], "content": _sano(mensaje.content)}
    return mensaje.model_copy(update=cambios)


def _sano(contenido: str | list[Any]) -> str | list[Any]:
    """El contenido en Unicode válido: lo que no lo es haría rechazar toda la historia."""
    if isinstance(contenido, str):
        return en_unicode(contenido)
    return [
        {**bloque, "text": en_unicode(bloque["text"])}
        if isinstance(bloque, dict) and isinstance(bloque.get("text"), str)
        else bloque
        for bloque in contenido
    ]


def _es_unicode(valor: Any) -> bool:
    try:
        json.dumps(valor, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _es_objeto(crudo: str) -> bool:
    try:
        return isinstance(json.loads(crudo), dict)
    except (ValueError, RecursionError):
        return False
