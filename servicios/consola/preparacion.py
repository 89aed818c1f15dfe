"""De una orden suelta a una orden encerrada, limitada y en marcha. Lo mismo para los trabajos."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentes.perfil_consola import Espacio, PerfilConsola, Red
from servicios.consola.cuaderno import hacer_cuaderno
from servicios.consola.entorno import entorno_de_orden
from servicios.consola.memoria import NADA, Recuerdo
from servicios.consola.pedido import Limites, Pedido
from servicios.consola.plaza import Aislamiento, Plaza
from servicios.consola.supervision.corrida import Corrida

_MIB = 1024 * 1024
_TOPE_COMANDO = 100_000
_FICHERO_MINIMO = 256 * 1024
"""Lo que siempre se puede escribir en un archivo, aunque no quede sitio: la hoja de estado."""


class RepartoDePlazas(Protocol):
    """Quien da a cada agente su sitio."""

    def plaza(self, agente_id: str, perfil: PerfilConsola, enchufe: Path | None = None) -> Plaza:
        """El sitio de un agente, ya creado. Lanza `ErrorConsola`."""
        ...


@dataclass(frozen=True, slots=True)
class Generales:
    """Los límites de las órdenes cuyo perfil no dice otra cosa: segundos, bytes y bytes."""

    segundos: float = 120.0
    salida: int = 16_000
    total: int = 64 * _MIB


@dataclass(frozen=True, slots=True)
class Taller:
    """Lo que hace falta para poner en marcha cualquier orden.

    `enchufar` abre la salida a la red de un agente con `red: lista` y `desenchufar` la cierra;
    `nuestro` es el entorno del que salen el idioma y las variables concedidas.
    """

    plazas: RepartoDePlazas
    aislamiento: Aislamiento
    lanzar: Callable[[Pedido], Awaitable[Corrida]]
    enchufar: Callable[[str, tuple[str, ...]], Awaitable[Path]]
    desenchufar: Callable[[str], Awaitable[None]]
    nuestro: Mapping[str, str]
    generales: Generales

    async def preparar(
        self,
        command: str,
        agente_id: str,
        perfil: PerfilConsola,
        *,
        fila: int | None = None,
        recuerdo: Recuerdo = NADA,
        segundos: float | None = None,
    ) -> Corrida:
        """Encierra la orden en la plaza del agente y la lanza.

        Deja lo suyo en la carpeta de `fila`, o en una suelta que se borra sola. Lanza
        `ErrorConsola`.
        """
        enchufe = None
        if perfil.red is Red.LISTA:
            enchufe = await self.enchufar(agente_id, perfil.red_destinos)
        plaza = self.plazas.plaza(agente_id, perfil, enchufe)
        encierro = await self.aislamiento.encerrar(plaza)
        # El doble: el límite lo mira el supervisor, que así puede decirlo; esto frena el golpe.
        procesos = 2 * perfil.limite_procesos if encierro.procesos_aparte else None
        cuaderno = hacer_cuaderno(
            plaza.casa, self.aislamiento.duenio, recuerdo.estado, plaza.carpeta, procesos
        )
        limites = self._limites(perfil, segundos, recuerdo.ocupado)
        entorno = entorno_de_orden(plaza.carpeta, plaza.casa, self.nuestro, perfil.variables)
        pedido = Pedido(
            orden=("bash", "-c", "--", command),
            carpeta=str(plaza.carpeta),
            entorno={**entorno, "BASH_ENV": cuaderno.preludio},
            limites=limites,
            encierro=encierro,
            medidas=_medidas(plaza),
            operacion="" if fila is None else str(fila),
            cuaderno=cuaderno,
        )
        return await self.lanzar(pedido)

    def _limites(self, perfil: PerfilConsola, segundos: float | None, ocupado: int) -> Limites:
        espacio = perfil.limite_espacio_mb * _MIB
        cabe = max(_FICHERO_MINIMO, espacio - ocupado)
        return Limites(
            segundos=segundos or perfil.limite_comando_s or self.generales.segundos,
            salida=perfil.limite_salida or self.generales.salida,
            total=self.generales.total,
            memoria=perfil.limite_memoria_mb * _MIB,
            procesos=perfil.limite_procesos,
            archivo=min(perfil.limite_archivo_mb * _MIB, cabe),
            espacio=espacio,
        )


def _medidas(plaza: Plaza) -> tuple[str, ...]:
    """Las carpetas propias del agente; la del proyecto es de la persona y no se le cuenta."""
    prestada = plaza.perfil.espacio is not Espacio.PROPIO
    propias = (c for c in plaza.escribir if not (prestada and c == plaza.carpeta))
    return tuple(dict.fromkeys(map(str, propias)))


def reparo_de(command: str) -> str:
    """Por qué no se puede ni intentar una orden, o nada."""
    if not command.strip():
        return "orden vacía: escribe qué hay que ejecutar"
    if "\x00" in command:
        return "la orden contiene un carácter NUL y bash no puede recibirlo"
    try:
        largo = len(command.encode())
    except UnicodeEncodeError:
        return "la orden contiene caracteres que no existen en Unicode (sustitutos sueltos)"
    if largo > _TOPE_COMANDO:
        return f"orden demasiado larga ({largo} bytes; máximo {_TOPE_COMANDO}): usa un archivo"
    return ""
