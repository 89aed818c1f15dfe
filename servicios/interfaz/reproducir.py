"""`reproducir`: repetir una sesión sin red ni órdenes, o comparar dos, hecho a hecho."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from servicios.ajustes import Ajustes
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.codigos import Salida
from servicios.registros.lectura.sesiones import elegir_sesion
from servicios.registros.reproducir.grabar import grabar_sesion
from servicios.reproduccion import diferencias, leer_grabacion, reproducir


def correr(argumentos: Namespace) -> int:
    """0 si hizo lo mismo (o son iguales); 1 si no, con el primer hecho distinto.

    Lanza `ErrorEnjambre` si no se puede leer la sesión o le falta algo.
    """
    ajustes = Ajustes.leer()
    base = ajustes.datos / "swarm.db"
    if argumentos.diff is not None:
        return _comparar(base, *argumentos.diff)
    archivo = Path(argumentos.sesion)
    es_archivo = archivo.is_file()
    ruta = archivo if es_archivo else base
    sesion = elegir_sesion(ruta, "" if es_archivo else argumentos.sesion).id
    if argumentos.grabar is not None:
        grabar_sesion(ruta, sesion, Path(argumentos.grabar))
        print(f"Grabada en {argumentos.grabar}. Repítela con: python main.py reproducir …")
        return Salida.BIEN
    return _repetir(ruta, sesion, ajustes, argumentos)


def _repetir(ruta: Path, sesion: str, ajustes: Ajustes, argumentos: Namespace) -> int:
    grabacion = leer_grabacion(ruta, sesion)
    for _ in range(argumentos.veces):
        hecha = asyncio.run(reproducir(grabacion, ajustes))
        if argumentos.json:
            print(json.dumps({"sesion": sesion, "fiel": hecha.es_fiel, **asdict(hecha)}))
        elif hecha.es_fiel:
            print(f"Igual: {hecha.filas} hechos de {sesion}, hash {hecha.grabado[:16]}.")
        else:
            print(limpiar(f"Distinta: {hecha.divergencia}"))
        if not hecha.es_fiel:
            return Salida.FALLO
    return Salida.BIEN


def _comparar(ruta: Path, una: str, otra: str) -> int:
    primera, segunda = (elegir_sesion(ruta, pedida).id for pedida in (una, otra))
    distintas = diferencias(ruta, primera, segunda)
    if not distintas:
        print(f"Iguales: {primera} y {segunda} dicen lo mismo, hecho a hecho.")
        return Salida.BIEN
    for diferencia in distintas:
        print(limpiar(str(diferencia)))
    return Salida.FALLO
