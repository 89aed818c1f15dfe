"""`auditar podar`: archiva sesiones cerradas y las quita de la base; sin `--hacer`, solo las dice."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from agentes.errores import ErrorConfiguracion
from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.auditar.salida import escribir, formato_de
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.filtros import leer_momento
from servicios.registros.auditoria.hojas import Hoja
from servicios.registros.cerrojo import tomar_sesion
from servicios.registros.retencion import podar, tamanos, vaciar

ARCHIVO = "archivo"
"""La carpeta, dentro de la de datos, donde quedan las sesiones podadas."""

_COLUMNAS = ("session", "name", "start_time", "end_time", "filas", "bytes", "archivo")


def correr(argumentos: Namespace) -> int:
    """Devuelve el código de salida. Lanza `ErrorEnjambre`, en una línea, u `OSError`.

    Con `--hacer` se podan todas o ninguna.
    """
    fuente = elegir_fuente(argumentos.base)
    datos = fuente.ruta.parent
    carpeta = Path(argumentos.a).expanduser() if argumentos.a else datos / ARCHIVO
    elegidas = _elegir(fuente.ruta, argumentos)
    ocupan = {t.sesion: t for t in tamanos(fuente.ruta)}
    archivos: dict[str, str] = {}
    nota = f"No se ha tocado nada: --hacer las archiva en {carpeta} y las quita de la base"
    if not elegidas:
        nota = ""
    elif argumentos.hacer:
        _crear(carpeta)
        anclas = podar(fuente.ruta, elegidas, carpeta, partial(tomar_sesion, datos))
        archivos = {ancla.sesion: str(ancla.archivo) for ancla in anclas}
        nota = f"Quitadas de la base {len(anclas)} sesiones; sus archivos están en {carpeta}"
    if argumentos.hacer and argumentos.vaciar:
        vaciar(fuente.ruta)
    filas = [
        (s, t.nombre, t.inicio, t.fin, t.filas, t.bytes, archivos.get(s))
        for s in elegidas
        for t in (ocupan[s],)
    ]
    escribir(Hoja(_COLUMNAS, filas, (), nota), formato_de(argumentos), fuente.redactar)
    return Salida.BIEN


def _elegir(ruta: Path, argumentos: Namespace) -> list[str]:
    """Las pedidas por su id y las cerradas antes de una fecha, sin repetir."""
    if not argumentos.sesiones and not argumentos.antes_de:
        raise ErrorConfiguracion("¿Cuáles? Di sus ids, o --antes-de FECHA")
    with abrir_base(ruta) as base:
        elegidas = [base.elegir_sesion(pedida) for pedida in argumentos.sesiones]
        if argumentos.antes_de:
            momento = leer_momento(argumentos.antes_de)
            if isinstance(momento, int):
                raise ErrorConfiguracion("--antes-de quiere una fecha UTC, como 2026-01-31")
            sql = "SELECT id FROM sessions WHERE end_time < ? ORDER BY start_time, id"
            elegidas += [str(fila[0]) for fila in base.leer(sql, momento)]
    return list(dict.fromkeys(elegidas))


def _crear(carpeta: Path) -> None:
    try:
        carpeta.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ErrorConfiguracion(f"{carpeta}: no se puede usar ({error.strerror})") from error
