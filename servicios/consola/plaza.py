"""El sitio donde corre una orden y la costura de los aislamientos que la encierran en él."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from agentes.perfil_consola import PerfilConsola, Red
from servicios.consola.pedido import Encierro


@dataclass(frozen=True, slots=True)
class Plaza:
    """Lo que una orden puede tocar, con las mismas rutas dentro que fuera.

    `carpeta` es donde empieza y `casa`, su HOME. `escribir` y `leer` cuentan con todo lo que
    cuelga de ellas; dentro de ellas, `protegidas` son de solo lectura y `ocultas` no se ven.
    `senuelos` son pares (archivo nuestro, ruta donde se ha de ver). `enchufe` es el socket del
    proxy con `red: lista`. `perfil` trae los límites, para quien los ponga por su cuenta.
    """

    agente_id: str
    carpeta: Path
    casa: Path
    escribir: tuple[Path, ...]
    leer: tuple[Path, ...] = ()
    protegidas: tuple[Path, ...] = ()
    ocultas: tuple[Path, ...] = ()
    senuelos: tuple[tuple[Path, Path], ...] = ()
    red: Red = Red.NINGUNA
    enchufe: Path | None = None
    perfil: PerfilConsola = field(default_factory=PerfilConsola)

    def sin_escribir(self) -> Plaza:
        """La misma, pero solo se escribe en la casa: en lo que se trabaja, nada."""
        ajenas = tuple(ruta for ruta in self.escribir if ruta != self.casa)
        return replace(self, escribir=(self.casa,), leer=(*self.leer, *ajenas), protegidas=())


class Aislamiento(Protocol):
    """Lo que la consola pide a un aislamiento."""

    @property
    def nombre(self) -> str:
        """`bwrap`, `landlock`, `docker` o `local`."""
        ...

    @property
    def descripcion(self) -> str:
        """Una línea para la persona: qué protege y qué no."""
        ...

    @property
    def encierra(self) -> bool:
        """Si impide de verdad salir de la plaza; solo `local` no."""
        ...

    @property
    def red_de_cada_uno(self) -> bool:
        """Si las órdenes y los trabajos de un agente comparten una red donde no hay nadie más."""
        ...

    @property
    def duenio(self) -> int | None:
        """Uid y gid con que corren las órdenes; `None` si son los nuestros."""
        ...

    async def encerrar(self, plaza: Plaza) -> Encierro:
        """Cómo se encierra la próxima orden en esa plaza.

        Lanza `ErrorConsola` si no puede cumplir lo que la plaza concede o prohíbe.
        """
        ...

    async def olvidar(self, agente_id: str) -> None:
        """Suelta lo que tuviera de un agente que terminó."""
        ...

    async def cerrar(self) -> None:
        """Suelta todo lo que tuviera."""
        ...
