"""Las órdenes en marcha vistas en el disco: si viven, qué escribieron y ningún secreto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from servicios.consola.operaciones.captura import Captura
from servicios.consola.operaciones.carpeta import ESTADO, RC, CarpetaNueva
from servicios.consola.operaciones.identidad import Identidad
from servicios.consola.secretos.secretos import Secretos
from servicios.registros.tablero.leido import OrdenMirada
from servicios.registros.tablero.linea import ultima_linea
from servicios.registros.tablero.ordenes import Tapadera, mirar_ordenes

SECRETO = "clave-larga-0123456789abcdef"
SECRETOS = Secretos([("MI_CLAVE", SECRETO)], "canario-de-prueba-000000")
TAPADERA = Tapadera(SECRETOS.redactar, SECRETOS.retener)
FILA = 12


@contextmanager
def operacion(datos: Path) -> Iterator[tuple[Captura, Captura]]:
    """La carpeta de una orden que vigila este mismo proceso, y sus dos salidas."""
    (datos / "ops").mkdir()
    carpeta = CarpetaNueva(str(datos / "ops"))
    assert carpeta.reclamar(str(FILA))
    try:
        yield Captura(400, carpeta.salida), Captura(400, carpeta.error)
    finally:
        carpeta.cerrar()


def mirar(datos: Path) -> OrdenMirada:
    return mirar_ordenes(datos, [FILA, 99], TAPADERA)[FILA]


def test_la_que_no_tiene_carpeta_no_esta(tmp_path: Path) -> None:
    assert mirar_ordenes(tmp_path, [FILA], TAPADERA) == {}


def test_vive_mientras_viva_su_supervisor_y_no_haya_contado_como_acabo(tmp_path: Path) -> None:
    with operacion(tmp_path):
        assert mirar(tmp_path).viva
        rc = tmp_path / "ops" / str(FILA) / RC
        rc.write_text(
            '{"motivo": "ok", "codigo": 0, "salida": "", "error": "", "omitidos": 0, "ms": 1,'
            ' "queja": "", "ocupado": null, "estado": null, "limites": null}'
        )
        assert not mirar(tmp_path).viva
        rc.unlink()
        yo = Identidad.de(os.getpid())
        assert yo is not None
        otro = replace(yo, nacido=yo.nacido - 1)
        (tmp_path / "ops" / str(FILA) / ESTADO).write_text(otro.texto())
        assert not mirar(tmp_path).viva


def test_la_ultima_linea_es_la_de_la_salida_que_escribio_despues(tmp_path: Path) -> None:
    with operacion(tmp_path) as (salida, error):
        salida.anadir(b"uno\ndos\n\x1b[31mtres\x1b[0m\n\n")
        assert ultima_linea(mirar(tmp_path).salida) == "tres"
        error.anadir(b"\raviso: 10 %\raviso: 20 %")
        os.utime(tmp_path / "ops" / str(FILA) / "salida", (1, 1))
        assert ultima_linea(mirar(tmp_path).salida) == "aviso: 20 %"
        escrito = mirar(tmp_path).escrito
        assert escrito is not None
        hora = (tmp_path / "ops" / str(FILA) / "error").stat().st_mtime
        assert abs(escrito.timestamp() - hora) < 0.001


def test_de_una_salida_enorme_se_ve_el_final(tmp_path: Path) -> None:
    with operacion(tmp_path) as (salida, _):
        for numero in range(1_000):
            salida.anadir(f"linea {numero}\n".encode())
        assert ultima_linea(mirar(tmp_path).salida) == "linea 999"


def test_un_secreto_no_se_ve_ni_entero_ni_a_medio_escribir(tmp_path: Path) -> None:
    with operacion(tmp_path) as (salida, _):
        salida.anadir(f"la clave es {SECRETO}\n".encode())
        assert SECRETO[:6] not in mirar(tmp_path).salida
        salida.anadir(b"compilando foo.c\n")
        assert mirar(tmp_path).salida == "la clave es [secreto:MI_CLAVE]\ncompilando foo.c"
        salida.anadir(f"otra vez {SECRETO[:14]}".encode())
        assert SECRETO[:6] not in mirar(tmp_path).salida.split("\n")[-1]
