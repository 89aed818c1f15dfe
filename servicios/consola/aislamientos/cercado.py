"""El aislamiento `landlock`: sin espacios propios, una cerca alrededor de lo concedido.

Landlock concede árboles enteros y no sabe exceptuar nada dentro de uno. Si en una carpeta
concedida hay algo protegido u oculto, se concede cada una de las demás entradas que tiene en ese
momento; directamente en esa carpeta no se puede crear, borrar ni renombrar nada.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.aislamientos import visibles
from servicios.consola.aislamientos.montajes import Modo, Montaje, planear
from servicios.consola.pedido import Cerca, Encierro
from servicios.consola.plaza import Plaza

_APARATOS = tuple(f"/dev/{nombre}" for nombre in ("null", "zero", "full", "random", "urandom"))


class Cercado:
    """Ver `Aislamiento`. `duenio` es el uid de las órdenes si somos root; si no, `None`.

    `porque` explica por qué no se usa otro mejor. Lanza `ErrorConsola` si las órdenes correrían
    como root: para root la cerca tiene agujeros.
    """

    nombre = "landlock"
    encierra = True
    red_de_cada_uno = False

    def __init__(self, duenio: int | None, porque: str = "") -> None:
        if duenio is None and os.geteuid() == 0:
            raise ErrorConsola("landlock no encierra a root: hace falta otro uid para las órdenes")
        self.duenio = duenio
        self.descripcion = (
            "landlock: cada orden solo toca su carpeta y los programas; ve los demás procesos"
            + (f" ({porque})" if porque else "")
        )
        self._leer = tuple(map(str, _de_la_maquina()))

    async def encerrar(self, plaza: Plaza) -> Encierro:
        """Ver `Aislamiento`: rechaza una red por lista, porque Landlock no conoce servidores."""
        if plaza.red is Red.LISTA:
            raise ErrorConsola(
                "consola: «landlock» no puede acotar la red a una lista; usa bwrap o docker"
            )
        leer, escribir, listar = _conceder(plaza)
        libre = plaza.red is Red.LIBRE
        de_red = [str(ruta) for ruta in visibles.ETC_CON_RED if libre and ruta.exists()]
        return Encierro(
            usuario=self.duenio,
            cerca=Cerca((*self._leer, *de_red, *leer), (*_APARATOS, *escribir), listar),
            filtro="con_red" if libre else "sin_red",
        )

    async def olvidar(self, agente_id: str) -> None:
        """Nada: la cerca muere con la orden."""

    async def cerrar(self) -> None:
        """Nada, por lo mismo."""


def _de_la_maquina() -> Iterator[Path]:
    """Los programas, lo inofensivo de `/etc` y `/proc`: lo ajeno de ahí lo niega la propia cerca."""
    enlazadas = (Path("/", nombre) for nombre in visibles.ENLAZADAS)
    fijas = (visibles.USR, *enlazadas, Path("/proc"), *visibles.ETC)
    return (ruta for ruta in (*fijas, *visibles.carpetas_de_python()) if ruta.exists())


def _conceder(plaza: Plaza) -> tuple[list[str], list[str], tuple[str, ...]]:
    """Lo que se puede leer, lo que se puede escribir y aquello de lo que solo se ven los nombres.

    Para poder listar una carpeta con excepciones hay que enseñar también los nombres que hay en
    ellas; su contenido, no.
    """
    plan = planear(plaza)
    recortadas: list[str] = []
    concedido: dict[Modo, list[str]] = {modo: [] for modo in Modo}
    for montaje in plan:
        if montaje.modo is not Modo.TAPAR:
            menos = [otro.ruta for otro in plan if _recorta(otro, montaje)]
            concedido[montaje.modo] += map(str, _sin(montaje.ruta, menos))
            recortadas += [str(montaje.ruta)] if menos else []
    return concedido[Modo.LEER], concedido[Modo.ESCRIBIR], tuple(recortadas)


def _recorta(otro: Montaje, montaje: Montaje) -> bool:
    """Si `otro` concede menos que `montaje` en un trozo suyo que existe."""
    menos = otro.modo is Modo.TAPAR or (otro.modo is Modo.LEER and montaje.modo is Modo.ESCRIBIR)
    dentro = otro.ruta != montaje.ruta and otro.ruta.is_relative_to(montaje.ruta)
    return menos and dentro and os.path.lexists(otro.ruta)


def _sin(ruta: Path, menos: list[Path]) -> Iterator[Path]:
    """La ruta entera o, si hay excepciones dentro, lo que no lleve a ninguna."""
    if not menos:
        yield ruta
        return
    try:
        entradas = sorted(ruta.iterdir())
    except OSError:
        return  # lo que no podemos mirar no lo concedemos
    for entrada in entradas:
        # Conceder un enlace concedería aquello a donde apunte.
        if entrada not in menos and not entrada.is_symlink():
            yield from _sin(entrada, [otra for otra in menos if otra.is_relative_to(entrada)])
