"""Ejecuta órdenes de consola de los agentes: cara del ala `consola/`.

Cada orden es un bash nuevo, sin terminal ni entrada, con entorno limpio, tiempo y salida
acotados, y ningún proceso vivo detrás. Se puede usar sola, sin el resto del enjambre:

    consola = EjecutorConsola(Path("data/espacios"), aislamiento=await elegir_aislamiento())
    resultado = await consola.ejecutar_comando_seguro("ls | wc -l", "ejecutor-1")
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.aislamiento import Aislamiento, elegir_aislamiento
from servicios.consola.cuaderno import Cuaderno, Hojas
from servicios.consola.entorno import entorno_de_orden
from servicios.consola.estado import Estado
from servicios.consola.proceso import Corrida, Lanzamiento, Limites, MotivoFin
from servicios.reloj import Compas

__all__ = ["EjecutorConsola", "MotivoFin", "ResultadoComando", "elegir_aislamiento"]

CODIGO_TIEMPO = 124
"""Código de una orden que agotó su tiempo (el de `timeout`)."""

CODIGO_MAL_PEDIDA = 2
"""Código de una orden que no se puede ni intentar."""

CODIGO_MATADA = 137
"""Código de una orden que se mató (128 + SIGKILL)."""

_TOPE_COMANDO = 100_000
_ID_AGENTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class ResultadoComando:
    """Lo que dejó una orden; `salida` y `error` son texto ya acotado y `ms` milisegundos.

    `bytes_omitidos` suma lo que falta en los dos textos.
    """

    salida: str
    error: str
    codigo: int
    motivo: MotivoFin = MotivoFin.OK
    bytes_omitidos: int = 0
    ms: int = 0

    def para_modelo(self) -> str:
        """El JSON que lee el modelo, sin el último salto de línea de cada texto."""
        datos: dict[str, str | int] = {
            "salida": self.salida.removesuffix("\n"),
            "error": self.error.removesuffix("\n"),
            "codigo": self.codigo,
        }
        if self.motivo is not MotivoFin.OK:
            datos["motivo"] = self.motivo.value
        if self.bytes_omitidos:
            datos["bytes_omitidos"] = self.bytes_omitidos
        return json.dumps(datos, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class _Ficha:
    """Lo que se recuerda de un agente entre orden y orden."""

    turno: asyncio.Lock = field(default_factory=asyncio.Lock)
    estado: Estado | None = None


class EjecutorConsola:
    """Lanza las órdenes: una a la vez por agente y `simultaneos` en total.

    `limite_s` son segundos por orden, `limite_salida` los bytes que se conservan de cada flujo
    (mitad del principio, mitad del final) y `limite_total` los que puede escribir antes de que
    se la mate.
    """

    def __init__(
        self,
        espacios: Path,
        *,
        aislamiento: Aislamiento,
        limite_s: float = 120.0,
        limite_salida: int = 16_000,
        limite_total: int = 64 * 1024 * 1024,
        simultaneos: int = 16,
    ) -> None:
        self._espacios = espacios.resolve()
        self._aislamiento = aislamiento
        self._limite_s = limite_s
        self._limite_salida = limite_salida
        self._limite_total = limite_total
        self._cupo = asyncio.Semaphore(simultaneos)
        self._compas = Compas()
        self._cuaderno = Cuaderno(aislamiento.duenio)
        self._fichas: dict[str, _Ficha] = {}
        self._en_marcha: dict[asyncio.Task[ResultadoComando], Corrida] = {}
        self._cerrada = False

    async def ejecutar_comando_seguro(
        self,
        command: str,
        agente_id: str,
        *,
        limite_s: float | None = None,
        limite_salida: int | None = None,
    ) -> ResultadoComando:
        """Ejecuta `command` en bash, donde quedó la orden anterior de ese agente.

        El tiempo cuenta desde que arranca, no mientras espera turno. Si cancelan a quien espera,
        la orden y todos sus procesos mueren antes de que la cancelación siga. Lanza
        `ErrorConsola` si esta máquina no puede lanzarla.
        """
        if reparo := _reparo(command):
            return ResultadoComando("", reparo, CODIGO_MAL_PEDIDA)
        ficha = self._fichas.setdefault(agente_id, _Ficha())
        async with ficha.turno, self._cupo:
            await self._compas.turno()
            if self._cerrada:
                return _CERRADA
            limites = Limites(
                self._limite_s if limite_s is None else limite_s,
                self._limite_salida if limite_salida is None else limite_salida,
                self._limite_total,
            )
            casa = self._casa(agente_id)
            hojas = self._abrir_hojas(ficha, casa)
            corrida = Corrida(self._lanzamiento(command, casa, hojas), limites, self._aislamiento)
            return await self._esperar(corrida, self._correr(corrida, limites, ficha, hojas))

    def olvidar(self, agente_id: str) -> None:
        """Olvida la carpeta y las variables de un agente que terminó; sus archivos se quedan."""
        self._fichas.pop(agente_id, None)

    async def cerrar(self) -> None:
        """Mata lo que quede y no acepta más; al volver no hay ningún proceso nuestro vivo."""
        self._cerrada = True
        for corrida in self._en_marcha.values():
            corrida.parar(MotivoFin.CANCELADO)
        if self._en_marcha:
            await asyncio.wait(set(self._en_marcha))
        self._cuaderno.cerrar()

    def _casa(self, agente_id: str) -> Path:
        """La carpeta del agente, creada y suya."""
        if not _ID_AGENTE.fullmatch(agente_id):
            raise ErrorConsola(f"consola: «{agente_id[:80]}» no vale como id de agente")
        casa = self._espacios / agente_id
        try:
            casa.mkdir(parents=True, exist_ok=True)
            duenio = self._aislamiento.duenio
            if duenio is not None and casa.lstat().st_uid != duenio:
                os.chown(casa, duenio, duenio, follow_symlinks=False)
        except OSError as error:
            raise ErrorConsola(f"consola: no se puede usar {casa} ({error.strerror})") from error
        return casa

    def _abrir_hojas(self, ficha: _Ficha, casa: Path) -> Hojas:
        try:
            return self._cuaderno.abrir(ficha.estado, casa)
        except OSError as error:
            raise ErrorConsola(
                f"consola: no se puede escribir en la carpeta temporal ({error.strerror})"
            ) from error

    def _lanzamiento(self, command: str, casa: Path, hojas: Hojas) -> Lanzamiento:
        # BASH_ENV va por `env`, justo antes de la orden: ningún otro intérprete debe leerlo.
        orden = ["env", f"BASH_ENV={hojas.preludio}", "bash", "-c", "--", command]
        marca = secrets.token_hex(8)
        return Lanzamiento(
            argv=self._aislamiento.argv(orden, casa, marca),
            carpeta=casa,
            entorno=entorno_de_orden(casa),
            marca=marca,
            duenio=self._aislamiento.duenio,
        )

    async def _esperar(
        self, corrida: Corrida, trabajo: Coroutine[None, None, ResultadoComando]
    ) -> ResultadoComando:
        tarea = asyncio.create_task(trabajo)
        self._en_marcha[tarea] = corrida
        tarea.add_done_callback(self._en_marcha.pop)
        try:
            return await asyncio.shield(tarea)
        except asyncio.CancelledError as cancelada:
            corrida.parar(MotivoFin.CANCELADO)
            await asyncio.wait({tarea})
            if not tarea.cancelled() and tarea.exception() is None:
                # Lo que llegó a imprimir viaja con la cancelación: quien anota no lo pierde.
                cancelada.args = (tarea.result(),)
            raise

    async def _correr(
        self, corrida: Corrida, limites: Limites, ficha: _Ficha, hojas: Hojas
    ) -> ResultadoComando:
        inicio = time.monotonic()
        estado = None
        try:
            motivo, codigo = await corrida.correr()
        except OSError as error:
            raise ErrorConsola(
                f"consola: no se pudo lanzar la orden ({error.strerror}); prueba con menos a la vez"
            ) from error
        finally:
            estado = self._cuaderno.recoger(hojas)
        ficha.estado = estado or ficha.estado
        salida, faltan_salida = corrida.salida.texto()
        quejas, faltan_error = corrida.error.texto()
        return ResultadoComando(
            salida=salida,
            error=_con_aviso(quejas, _aviso(motivo, limites)),
            codigo=_codigo(motivo, codigo),
            motivo=motivo,
            bytes_omitidos=faltan_salida + faltan_error,
            ms=round((time.monotonic() - inicio) * 1000),
        )


_CERRADA = ResultadoComando(
    "", "cancelado: la consola está cerrada", CODIGO_MATADA, MotivoFin.CANCELADO
)


def _reparo(command: str) -> str:
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


def _codigo(motivo: MotivoFin, codigo: int) -> int:
    match motivo:
        case MotivoFin.TIEMPO:
            return CODIGO_TIEMPO
        case MotivoFin.LIMITE_SALIDA | MotivoFin.CANCELADO:
            return CODIGO_MATADA
        case _:
            return codigo if codigo >= 0 else 128 - codigo


def _aviso(motivo: MotivoFin, limites: Limites) -> str:
    match motivo:
        case MotivoFin.TIEMPO:
            return f"tiempo agotado tras {limites.segundos:g} s: la orden y sus procesos han muerto"
        case MotivoFin.LIMITE_SALIDA:
            return f"límite de salida: la orden pasó de {limites.total} bytes y se la mató"
        case MotivoFin.CANCELADO:
            return "cancelado: se mató la orden"
        case MotivoFin.TUBERIA_RETENIDA:
            return "un proceso en segundo plano retuvo la salida: puede faltar texto"
        case MotivoFin.OK:
            return ""


def _con_aviso(error: str, aviso: str) -> str:
    separador = "\n" if error and aviso and not error.endswith("\n") else ""
    return error + separador + aviso
