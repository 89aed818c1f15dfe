"""El registro: cada herramienta es un esquema, una función asíncrona y su origen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agentes.errores import ErrorConfiguracion, ErrorEnjambre
from agentes.guardado import OperacionGuardada, Rescatado
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from prompts.tool_definitions import Esquema

Funcion = Callable[[Mapping[str, Any], str, Operacion], Awaitable[ResultadoHerramienta]]
"""Recibe los argumentos ya validados, el id del agente que la usa y ese uso."""


Rescatar = Callable[[Mapping[str, Any], str, Operacion], Awaitable[Rescatado | None]]
"""Igual, pero de una operación que se quedó abierta; `None` si hay que hacerla otra vez."""

INTERRUMPIDA = (
    "interrumpido: empezó y no terminó, puede estar a medias: verifica antes de repetirlo"
)


class Politica(StrEnum):
    """Qué se hace con un uso que empezó y no se sabe si acabó."""

    LECTURA = "lectura"
    """No cambia nada: se repite."""

    IDEMPOTENTE = "idempotente"
    """Repetirlo deja lo mismo que hacerlo una vez: se repite."""

    UNICO = "unico"
    """Nunca se repite solo: se avisa a quien lo pidió."""


@dataclass(frozen=True, slots=True)
class Herramienta:
    """Una herramienta; `origen` dice de dónde salió (`incluida`, archivo, MCP…).

    `rescatar` averigua qué fue de una operación abierta; sin él decide `politica`.
    """

    esquema: Esquema
    funcion: Funcion
    origen: str = "incluida"
    politica: Politica = Politica.UNICO
    rescatar: Rescatar | None = None

    @property
    def nombre(self) -> str:
        """El nombre con el que la llama el modelo."""
        return str(self.esquema["name"])


class RegistroHerramientas:
    """Herramientas por nombre. Ejecutar nunca lanza, salvo la cancelación."""

    def __init__(self) -> None:
        self._por_nombre: dict[str, Herramienta] = {}

    @property
    def nombres(self) -> frozenset[str]:
        """Los nombres registrados."""
        return frozenset(self._por_nombre)

    def registrar(self, herramienta: Herramienta) -> None:
        """Añade una herramienta. Lanza `ErrorConfiguracion` si el nombre ya está."""
        if herramienta.nombre in self._por_nombre:
            raise ErrorConfiguracion(f"la herramienta «{herramienta.nombre}» está repetida")
        self._por_nombre[herramienta.nombre] = herramienta

    def esquemas(self, nombres: Iterable[str]) -> tuple[Esquema, ...]:
        """Los esquemas de los nombres que estén registrados, en ese orden."""
        return tuple(self._por_nombre[n].esquema for n in nombres if n in self._por_nombre)

    async def rescatar(
        self, guardada: OperacionGuardada, llamada: LlamadaHerramienta, agente_id: str
    ) -> Rescatado | None:
        """Lo que quedó de una operación abierta; `None` si hay que hacerla otra vez."""
        herramienta = self._por_nombre.get(guardada.tool)
        if herramienta is not None and herramienta.rescatar is not None:
            operacion = Operacion(guardada.op, guardada.pedida.id, guardada.intento)
            try:
                return await herramienta.rescatar(llamada.args, agente_id, operacion)
            except ErrorEnjambre as error:
                return Rescatado(ResultadoHerramienta(False, f"Error: {error}"), "recuperado")
        if herramienta is not None and herramienta.politica is not Politica.UNICO:
            return None
        return Rescatado(ResultadoHerramienta(False, INTERRUMPIDA), "interrumpido")

    async def ejecutar(
        self, nombre: str, args: Mapping[str, Any], agente_id: str, operacion: Operacion
    ) -> ResultadoHerramienta:
        """Ejecuta una herramienta; cualquier fallo suyo vuelve como valor."""
        herramienta = self._por_nombre.get(nombre)
        if herramienta is None:
            return ResultadoHerramienta(False, f"Error: no existe la herramienta «{nombre}».")
        try:
            return await herramienta.funcion(args, agente_id, operacion)
        except ErrorEnjambre as error:
            return ResultadoHerramienta(False, f"Error: {error}")
        except Exception as error:  # noqa: BLE001 - una herramienta rota no tumba al agente
            return ResultadoHerramienta(
                False, f"Error en {nombre}: {type(error).__name__}: {error}"
            )
