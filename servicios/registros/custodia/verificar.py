"""Probar que la bitácora está como se escribió: ni un byte cambiado, quitado o puesto.

Los hechos los prueba su cadena; las tablas que los resumen, que digan lo mismo que ellos, y lo
podado, su archivo.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentes.errores import ErrorBitacora
from servicios.registros.cadena import COLUMNAS, eslabon, semilla
from servicios.registros.custodia.anclas import podadas
from servicios.registros.custodia.paginas import Paginas, fila_torcida
from servicios.registros.custodia.resumenes import discordancia
from servicios.registros.esquema.esquema_v2 import GUARDIANES
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura

Avance = Callable[[int, int], None]

_CADA = 5000
_SESION = COLUMNAS.index("session")
_NUMERICAS = {"id", "causa", "epoca", "seq", "intento"}
_FILAS = """SELECT id, timestamp, agente_id, tipo, log_level, mensaje, details, session, causa,
    epoca, seq, op, intento, hash FROM logs NOT INDEXED WHERE id > ? ORDER BY id"""
_FINALES = "SELECT id, filas, ultima_fila, ultimo_hash FROM sessions ORDER BY id"
_ANCLAS = "SELECT primera_fila, ultima_fila, filas FROM anclas"
_ULTIMO_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'logs'"
_DISPARADORES = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_RAIZ = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'logs'"


@dataclass(frozen=True, slots=True)
class Rotura:
    """La primera cosa que no está como se escribió. `fila` y `sesion` faltan si no se saben."""

    que: str
    fila: int | None = None
    sesion: str | None = None

    def __str__(self) -> str:
        donde = [] if self.fila is None else [f"fila {self.fila}"]
        donde += [] if self.sesion is None else [f"sesión {self.sesion}"]
        return f"{', '.join(donde)}: {self.que}" if donde else self.que


@dataclass(frozen=True, slots=True)
class Veredicto:
    """Lo que se miró y lo primero que se encontró roto; sin `rotura`, la bitácora está entera.

    `sin_archivo` son las sesiones podadas cuyo archivo no está: solo las prueba su ancla.
    """

    filas: int
    sesiones: int
    rotura: Rotura | None
    sin_archivo: tuple[str, ...] = ()

    @property
    def entera(self) -> bool:
        """Si todo está como se escribió."""
        return self.rotura is None


@dataclass(slots=True)
class _Cuenta:
    """Por dónde va la cadena de una sesión."""

    hash: str
    filas: int = 0
    ultima: int | None = None


def verificar(ruta: Path, avance: Avance = lambda _hechas, _total: None) -> Veredicto:
    """Recorre la bitácora entera. Bloquea: se llama en un hilo o en un programa sin bucle.

    `avance` recibe cada poco las filas vistas y las que hay. Puede usarse con el enjambre en
    marcha: mira lo comprometido al empezar. Lanza `ErrorBitacora` si no se puede abrir.
    """
    revision = _Revision(ruta, avance)
    try:
        with closing(conectar_lectura(ruta)) as db:
            db.execute("BEGIN")
            rotura = revision.mirar(db)
    except sqlite3.DatabaseError as error:
        if not _es_dano(error):
            raise ErrorBitacora(explicar(ruta, error)) from error
        rotura = Rotura(f"SQLite no puede leerla ({error})", revision.siguiente)
    return Veredicto(revision.vistas, len(revision.cadenas), rotura, tuple(revision.sin_archivo))


def _es_dano(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
    }


class _Revision:
    """Una pasada por la base y lo que lleva visto."""

    def __init__(self, ruta: Path, avance: Avance) -> None:
        self._ruta = ruta
        self._avance = avance
        self._huecos: list[tuple[int, int]] = []
        self._ultima = 0
        self.vistas = 0
        self.cadenas: dict[str, _Cuenta] = {}
        self.sin_archivo: list[str] = []

    @property
    def siguiente(self) -> int | None:
        """La fila que se estaba leyendo."""
        return self._ultima + 1 if self.vistas else None

    def mirar(self, db: sqlite3.Connection) -> Rotura | None:
        """Las filas, cómo acaba cada sesión, las páginas y, al final, lo que sale de las filas."""
        for paso in (
            *(self._mirar_filas, self._mirar_finales, self._mirar_huecos),
            *(_mirar_arbol, self._mirar_celdas),
            *(_mirar_resumenes, self._mirar_anclas, _mirar_guardianes),
        ):
            rotura = paso(db)
            if rotura is not None:
                return rotura
        return None

    def _mirar_filas(self, db: sqlite3.Connection) -> Rotura | None:
        total = _ultimo_id(db)
        for fila in self._filas(db):
            rotura = self._mirar_fila(fila)
            if rotura is not None:
                return rotura
            if self.vistas % _CADA == 0:
                self._avance(self.vistas, max(total, self.vistas))
        self._avance(self.vistas, self.vistas)
        return None

    def _filas(self, db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
        """Todas, por orden de id y sin pasar por ningún índice.

        Un texto que ya no es UTF-8 para la lectura corriente: se sigue donde se dejó con una que
        lo admite, para poder decir qué fila es.
        """
        try:
            yield from db.execute(_FILAS, (0,))
        except sqlite3.OperationalError:
            db.text_factory = _texto_roto
            yield from db.execute(_FILAS, (self._ultima,))

    def _mirar_fila(self, fila: tuple[Any, ...]) -> Rotura | None:
        numero, sesion, dicho = fila[0], fila[_SESION], fila[-1]
        cadena = self.cadenas.get(sesion)
        if cadena is None:
            cadena = self.cadenas[sesion] = _Cuenta(semilla(str(sesion)))
        try:
            hash_ = eslabon(cadena.hash, fila[:-1])
        except TypeError:
            hash_ = ""
        if hash_ != dicho:
            return Rotura(_que_columna(fila), numero, str(sesion))
        cadena.hash, cadena.ultima = hash_, numero
        cadena.filas += 1
        if numero != self._ultima + 1:
            self._huecos.append((self._ultima + 1, numero - 1))
        self._ultima = numero
        self.vistas += 1
        return None

    def _mirar_finales(self, db: sqlite3.Connection) -> Rotura | None:
        """Una cola cortada no rompe la cadena: la delata el final que guarda su sesión."""
        finales = {f[0]: f[1:] for f in db.execute(_FINALES)}
        for sesion, cadena in self.cadenas.items():
            dicho = finales.pop(sesion, None)
            if dicho is None:
                return Rotura("no está en la tabla sessions", cadena.ultima, sesion)
            if dicho != (cadena.filas, cadena.ultima, cadena.hash):
                que = f"acaba en la fila {cadena.ultima} con {cadena.filas} filas y debía acabar"
                return Rotura(f"{que} en la {dicho[1]} con {dicho[0]}", cadena.ultima, sesion)
        for sesion, (filas, ultima, _) in finales.items():
            if filas or ultima is not None:
                return Rotura(f"faltan sus {filas} filas", ultima, sesion)
        return None

    def _mirar_huecos(self, db: sqlite3.Connection) -> Rotura | None:
        """Los ids van seguidos: los que falten han de ser los de sesiones podadas."""
        ultimo = _ultimo_id(db)
        if ultimo != self._ultima:
            self._huecos.append((self._ultima + 1, ultimo))
        anclas = db.execute(_ANCLAS).fetchall()
        podadas = sum(filas for _, _, filas in anclas)
        faltan = sum(hasta - desde + 1 for desde, hasta in self._huecos)
        for desde, hasta in self._huecos:
            for extremo in (desde, hasta):
                if not any(p is not None and p <= extremo <= u for p, u, _ in anclas):
                    return Rotura(f"faltan filas (de la {desde} a la {hasta})", extremo)
        if faltan != podadas:
            return Rotura(f"faltan {faltan} filas y se podaron {podadas}")
        return None

    def _mirar_celdas(self, db: sqlite3.Connection) -> Rotura | None:
        (raiz,) = db.execute(_RAIZ).fetchone()
        try:
            with Paginas(self._ruta) as paginas:
                fila = fila_torcida(paginas, raiz, len(COLUMNAS) + 1)
        except (ValueError, IndexError, OSError) as error:
            return Rotura(f"sus páginas no se pueden leer ({error})")
        return None if fila is None else Rotura("su celda no está como se escribió", fila)

    def _mirar_anclas(self, db: sqlite3.Connection) -> Rotura | None:
        for podada in podadas(db, self._ruta.parent):
            if podada.queja:
                return Rotura(podada.queja, None, podada.sesion)
            if not podada.esta:
                self.sin_archivo.append(podada.sesion)
        return None


def _mirar_resumenes(db: sqlite3.Connection) -> Rotura | None:
    hallada = discordancia(db)
    if hallada is None:
        return None
    que = f"la tabla {hallada.tabla} no dice lo mismo que sus hechos"
    return Rotura(que, hallada.fila, hallada.sesion)


def _mirar_guardianes(db: sqlite3.Connection) -> Rotura | None:
    """Los disparadores que impiden cambiar y borrar filas siguen puestos."""
    hay = {nombre for (nombre,) in db.execute(_DISPARADORES)}
    faltan = [nombre for nombre in GUARDIANES if nombre not in hay]
    return Rotura(f"le faltan disparadores: {', '.join(faltan)}") if faltan else None


def _ultimo_id(db: sqlite3.Connection) -> int:
    """El último id que se repartió, esté o no su fila."""
    dicho = db.execute(_ULTIMO_ID).fetchone()
    return dicho[0] if dicho is not None and isinstance(dicho[0], int) else 0


def _mirar_arbol(db: sqlite3.Connection) -> Rotura | None:
    (dicho,) = db.execute("PRAGMA quick_check('logs')").fetchone()
    return None if dicho == "ok" else Rotura(f"SQLite la da por dañada ({dicho})")


def _texto_roto(crudo: bytes) -> str:
    return crudo.decode("utf-8", "surrogateescape")


def _que_columna(fila: tuple[Any, ...]) -> str:
    """Qué columna delata el cambio, si alguna lo hace; si no, que la cadena no cuadra."""
    for columna, valor in zip((*COLUMNAS, "hash"), fila, strict=True):
        bueno = (int, type(None)) if columna in _NUMERICAS else (str, type(None))
        if not isinstance(valor, bueno):
            return f"la columna {columna} no es del tipo que se escribió"
        if isinstance(valor, str) and not valor.isascii() and _con_sustitutos(valor):
            return f"la columna {columna} no es texto válido"
    return "su hash no es el que sale de sus columnas y de la fila anterior de su sesión"


def _con_sustitutos(texto: str) -> bool:
    return any("\ud800" <= letra <= "\udfff" for letra in texto)
