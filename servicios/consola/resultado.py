"""Lo que deja una orden, contado para el modelo y para la bitácora."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agentes.errores import ErrorConsola
from servicios.consola.pedido import Informe, Limites, MotivoFin

CODIGO_TIEMPO = 124
"""Código de una orden que agotó su tiempo (el de `timeout`)."""

CODIGO_MAL_PEDIDA = 2
"""Código de una orden que no se puede ni intentar."""

CODIGO_DENEGADO = 126
"""Código de una orden que no se permitió."""

CODIGO_MATADA = 137
"""Código de una orden que se mató (128 + SIGKILL)."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ResultadoComando:
    """Lo que dejó una orden; `salida` y `error` son texto ya acotado y `ms` milisegundos.

    `bytes_omitidos` suma lo que falta en los dos textos; `ms` no cuenta lo que estuvo congelada.
    """

    salida: str
    error: str
    codigo: int
    motivo: MotivoFin = MotivoFin.OK
    bytes_omitidos: int = 0
    ms: int = 0

    def datos(self) -> dict[str, Any]:
        """Lo que lee el modelo, sin el último salto de línea de cada texto."""
        datos: dict[str, Any] = {
            "salida": self.salida.removesuffix("\n"),
            "error": self.error.removesuffix("\n"),
            "codigo": self.codigo,
        }
        if self.motivo is not MotivoFin.OK:
            datos["motivo"] = self.motivo.value
        if self.bytes_omitidos:
            datos["bytes_omitidos"] = self.bytes_omitidos
        return datos

    def para_modelo(self) -> str:
        """`datos` en JSON."""
        return json.dumps(self.datos(), ensure_ascii=False, separators=(",", ":"))


def resultado_de(informe: Informe) -> ResultadoComando:
    """El resultado de un informe. Lanza `ErrorConsola` si la orden no se pudo lanzar."""
    if informe.motivo is MotivoFin.SIN_LANZAR:
        raise ErrorConsola(f"consola: no se pudo lanzar la orden ({informe.queja})")
    return ResultadoComando(
        salida=informe.salida,
        error=_con_aviso(informe.error, _aviso(informe.motivo, informe.limites or _SIN_LIMITES)),
        codigo=_codigo(informe),
        motivo=informe.motivo,
        bytes_omitidos=informe.omitidos,
        ms=informe.ms,
    )


_SIN_LIMITES = Limites(0.0, 0, 0, 0, 0, 0, 0)


def _codigo(informe: Informe) -> int:
    if informe.motivo is MotivoFin.TIEMPO:
        return CODIGO_TIEMPO
    if informe.motivo in {MotivoFin.OK, MotivoFin.TUBERIA_RETENIDA, MotivoFin.LIMITE_ARCHIVO}:
        return informe.codigo if informe.codigo >= 0 else 128 - informe.codigo
    return CODIGO_MATADA


def _aviso(motivo: MotivoFin, limites: Limites) -> str:
    avisos = {
        MotivoFin.OK: "",
        MotivoFin.TIEMPO: f"tiempo agotado tras {limites.segundos:g} s: la orden y sus procesos"
        " han muerto",
        MotivoFin.LIMITE_SALIDA: f"límite de salida: la orden pasó de {limites.total} bytes y se la"
        " mató",
        MotivoFin.LIMITE_MEMORIA: f"límite de memoria: la orden pasó de {limites.memoria // _MIB}"
        " MiB y se la mató",
        MotivoFin.LIMITE_PROCESOS: f"límite de procesos: la orden pasó de {limites.procesos} a la"
        " vez y se la mató",
        MotivoFin.LIMITE_ARCHIVO: f"límite de archivo: ninguno puede pasar de"
        f" {limites.archivo // _MIB} MiB, o no queda sitio en la carpeta",
        MotivoFin.LIMITE_ESPACIO: f"límite de espacio: la carpeta pasó de {limites.espacio // _MIB}"
        " MiB y se mató la orden; borra algo",
        MotivoFin.CANCELADO: "cancelado: se mató la orden",
        MotivoFin.TUBERIA_RETENIDA: "un proceso en segundo plano retuvo la salida: puede faltar"
        " texto",
        MotivoFin.SIN_SUPERVISOR: "el supervisor de la orden murió: efecto desconocido, verifica",
    }
    return avisos.get(motivo, motivo.value)


def _con_aviso(error: str, aviso: str) -> str:
    separador = "\n" if error and aviso and not error.endswith("\n") else ""
    return error + separador + aviso
