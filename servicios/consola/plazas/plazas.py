"""El sitio de cada agente en el disco: su carpeta, su casa y lo que se le presta del proyecto."""

from __future__ import annotations

import re
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.aislamientos.visibles import casa_de_la_persona
from servicios.consola.plaza import Plaza
from servicios.consola.plazas import carpetas
from servicios.consola.plazas.proyecto import Proyecto

_ID_AGENTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LLAVE = ".ssh/id_rsa"


def carpetas_de(datos: Path, sub: str) -> tuple[Path, Path]:
    """Donde van los espacios y las casas. Lanza `ErrorConsola` si `sub` no sirve de nombre."""
    if sub and not _ID_AGENTE.fullmatch(sub):
        raise ErrorConsola(f"consola: «{sub[:40]}» no sirve de nombre de carpeta")
    return datos / "espacios" / sub, datos / "casas" / sub


class Plazas:
    """Reparte plazas bajo `datos`; `raiz` es la carpeta del programa.

    `duenio` es el uid de las órdenes si no es el nuestro. `senuelo` es el texto de la llave falsa
    que encuentra quien husmea en una casa: verlo salir por algún lado es la alarma. Con `sub`,
    los espacios y las casas van en una subcarpeta de ese nombre, aparte de los demás. Lanza
    `ErrorConsola` si no puede serlo.
    """

    def __init__(
        self,
        datos: Path,
        proyecto: Path,
        raiz: Path,
        duenio: int | None,
        senuelo: str,
        sub: str = "",
    ) -> None:
        self._datos = datos.resolve()
        self._espacios, self._casas = carpetas_de(self._datos, sub)
        self._proyecto = Proyecto.mirar(proyecto.resolve(), self._datos, raiz.resolve())
        self._duenio = duenio
        self._senuelo = senuelo
        self._persona = casa_de_la_persona()
        self._vestidas: set[str] = set()

    def plaza(self, agente_id: str, perfil: PerfilConsola, enchufe: Path | None = None) -> Plaza:
        """El sitio de un agente según su perfil, con las carpetas ya creadas.

        Lanza `ErrorConsola` si no se puede crear o el proyecto no se puede prestar.
        """
        if not _ID_AGENTE.fullmatch(agente_id):
            raise ErrorConsola(f"consola: id de agente no válido: {agente_id!r}")
        try:
            self._crear(agente_id)
        except OSError as error:
            raise ErrorConsola(
                f"consola: no se puede preparar la carpeta de {agente_id} en «{self._datos}»"
                f" ({error.strerror}); comprueba que nadie la haya sustituido y bórrala"
            ) from error
        espacio, casa = self._espacios / agente_id, self._casas / agente_id
        proyecto = self._proyecto
        prestado = perfil.espacio is not Espacio.PROPIO
        escribible = perfil.espacio is Espacio.PROYECTO
        if prestado:
            proyecto.exigir(self._persona, self._duenio, escribir=escribible)
        return Plaza(
            agente_id=agente_id,
            carpeta=proyecto.carpeta if prestado else espacio,
            casa=casa,
            escribir=(*((proyecto.carpeta,) if escribible else ()), espacio, casa),
            leer=(proyecto.carpeta,) if prestado and not escribible else (),
            protegidas=proyecto.protegidas if escribible else (),
            ocultas=proyecto.ocultas() if prestado else (),
            senuelos=self._senuelos(),
            red=perfil.red,
            enchufe=enchufe,
            perfil=perfil,
        )

    def _senuelos(self) -> tuple[tuple[Path, Path], ...]:
        """La llave falsa donde la persona tendría la suya. La nuestra no está al alcance de nadie."""
        if self._persona is None:
            return ()
        return ((self._datos / "senuelos/id_rsa", self._persona / _LLAVE),)

    def _crear(self, agente_id: str) -> None:
        duenio = self._duenio
        with (
            carpetas.abierta(self._espacios) as espacios,
            carpetas.propia(espacios, agente_id, duenio, rehacer=False),
            carpetas.abierta(self._casas) as casas,
            carpetas.propia(casas, agente_id, duenio, rehacer=False) as casa,
            carpetas.propia(casa, "tmp", duenio, rehacer=True),
        ):
            if agente_id in self._vestidas:
                return
            with carpetas.propia(casa, ".ssh", duenio, rehacer=True) as ssh:
                carpetas.poner_archivo(ssh, "id_rsa", self._senuelo, duenio)
        if not self._vestidas:
            with carpetas.abierta(self._datos / "senuelos") as senuelos:
                carpetas.poner_archivo(senuelos, "id_rsa", self._senuelo, duenio)
        self._vestidas.add(agente_id)
