"""Una carrera entera: los dobles, el programa en su ventana, la persona y, al final, las cuentas."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.apoyo import PROVEEDORES, doble_de, variables_de
from tests.larga.encargos import TIPOS
from tests.larga.entorno import Entorno
from tests.larga.evidencias import Evidencias
from tests.larga.notario import Notario
from tests.larga.persona import Persona
from tests.larga.plan import Plan
from tests.larga.registro import Registro
from tests.larga.ventana import Ventana
from tests.tortura.cliente import copiar_programa
from tests.tortura.mirada import Mirada

_SILENCIO_S = "30"


async def correr(plan: Plan, carpeta: Path) -> None:
    """Deja en la carpeta `data/`, `registro.jsonl`, `terminal.txt` y la copia del programa."""
    datos, raiz = carpeta / "data", carpeta / "programa"
    registro = Registro(carpeta / "registro.jsonl")
    notario = Notario(plan, registro)
    async with AsyncExitStack() as pila:
        variables = {"ENJAMBRE_DATOS": str(datos), "ENJAMBRE_SILENCIO_S": _SILENCIO_S}
        dobles = []
        for proveedor in reversed(PROVEEDORES):
            doble = await pila.enter_async_context(
                doble_de(proveedor, notario.guion(), modelos=None)
            )
            variables |= variables_de(proveedor, doble)
            dobles.append(doble)
        copiar_programa(raiz, variables, *TIPOS)
        proyecto = carpeta / "proyecto"
        proyecto.mkdir()
        proyecto.chmod(0o777)  # las órdenes de la persona tampoco corren como root
        ventana = await pila.enter_async_context(Ventana.abrir(raiz, carpeta))
        evidencias = Evidencias(datos, proyecto)
        entorno = Entorno(plan, ventana, registro, notario, evidencias, Mirada(datos))
        try:
            await Persona(entorno).vivir()
        finally:
            notario.cerrar()
        for doble in dobles:
            registro.anotar("doble", rechazos=doble.rechazos, imprevistos=doble.imprevistos)
        await asyncio.to_thread(entorno.mirada.mirar)
        entorno.mirada.comprobar()
