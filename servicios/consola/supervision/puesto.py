"""El proceso de una orden, ya nacido y a la espera de saber cuál.

Nacer cuesta más que ejecutarse: bifurcar, abrir las tuberías y, sobre todo, entrar en un grupo de
control, que puede hacer esperar al núcleo varios milisegundos. Se hace antes de que llegue la
orden, y cuando llega solo queda encerrarse y ejecutarla.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from servicios.consola.pedido import Limites
from servicios.consola.supervision.adelantos import Adelantos
from servicios.consola.supervision.cgrupo import Cgrupo
from servicios.consola.supervision.hijo import ser_la_orden

PREFIJO = "enjambre-"
"""Cómo empieza el nombre de nuestros grupos de control."""

_SIN_TOPE = 1 << 62
_PROCESOS_SIN_TOPE = 1 << 22


@dataclass(slots=True)
class Puesto:
    """Un hijo que espera su orden; `salida`, `error` y `queja` son por donde se le lee.

    `cgrupo` es `None` donde no se puede tener. Se obtiene con `preparar`; al final, `borrar`.
    """

    hijo: int
    salida: int
    error: int
    queja: int
    encargo: int
    cgrupo: Cgrupo | None
    _montajes: int = -1

    @classmethod
    def preparar(cls, adelantos: Adelantos, *, adelantar: bool) -> Puesto:
        """Bifurca el hijo, todavía con nuestro usuario y sin encerrar. Lanza `OSError`.

        Con `adelantar`, el hijo monta ya sus dispositivos.
        """
        cgrupo = Cgrupo.crear(
            # El pid no basta: en otro espacio de pids puede haber otro igual.
            f"{PREFIJO}{os.getpid()}-{os.urandom(4).hex()}",
            memoria=_SIN_TOPE,
            procesos=_PROCESOS_SIN_TOPE,
        )
        encargo, encargar = os.pipe()
        tubos = [os.pipe() for _ in range(3)]
        if os.geteuid() == 0:
            # La orden, que no es root, ha de poder abrir /dev/stdout. Nadie más llega a ellas.
            for _, escritura in tubos[:2]:
                os.fchmod(escritura, 0o666)
        hijo = os.fork()
        if hijo == 0:
            os.close(encargar)
            ser_la_orden(
                encargo, [escritura for _, escritura in tubos], cgrupo, adelantos, adelantar
            )
        for fd in (encargo, *(escritura for _, escritura in tubos)):
            os.close(fd)
        salida, error, queja = (lectura for lectura, _ in tubos)
        return cls(hijo, salida, error, queja, encargar, cgrupo)

    def desistir(self) -> None:
        """Lo deja ir sin ninguna orden, en vez de `encargar`."""
        os.close(self.encargo)

    def encargar(self, pedido: bytes, limites: Limites) -> str:
        """Le dice al hijo qué ha de ejecutar: un `Pedido.a_json`. Devuelve por qué no, o nada."""
        try:
            self._limitar(limites)
            self._retener_montajes()
            while pedido:
                pedido = pedido[os.write(self.encargo, pedido) :]
        except BrokenPipeError:
            pass  # ya no está: se verá en cómo terminó
        except OSError as error:
            return f"grupo de control: {error.strerror}"
        finally:
            os.close(self.encargo)
        return ""

    def _limitar(self, limites: Limites) -> None:
        if self.cgrupo is not None:
            with suppress(FileNotFoundError):  # si alguien lo quitó, el hijo no pudo entrar
                self.cgrupo.limitar(memoria=limites.memoria, procesos=limites.procesos)

    def _retener_montajes(self) -> None:
        """Que deshacer los del hijo, que es lento, sea cosa nuestra y no retrase su final."""
        with suppress(OSError):
            self._montajes = os.open(f"/proc/{self.hijo}/ns/mnt", os.O_RDONLY)

    def borrar(self) -> None:
        """Quita el grupo de control, cuando ya no queda nadie en él."""
        if self.cgrupo is not None:
            self.cgrupo.borrar()
