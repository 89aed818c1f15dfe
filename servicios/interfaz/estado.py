"""`python main.py estado`: el tablero de una sesión desde otro proceso, sin tocar nada."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from servicios.ajustes import Ajustes
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.codigos import Salida
from servicios.interfaz.lineas import Linea
from servicios.interfaz.tablero import renglones
from servicios.interfaz.terminal.cara import es_completo
from servicios.interfaz.terminal.papel import PapelRico
from servicios.interfaz.texto import ancho_de_salida
from servicios.registros.tablero.en_json import objeto
from servicios.registros.tablero.foto import Camara, cual_se_mira
from servicios.registros.tablero.ordenes import Tapadera


def correr(argumentos: Namespace) -> int:
    """Siempre 0, esté o no en marcha. Lanza `ErrorEnjambre` si la sesión pedida no existe o no se
    puede leer la bitácora."""
    ajustes = Ajustes.leer()
    fuente = elegir_fuente(None)
    sesion = cual_se_mira(ajustes.datos, argumentos.sesion or "")
    tablero = None
    if sesion is not None:
        tapadera = Tapadera(fuente.redactar, fuente.retener)
        tablero = Camara(ajustes.datos, tapadera, ajustes.limite_llamada_s).foto(sesion)
    if argumentos.json:
        print(json.dumps(objeto(tablero, fuente.redactar), ensure_ascii=False))
    elif tablero is None:
        print("Todavía no hay ninguna sesión: empieza una con python main.py")
    else:
        lineas = renglones(tablero, ancho_de_salida())
        _escribir([replace(ln, texto=fuente.redactar(ln.texto)) for ln in lineas])
    return Salida.BIEN


def _escribir(lineas: Sequence[Linea]) -> None:
    """Con colores donde los haya; si no, texto y nada más."""
    if es_completo(os.environ, es_terminal=sys.stdout.isatty()):
        papel = PapelRico(Console(markup=False, emoji=False, highlight=False), lambda _: None)
        for linea in lineas:
            papel.linea(linea)
        return
    for linea in lineas:
        print(limpiar(linea.texto))
