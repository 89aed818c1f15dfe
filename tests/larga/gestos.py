"""Lo que se le ocurre a la persona mientras los agentes trabajan; cada gesto acaba cuando se ve su efecto.

Devuelven falso si ahora no venía a cuento: se intentará otra vez.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from servicios.interfaz.terminal import COMANDOS
from tests.larga.entorno import Entorno

Gesto = Callable[[Entorno], Awaitable[bool]]

_PEGADAS = 40


def _consulta(linea: str, se_ve: str) -> Gesto:
    """Una orden que solo enseña algo."""

    async def mirar(e: Entorno) -> bool:
        antes = (await e.ventana.mirar()).count(se_ve)
        await e.ventana.teclear(linea)
        await e.ventana.hasta(lambda v: v.count(se_ve) > antes or se_ve in v.rpartition(linea)[2])
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
    texto = "\n".join([f"pegado [{numero}]", *(f"línea {n} de lo pegado" for n in range(_PEGADAS))])
    await e.ventana.pegar(texto)
    await e.ventana.hasta(lambda v: f"línea {_PEGADAS - 1} de lo pegado" in v)
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


_TODOS: dict[str, tuple[str, Gesto]] = {
    "agentes": ("/agentes", _consulta("/agentes", "señal")),
    "mensajes": ("/mensajes", _consulta("/mensajes", "as")),
    "coste": ("/coste", _consulta("/coste", "dinero")),
    "estado": ("/estado", _consulta("/estado", "bitácora:")),
    "tablero": ("/tablero", _tablero),
    "orden": ("!orden", _orden),
    "charla": ("salir", _charla),
    "al margen": ("/btw", _al_margen),
    "al margen de uno": ("/btw", _al_margen_de_uno),
    "animar": ("@ID", _animar),
    "pegado": ("salir", _pegado),
}
"""Por cada gesto, la orden de la tabla del programa que ha de existir para hacerlo."""

_HAY = {comando.nombre for comando in COMANDOS}
GESTOS = {nombre: hacer for nombre, (orden, hacer) in _TODOS.items() if orden in _HAY}
"""Los que el programa admite."""
