"""Una transacción de la bitácora, de principio a fin, en el hilo que tiene la conexión.

Todo el lote va en un solo viaje: tomar el turno de escritura, repartir ids, escribir, comprometer
y mirar que el archivo siga en su sitio. Nada se da por guardado antes de volver de aquí.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from agentes.errores import ErrorBitacora
from servicios.registros.cadena import semilla
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.escritura.lotes import Compositor, Lote, Pendiente, Punto
from servicios.registros.fallos import RECHAZOS, explicar

# Ya con el turno de escritura: el último id repartido y de quién es la sesión.
_APERTURA = """SELECT seq, (SELECT epoca FROM sessions WHERE id = ?)
    FROM sqlite_sequence WHERE name = 'logs'"""
# Sin nombre puesto, el suyo es su id: los visores de SQLite lo enseñan donde se la nombra.
_TOMAR = """INSERT INTO sessions (id, name, start_time, epoca) VALUES (?1, ?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET epoca = excluded.epoca"""
_FINAL = """UPDATE sessions SET ultima_fila = ?, ultimo_hash = ?, filas = filas + ?,
    bytes = bytes + ? WHERE id = ?"""
_NUMERO = """INSERT INTO contadores (agent_type, numero) VALUES (?, 1)
    ON CONFLICT (agent_type) DO UPDATE SET numero = numero + 1 RETURNING numero"""
_SEQS = "SELECT agente_id, max(seq) FROM logs WHERE session = ? GROUP BY agente_id"
_SESION = "SELECT epoca, ultimo_hash FROM sessions WHERE id = ?"
_ABIERTA = """SELECT min(id) FROM logs
    WHERE session = ? AND agente_id = 'sistema' AND tipo IN ('system_init', 'session_fork')"""


@dataclass(slots=True)
class Compromiso:
    """Lo que quedó en el disco: el lote, los números dados y los hechos que no se admitieron."""

    lote: Lote
    numeros: list[int]
    rechazados: list[tuple[Pendiente, Exception]] = field(default_factory=list)


class Escritura:
    """Compromete lotes con una conexión. Sus métodos se llaman en el hilo de la conexión."""

    def __init__(self, ruta: Path, db: sqlite3.Connection, compositor: Compositor) -> None:
        self.compositor = compositor
        self._ruta = ruta
        self._db = db
        self._archivos = (str(ruta), f"{ruta}-wal")
        self._huella = _huella(self._archivos)
        self._tomada = False

    @classmethod
    def abrir(cls, ruta: Path, sesion: str, espera_s: float) -> Self:
        """Conecta y averigua dónde sigue la sesión. Lanza `ErrorBitacora` si no se puede."""
        try:
            db = sqlite3.connect(ruta, timeout=espera_s, isolation_level=None)
            try:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA synchronous = FULL")
                return cls(ruta, db, Compositor(sesion, _punto_de(db, sesion)))
            except BaseException:
                db.close()
                raise
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(ruta, error)) from error

    def cerrar(self) -> None:
        """Cierra la conexión; después no se escribe más."""
        self._db.close()

    def comprometer(self, pendientes: Sequence[Pendiente], tipos: Sequence[str]) -> Compromiso:
        """Guarda los hechos y da un número a cada tipo, todo o nada.

        Un hecho que la base no admite queda fuera y los demás entran igual, en esta misma
        transacción. Lanza `ErrorBitacora`, `sqlite3.Error` u `OSError` si no se guardó nada.
        """
        try:
            try:
                hecho = self._escribir(pendientes, tipos)
            except RECHAZOS:
                self._db.rollback()
                hecho = self._escribir_sueltos(pendientes, tipos)
            self._db.commit()
        except BaseException:
            # Suelta la transacción a medias, si la hay, para no bloquear a otros programas.
            with suppress(sqlite3.Error):
                self._db.rollback()
            raise
        self._tomada = self._tomada or bool(pendientes)
        self._comprobar_archivos()
        return hecho

    def _escribir(self, pendientes: Sequence[Pendiente], tipos: Sequence[str]) -> Compromiso:
        ultima, numeros = self._abrir(pendientes, tipos)
        lote = self.compositor.componer(pendientes, ultima)
        if pendientes:
            self._ejecutar(lote)
            self._rematar(lote)
        return Compromiso(lote, numeros)

    def _escribir_sueltos(
        self, pendientes: Sequence[Pendiente], tipos: Sequence[str]
    ) -> Compromiso:
        ultima, numeros = self._abrir(pendientes, tipos)
        hecho = Compromiso(self.compositor.componer((), ultima), numeros)
        for pendiente in pendientes:
            self._db.execute("SAVEPOINT suelto")
            try:
                lote = self.compositor.componer((pendiente,), ultima, hecho.lote)
                self._ejecutar(lote)
            except RECHAZOS as error:
                self._db.execute("ROLLBACK TO suelto")
                pendiente.apunte.fila = None
                hecho.rechazados.append((pendiente, error))
            else:
                hecho.lote.absorber(lote)
            self._db.execute("RELEASE suelto")
        self._rematar(hecho.lote)
        return hecho

    def _abrir(
        self, pendientes: Sequence[Pendiente], tipos: Sequence[str]
    ) -> tuple[int, list[int]]:
        sesion, epoca = self.compositor.sesion, self.compositor.epoca
        self._db.execute("BEGIN IMMEDIATE")
        ultima, guardada = self._db.execute(_APERTURA, (sesion,)).fetchone()
        if guardada is not None and (guardada != epoca if self._tomada else guardada >= epoca):
            raise ErrorBitacora(
                f"{self._ruta}: la sesión {sesion} ya sigue en otro proceso; "
                "este no puede guardar nada más"
            )
        if pendientes and not self._tomada:
            self._db.execute(_TOMAR, (sesion, pendientes[0].timestamp, epoca))
        return ultima, [self._numero(tipo) for tipo in tipos]

    def _numero(self, agent_type: str) -> int:
        # `fetchall`: una sentencia con RETURNING a medias impediría comprometer.
        ((numero,),) = self._db.execute(_NUMERO, (agent_type,)).fetchall()
        return int(numero)

    def _ejecutar(self, lote: Lote) -> None:
        for sql, valores in lote.sentencias():
            self._db.executemany(sql, valores)

    def _rematar(self, lote: Lote) -> None:
        if lote.pendientes:
            crece = (len(lote.pendientes), lote.bytes)
            final = (lote.ultima_fila, lote.hash, *crece, self.compositor.sesion)
            self._db.execute(_FINAL, final)

    def _comprobar_archivos(self) -> None:
        # SQLite sigue escribiendo tan tranquilo en un archivo ya borrado: se mira antes de
        # dar nada por guardado.
        if _huella(self._archivos) != self._huella:
            raise ErrorBitacora(
                f"{self._ruta}: alguien borró o cambió el archivo mientras se usaba; "
                "lo último no se guardó: vuelve a empezar"
            )


def _huella(archivos: tuple[str, ...]) -> list[int]:
    """Qué archivos son de verdad la base y su WAL, los llame como los llame la carpeta."""
    try:
        return [os.stat(archivo).st_ino for archivo in archivos]  # noqa: PTH116 - una vez por lote
    except OSError:
        return []


def _punto_de(db: sqlite3.Connection, sesion: str) -> Punto:
    """Dónde sigue una sesión: nueva, en la época 1; si ya existe, en la siguiente a la suya."""
    conocida = db.execute(_SESION, (sesion,)).fetchone()
    if conocida is None:
        return Punto(1, semilla(sesion), {})
    (abierta,) = db.execute(_ABIERTA, (sesion,)).fetchone()
    return Punto(
        int(conocida[0]) + 1,
        conocida[1] or semilla(sesion),
        {str(agente): int(seq) for agente, seq in db.execute(_SEQS, (sesion,))},
        None if abierta is None else ApunteFila.firme(abierta),
    )
