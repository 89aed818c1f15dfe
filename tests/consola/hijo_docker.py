"""Un programa aparte que ejecuta órdenes con el aislamiento docker, como root o como otro usuario.

Lee un JSON por la entrada: `base`, `imagen` y `ordenes`, cada una con `agente`, `perfil` y
`command` y, si hace falta, `limite`. Imprime lo que dejó cada una, o por qué se negó.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola


async def main() -> None:
    pedido = json.load(sys.stdin)
    proyecto = Path(pedido["base"], "proyecto")
    opciones = OpcionesConsola("docker", proyecto, senuelo="llave falsa", imagen=pedido["imagen"])
    async with abrir_consola(proyecto / "data", opciones) as consola:
        await consola.ejecutar_comando_seguro("echo vecino", "vecino-1")
        resultados = [await _correr(consola, orden) for orden in pedido["ordenes"]]
    print(json.dumps(resultados))


async def _correr(consola: EjecutorConsola, orden: dict[str, Any]) -> dict[str, Any]:
    perfil = PerfilConsola(
        espacio=Espacio(orden["perfil"].get("espacio", "propio")),
        limite_comando_s=orden.get("limite"),
    )
    try:
        dejado = await consola.ejecutar_comando_seguro(orden["command"], orden["agente"], perfil)
    except ErrorConsola as error:
        return {"salida": "", "error": str(error), "codigo": -1, "motivo": ""}
    return {
        "salida": dejado.salida,
        "error": dejado.error,
        "codigo": dejado.codigo,
        "motivo": dejado.motivo.value,
    }


asyncio.run(main())
