"""Un programa aparte que ejecuta órdenes en plazas de verdad, como root o como otro usuario.

Lee un JSON por la entrada: `aislamiento`, `base` y `ordenes`, cada una con `agente`, `perfil`,
`command` y, si hace falta, `enchufe`. Imprime lo que dejó cada una, o por qué se negó.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola, Red
from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from servicios.consola.aislamientos.bwrap import Bwrap
from servicios.consola.aislamientos.cercado import Cercado
from servicios.consola.aislamientos.local import Local
from servicios.consola.entorno import entorno_de_orden
from servicios.consola.pedido import Limites, Pedido
from servicios.consola.plaza import Aislamiento
from servicios.consola.plazas.plazas import Plazas
from servicios.consola.supervision.lanzador import Lanzador

RAIZ = Path(__file__).resolve().parents[2]
SENUELO = "llave falsa"
_MIB = 1024 * 1024
_LIMITES = Limites(20.0, 200_000, 10 * _MIB, 1024 * _MIB, 128, 256 * _MIB, 1024 * _MIB)
_CLASES = {"bwrap": Bwrap, "landlock": Cercado, "local": Local}


async def main() -> None:
    pedido = json.load(sys.stdin)
    duenio = UID_ORDENES if os.geteuid() == 0 else None
    base = Path(pedido["base"])
    proyecto = base / "proyecto"
    plazas = Plazas(proyecto / "data", proyecto, RAIZ, duenio, SENUELO)
    plazas.plaza("vecino-1", PerfilConsola())
    aislamiento: Aislamiento = _CLASES[pedido["aislamiento"]](duenio)
    resultados = []
    async with Lanzador.abrir(proyecto / "data/ops") as lanzador:
        for orden in pedido["ordenes"]:
            try:
                resultados.append(await _correr(lanzador, aislamiento, plazas, orden))
            except ErrorConsola as error:
                resultados.append({"salida": "", "error": str(error), "codigo": -1, "motivo": ""})
    print(json.dumps(resultados))


async def _correr(
    lanzador: Lanzador, aislamiento: Aislamiento, plazas: Plazas, orden: dict[str, Any]
) -> dict[str, Any]:
    crudo = orden["perfil"]
    perfil = PerfilConsola(
        espacio=Espacio(crudo.get("espacio", "propio")), red=Red(crudo.get("red", "ninguna"))
    )
    enchufe = Path(orden["enchufe"]) if "enchufe" in orden else None
    plaza = plazas.plaza(orden["agente"], perfil, enchufe)
    pedido = Pedido(
        orden=("bash", "-c", "--", orden["command"]),
        carpeta=str(plaza.carpeta),
        entorno=entorno_de_orden(plaza.carpeta, plaza.casa),
        limites=_LIMITES,
        encierro=await aislamiento.encerrar(plaza),
        medidas=(str(plaza.carpeta), str(plaza.casa)),
    )
    informe = await lanzador.correr(pedido)
    return {
        "salida": informe.salida,
        "error": informe.error + informe.queja,
        "codigo": informe.codigo,
        "motivo": informe.motivo.value,
    }


asyncio.run(main())
