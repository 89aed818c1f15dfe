"""Lo que se le ocurre a la persona mientras los agentes trabajan; cada gesto acaba cuando se ve su efecto.

Devuelven falso si ahora no venía a cuento: se intentará otra vez.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

from servicios.interfaz.terminal import COMANDOS
from tests.larga.entorno import Entorno

Gesto = Callable[[Entorno], Awaitable[bool]]

_PEGADAS = 40


def _consulta(linea: str, se_ve: str) -> Gesto:
    """Una orden que solo enseña algo; `se_ve` es una expresión regular."""

    async def mirar(e: Entorno) -> bool:
        await e.ventana.teclear(linea)
        await e.ventana.hasta(lambda v: bool(re.search(se_ve, v.rpartition(f"› {linea}\n")[2])))
        e.registro.anotar("consulta", linea=linea)
        return True

    return mirar


async def _orden(e: Entorno) -> bool:
    nombre = f"usuario.{e.siguiente()}"
    await e.ventana.teclear(
        f"!echo {nombre} >> empezadas; echo {nombre} >> acabadas; echo fin-{nombre}; exit 4"
    )
    await e.ventana.hasta(lambda v: "[código 4" in v.rpartition(f"fin-{nombre}\n")[2])
    e.registro.anotar("orden", nombre=nombre, codigo=4)
    return True


async def _charla(e: Entorno) -> bool:
    numero = e.siguiente()
    await e.decir(f"¿cómo va? [{numero}]")
    await e.hasta_ver(f"oído [{numero}]")
    return True


async def _al_margen(e: Entorno) -> bool:
    pregunta = f"al margen {(numero := e.siguiente())}, ¿qué hora es?"
    await e.ventana.teclear(f"/btw {pregunta}")
    await e.hasta_ver(f"contesto [{numero}]")
    e.registro.anotar("aparte", sobre="master", texto=pregunta)
    return True


async def _al_margen_de_uno(e: Entorno) -> bool:
    jefes = e.trabajando("jefe")
    if not jefes:
        return False
    pregunta = f"al margen {(numero := e.siguiente())}, ¿qué hace?"
    await e.ventana.teclear(f"/btw @{jefes[-1]} {pregunta}")
    await e.hasta_ver(f"contesto [{numero}]")
    e.registro.anotar("aparte", sobre=jefes[-1], texto=pregunta)
    return True


async def _animar(e: Entorno) -> bool:
    vivos = e.trabajando("jefe")
    if not vivos:
        return False
    await e.directa(vivos[-1], f"ánimo [{e.siguiente()}]")
    return True


async def _pegado(e: Entorno) -> bool:
    numero = e.siguiente()
    texto = "\n".join([f"pegado [{numero}]", *(f"línea {n} de {numero}" for n in range(_PEGADAS))])
    await e.ventana.pegar(texto)
    await e.ventana.hasta(lambda v: f"línea {_PEGADAS - 1} de {numero}" in v)
    await e.ventana.pulsar("Enter")
    await e.hasta_que_llegue(texto)
    await e.hasta_ver(f"oído [{numero}]")
    return True


async def _tablero(e: Entorno) -> bool:
    await e.ventana.teclear("/tablero")
    await e.ventana.hasta(lambda v: "vuelven" in v)
    await e.ventana.pulsar("q")
    await e.ventana.hasta(lambda v: "tokens" in v.rstrip().rpartition("\n")[2])
    e.registro.anotar("consulta", linea="/tablero")
    return True


async def _pausar(e: Entorno) -> bool:
    """Detiene a uno, si no hay ya otro detenido. Puede que acabe antes de leerlo."""
    vivos = [*e.trabajando("lejano"), *e.trabajando("obrero")]
    return bool(vivos) and not e.pausados and await _mandar(e, "pausar", vivos[-1])


async def _seguir(e: Entorno) -> bool:
    """Un paso y adelante, a quien esté detenido."""
    if not e.pausados:
        return False
    [agente] = e.pausados
    dio = await _mandar(e, "paso", agente)
    await _mandar(e, "reanudar", agente)
    return dio


async def _mandar(e: Entorno, mando: str, agente: str) -> bool:
    """Manda y apunta si se hizo; falso si el programa dijo que no venía a cuento."""
    linea = f"/{mando} {agente}"
    antes, tecleado = (await e.ventana.mirar()).count(linea), time.time()
    await e.ventana.teclear(linea)
    visto = await e.ventana.hasta(lambda v: v.count(linea) > antes and bool(_dicho_tras(v, linea)))
    hecho = f"{agente} {_MANDADO[mando]}" in _dicho_tras(visto, linea)
    if hecho:
        e.registro.anotar("mando", agente=agente, mando=mando, tecleado=tecleado)
    if mando == "pausar" and hecho:
        e.pausados.add(agente)
    if mando == "reanudar":
        e.pausados.discard(agente)
    return hecho


_MANDADO = {
    "pausar": "se le manda pausar",
    "paso": "se le deja dar un paso",
    "reanudar": "se le manda seguir",
}


def _dicho_tras(visto: str, linea: str) -> str:
    """Lo que nombra al agente después de la última vez que se tecleó esa línea."""
    agente = linea.rsplit(maxsplit=1)[-1]
    resto = visto.rpartition(linea)[2]
    return "\n".join(texto for texto in resto.split("\n") if agente in texto)


async def _presupuesto(e: Entorno) -> bool:
    """Lo mira y lo sube: lo que sea que conteste, que lo conteste."""
    for linea in ("/presupuesto", "/presupuesto +1"):
        await e.ventana.teclear(linea)
        visto = await e.ventana.hasta(lambda v, de=linea: _contestado(v, de))  # type: ignore[misc]
        assert "querías decir" not in visto.rpartition(f"› {linea}\n")[2], visto
        e.registro.anotar("consulta", linea=linea)
    return True


def _contestado(visto: str, linea: str) -> bool:
    """Si entre esa línea y el prompt hay algo escrito."""
    despues = visto.rpartition(f"› {linea}\n")
    return bool(despues[1]) and bool(despues[2].rpartition("\n›")[0].strip())


_TODOS: dict[str, tuple[str, Gesto]] = {
    "agentes": ("/agentes", _consulta("/agentes", "señal")),
    "mensajes": ("/mensajes", _consulta("/mensajes", "cómo va|no has escrito")),
    "coste": ("/coste", _consulta("/coste", "dinero")),
    "estado": ("/estado", _consulta("/estado", "bitácora:")),
    "tablero": ("/tablero", _tablero),
    "orden": ("!orden", _orden),
    "charla": ("salir", _charla),
    "al margen": ("/btw", _al_margen),
    "al margen de uno": ("/btw", _al_margen_de_uno),
    "animar": ("@ID", _animar),
    "pegado": ("salir", _pegado),
    "pausar": ("/pausar", _pausar),
    "seguir": ("/reanudar", _seguir),
    "presupuesto": ("/presupuesto", _presupuesto),
}
"""Por cada gesto, la orden de la tabla del programa que ha de existir para hacerlo."""

_HAY = {comando.nombre for comando in COMANDOS}
GESTOS = {nombre: hacer for nombre, (orden, hacer) in _TODOS.items() if orden in _HAY}
"""Los que el programa admite."""
