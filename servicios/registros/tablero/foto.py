"""Una foto del tablero: abrir la bitácora para leer, mirar el disco y clasificar.

Vale lo mismo dentro del enjambre que desde otro proceso: todo sale de lo que está guardado.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentes.errores import ErrorBitacora
from servicios.registros.esquema.migraciones import exigir_al_dia
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.lectura.sesiones import elegir_sesion, listar_sesiones
from servicios.registros.reanudacion.cerrojo import esta_abierta, sesiones_abiertas
from servicios.registros.tablero.clasificar import Mirada, clasificar
from servicios.registros.tablero.leer import leer_sesion
from servicios.registros.tablero.ordenes import Tapadera, mirar_ordenes
from servicios.registros.tablero.visto import Tablero


@dataclass(frozen=True, slots=True)
class Camara:
    """Con qué se hacen las fotos de una carpeta de datos."""

    datos: Path
    tapadera: Tapadera
    limite_llamada_s: float

    def foto(self, sesion: str) -> Tablero:
        """El tablero de una sesión que existe, ahora. Bloquea: dentro del bucle, en un hilo.

        Lanza `ErrorBitacora` si no se puede leer.
        """
        ruta = self.datos / "swarm.db"
        try:
            with closing(conectar_lectura(ruta)) as db:
                exigir_al_dia(db, ruta)
                # Antes que las filas: si se cierra entre medias, no se da por viva una cerrada.
                abierta = esta_abierta(self.datos, sesion)
                leido = leer_sesion(db, sesion)
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(ruta, error)) from error
        filas = [h.orden.fila for h in leido.huellas.values() if h.orden]
        ordenes = mirar_ordenes(self.datos, filas, self.tapadera)
        mirada = Mirada(abierta, datetime.now(UTC), self.limite_llamada_s)
        return clasificar(leido, ordenes, mirada)


def cual_se_mira(datos: Path, pedida: str) -> str | None:
    """El id de la sesión pedida; sin pedir ninguna, la que está en marcha o, si no, la última.

    `None` si no se pidió y no hay ninguna. Lanza `ErrorConfiguracion` si la pedida no existe o
    puede ser varias, y `ErrorBitacora` si no se puede leer.
    """
    ruta = datos / "swarm.db"
    if pedida:
        return elegir_sesion(ruta, pedida).id
    todas = listar_sesiones(ruta)
    abiertas = sesiones_abiertas(datos) if todas else set()
    vivas = (s.id for s in todas if s.id in abiertas)
    return next(vivas, todas[0].id if todas else None)
