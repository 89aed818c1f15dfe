"""Qué aislamiento se usa: el mejor que de verdad funcione aquí, o el que se pidió o ninguno."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable

from agentes.errores import ErrorConsola
from servicios.consola.aislamientos import landlock, seccomp
from servicios.consola.aislamientos.bwrap import Bwrap
from servicios.consola.aislamientos.cercado import Cercado
from servicios.consola.aislamientos.local import Local
from servicios.consola.entorno import RUTA_PROGRAMAS
from servicios.consola.plaza import Aislamiento

__all__ = ["AUTO", "NOMBRES", "UID_ORDENES", "Aislamiento", "Probar", "elegir_aislamiento"]

UID_ORDENES = 10_001
"""Usuario y grupo de las órdenes cuando el enjambre es root."""

AUTO = "auto"
NOMBRES = (AUTO, "bwrap", "landlock", "docker", "local")
"""Lo que se puede pedir."""

Probar = Callable[[Aislamiento], Awaitable[str]]
"""Ejecuta de verdad `true` con ese aislamiento; devuelve por qué no funcionó, o nada."""

_REMEDIO = "instala bubblewrap, o `--aislamiento local` para aceptar ejecución SIN aislamiento"
_REMEDIOS = {
    "bwrap": "instala bubblewrap 0.8 o más nuevo, o prueba `--aislamiento auto`",
    "landlock": "instala bubblewrap y usa `--aislamiento bwrap`",
    "local": "instala bash y util-linux",
}
_CAUSAS = (
    (
        ("namespace failed", "No permissions to create", "uid map", "setting up netns"),
        "el sistema no deja crear espacios de nombres (¿dentro de un contenedor, o AppArmor?)",
    ),
    (
        ("Can't mount proc", "Can't mount tmpfs", "Failed to make / slave", "pivot_root"),
        "el sistema no deja montar nada (¿dentro de un contenedor?)",
    ),
    (("Unknown option",), "la versión instalada es anterior a la 0.8"),
    (("seccomp",), "el sistema no acepta el filtro de llamadas (seccomp)"),
)


def usuario_de_ordenes(uid: int = UID_ORDENES) -> int | None:
    """Uid y gid con que han de correr las órdenes; `None` si son los nuestros."""
    return uid if os.geteuid() == 0 else None


async def elegir_aislamiento(
    pedido: str = AUTO,
    *,
    probar: Probar,
    abrir_contenedor: Callable[[int | None], Awaitable[Aislamiento]],
    uid_ordenes: int = UID_ORDENES,
) -> Aislamiento:
    """Prueba el aislamiento pedido, o con `auto` `bwrap` y después `landlock`, y lo devuelve.

    `docker` lo abre `abrir_contenedor`, que recibe el uid de las órdenes. Nunca cae a uno peor
    que el pedido. Lanza `ErrorConsola` con la causa y el remedio en una línea.
    """
    if pedido not in NOMBRES:
        raise ErrorConsola(f"consola: no existe el aislamiento «{pedido}»; hay {_lista()}")
    if shutil.which("bash", path=RUTA_PROGRAMAS) is None:
        raise ErrorConsola("consola: falta el programa «bash»; instálalo (solo Linux)")
    duenio = usuario_de_ordenes(uid_ordenes)
    if duenio == 0:
        raise ErrorConsola("consola: las órdenes no pueden correr como root; elige otro uid")
    if pedido == AUTO:
        return await _el_mejor(duenio, probar)
    if pedido == "docker":
        return await abrir_contenedor(duenio)
    elegido, causa = await _intentar(pedido, duenio, probar)
    if elegido is None:
        raise ErrorConsola(
            f"consola: se pidió {pedido} y no funciona: {causa}; {_REMEDIOS[pedido]}"
        )
    return elegido


async def _el_mejor(duenio: int | None, probar: Probar) -> Aislamiento:
    elegido, de_bwrap = await _intentar("bwrap", duenio, probar)
    if elegido is not None:
        return elegido
    porque = f"bwrap no funciona: {de_bwrap}"
    elegido, de_landlock = await _intentar("landlock", duenio, probar, porque)
    if elegido is not None:
        return elegido
    raise ErrorConsola(
        "consola: ningún aislamiento funciona aquí:"
        f" bwrap ({de_bwrap}), landlock ({de_landlock}); {_REMEDIO}"
    )


async def _intentar(
    nombre: str, duenio: int | None, probar: Probar, porque: str = ""
) -> tuple[Aislamiento | None, str]:
    """El aislamiento, o por qué no puede ser."""
    try:
        aislamiento = _crear(nombre, duenio, porque)
        causa = await probar(aislamiento)
        if causa:
            await aislamiento.cerrar()
    except ErrorConsola as error:
        return None, str(error).removeprefix("consola: ")
    return (None, _en_claro(causa)) if causa else (aislamiento, "")


def _crear(nombre: str, duenio: int | None, porque: str) -> Aislamiento:
    if nombre == "local":
        return Local(duenio)
    if not seccomp.disponible():
        raise ErrorConsola(f"sin filtro de seccomp para esta máquina ({os.uname().machine})")
    if nombre == "bwrap":
        return Bwrap(duenio)
    if landlock.abi() < 1:
        raise ErrorConsola("el núcleo no tiene Landlock (hace falta Linux 5.13 y que esté activo)")
    return Cercado(duenio, porque)


def _en_claro(causa: str) -> str:
    """La causa en palabras, si se conoce, con la queja original detrás."""
    for senales, explicacion in _CAUSAS:
        if any(senal in causa for senal in senales):
            return f"{explicacion}: «{causa}»"
    return causa


def _lista() -> str:
    return ", ".join(NOMBRES)
