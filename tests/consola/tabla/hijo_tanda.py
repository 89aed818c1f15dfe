"""Un enjambre aparte que ejecuta tandas de órdenes con la consola entera.

Argumento, en JSON: `aislamiento`, `datos`, `proyecto`, `imagen` y `rondas`: listas de órdenes que
se lanzan a la vez, cada una con `agente`, `command` y `perfil`. Imprime lo que dejó cada orden y
cómo lo llevó el propio enjambre: su memoria y los retrasos de su bucle de eventos.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.supervision.cgrupo import JERARQUIAS
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola

_LATIDO_S = 0.005


async def main() -> None:
    pedido = json.loads(sys.argv[1])
    opciones = OpcionesConsola(
        pedido["aislamiento"], Path(pedido["proyecto"]), imagen=pedido["imagen"]
    )
    retrasos: list[float] = []
    dejados: dict[str, Any] = {}
    async with abrir_consola(Path(pedido["datos"]), opciones) as consola:
        await consola.ejecutar_comando_seguro("true", "primera-1")
        antes = _memoria_kib()
        pulso = asyncio.create_task(_latir(retrasos))
        for ronda in pedido["rondas"]:
            hechas = await asyncio.gather(*(_correr(consola, orden) for orden in ronda))
            dejados |= {o["agente"]: hecha for o, hecha in zip(ronda, hechas, strict=True)}
        pulso.cancel()
        crecio = _memoria_kib() - antes
    retrasos.sort()
    informe = {
        "dejados": dejados,
        "p99_ms": 1000 * retrasos[int(len(retrasos) * 0.99)],
        "crecio_kib": crecio,
        "cgrupos": bool(JERARQUIAS.memoria),
    }
    print(json.dumps(informe))


async def _correr(consola: EjecutorConsola, orden: dict[str, Any]) -> dict[str, Any]:
    crudo = dict(orden["perfil"])
    if "espacio" in crudo:
        crudo["espacio"] = Espacio(crudo["espacio"])
    perfil = PerfilConsola(**crudo)
    try:
        dejado = await consola.ejecutar_comando_seguro(orden["command"], orden["agente"], perfil)
    except ErrorConsola as error:
        dejado_crudo = {"salida": "", "error": str(error), "codigo": -1, "motivo": "no lanzada"}
        return {**dejado_crudo, "bytes_omitidos": 0, "ms": 0}
    return {**asdict(dejado), "motivo": dejado.motivo.value}


async def _latir(retrasos: list[float]) -> None:
    while True:
        antes = time.monotonic()
        await asyncio.sleep(_LATIDO_S)
        retrasos.append(time.monotonic() - antes - _LATIDO_S)


def _memoria_kib() -> int:
    """El máximo de este proceso. El de `getrusage` lo heredaría de quien lo lanzó."""
    estado = Path("/proc/self/status").read_text()
    return int(estado.partition("VmHWM:")[2].split()[0])


asyncio.run(main())
