"""La prueba de un aislamiento: una orden de verdad en un sitio de usar y tirar."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from servicios.consola.pedido import MotivoFin
from servicios.consola.plaza import Aislamiento
from servicios.consola.plazas.plazas import Plazas
from servicios.consola.preparacion import Generales, Taller
from servicios.consola.supervision.lanzador import Lanzador

_PRUEBA = "prueba-0"
_LIMITE_PRUEBA_S = 5.0


async def sin_proxy(agente_id: str, _destinos: tuple[str, ...]) -> Path:
    """El enchufe de quien no tiene proxy: lanza `ErrorConsola`."""
    raise ErrorConsola(f"consola: {agente_id} necesita un proxy para su red por lista y no lo hay")


async def nada(_agente_id: str) -> None:
    """Sin proxy no hay nada que cerrar."""


async def probar_de_verdad(
    lanzador: Lanzador, raiz: Path, datos: Path, aislamiento: Aislamiento
) -> str:
    """Ejecuta `true` de verdad en un sitio de usar y tirar; devuelve por qué no pudo, o nada.

    El sitio está en `datos`, como las carpetas de las órdenes: algunas cosas se mueven de unas a
    otras y no pueden cambiar de disco.
    """
    with tempfile.TemporaryDirectory(prefix="enjambre-prueba-", dir=datos) as carpeta:
        os.chmod(carpeta, 0o711)  # noqa: PTH101, S103 - que el usuario de las órdenes pueda pasar
        taller = Taller(
            plazas=Plazas(Path(carpeta), Path(carpeta), raiz, aislamiento.duenio, ""),
            aislamiento=aislamiento,
            lanzar=lanzador.lanzar,
            enchufar=sin_proxy,
            desenchufar=nada,
            nuestro={},
            generales=Generales(segundos=_LIMITE_PRUEBA_S),
        )
        corrida = await taller.preparar("true", _PRUEBA, PerfilConsola())
        informe = await corrida.fin()
    if informe.motivo is MotivoFin.OK and informe.codigo == 0:
        return ""
    if informe.motivo is MotivoFin.TIEMPO:
        return f"la prueba no terminó en {_LIMITE_PRUEBA_S:g} s"
    lineas = (informe.queja or informe.error).strip().splitlines()
    return lineas[-1] if lineas else f"código {informe.codigo}"
