"""Lo que se recuerda de cada agente entre orden y orden, también en el disco si hay sesión."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentes.errores import ErrorConsola
from servicios.consola.estado import Estado
from servicios.consola.pedido import Informe

_NOMBRE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Recuerdo:
    """Dónde acabó su última orden y qué dejó exportado; y los bytes que ocupa lo suyo."""

    estado: Estado | None = None
    ocupado: int = 0


NADA = Recuerdo()


class Memoria:
    """Los recuerdos de los agentes de una sesión.

    Con `sesion` cada uno está en `estados/<sesion>/<agente>`, donde ninguna orden llega, y se
    vuelve a leer al reanudarla; sin ella no se guardan. Lanza `ErrorConsola` si ese nombre no
    puede ser el de una carpeta.
    """

    def __init__(self, datos: Path, sesion: str) -> None:
        if sesion and not _NOMBRE.fullmatch(sesion):
            raise ErrorConsola(f"consola: «{sesion[:40]}» no sirve de nombre de carpeta")
        self._carpeta = datos / "estados" / sesion if sesion else None
        self._recuerdos: dict[str, Recuerdo] = {}

    def de(self, agente_id: str) -> Recuerdo:
        """Lo último que se sabe de él."""
        if agente_id not in self._recuerdos:
            self._recuerdos[agente_id] = self._leer(agente_id)
        return self._recuerdos[agente_id]

    def aprender(self, agente_id: str, informe: Informe) -> None:
        """Se queda con lo que dejó una orden suya; lo que no se sepa sigue como estaba."""
        antes = self.de(agente_id)
        estado = antes.estado if informe.estado is None else Estado(**informe.estado)
        ocupado = antes.ocupado if informe.ocupado is None else informe.ocupado
        nuevo = Recuerdo(estado, ocupado)
        if nuevo != antes:
            self.guardar(agente_id, nuevo)

    def guardar(self, agente_id: str, recuerdo: Recuerdo) -> None:
        """Desde ahora se sabe eso de él."""
        self._recuerdos[agente_id] = recuerdo
        self._escribir(agente_id, recuerdo)

    def olvidar(self, agente_id: str) -> None:
        """Lo suelta de la memoria; lo del disco se queda."""
        self._recuerdos.pop(agente_id, None)

    def _leer(self, agente_id: str) -> Recuerdo:
        if self._carpeta is None or not _NOMBRE.fullmatch(agente_id):
            return NADA
        with suppress(OSError, ValueError, TypeError, KeyError):
            crudo: dict[str, Any] = json.loads((self._carpeta / agente_id).read_bytes())
            estado = crudo["estado"]
            return Recuerdo(None if estado is None else Estado(**estado), int(crudo["ocupado"]))
        return NADA

    def _escribir(self, agente_id: str, recuerdo: Recuerdo) -> None:
        """Si no se puede, la orden no ha fallado por eso: se pierde solo al reanudar."""
        if self._carpeta is None:
            return
        with suppress(OSError):
            for carpeta in (self._carpeta.parent, self._carpeta):
                carpeta.mkdir(mode=0o700, exist_ok=True)
            nuevo = self._carpeta / f".{agente_id}.nuevo"
            fd = os.open(nuevo, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "w") as archivo:
                json.dump(asdict(recuerdo), archivo)
            nuevo.replace(self._carpeta / agente_id)
