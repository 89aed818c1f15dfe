"""Lo que una orden deja a la siguiente del mismo agente: carpeta y variables exportadas.

El camino de ida y vuelta:
  1. se escribe un preludio que bash lee por BASH_ENV, ya como usuario de la orden;
  2. el preludio repone variables y carpeta, y deja un `trap` para la salida;
  3. la orden es un `bash -c` corriente; al salir, el `trap` escribe la hoja de estado;
  4. la hoja se lee con desconfianza: la pudo escribir cualquiera.
Las variables no viajan en el entorno del lanzador: antes de bajar de usuario correría con ellas.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from servicios.consola.entorno import RUTA_PROGRAMAS

TOPE_ESTADO = 64 * 1024
"""Bytes que puede ocupar una hoja de estado; si pasa, se conserva el anterior."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_SE_ARRASTRAN = {
    *("PATH", "IFS", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "PWD", "OLDPWD", "SHLVL", "_"),
    *("UID", "EUID", "PPID"),
}
_PREFIJOS_QUE_NO = ("LD_", "PYTHON", "BASH")
_FIN = b"\0fin\0"


@dataclass(frozen=True, slots=True)
class Estado:
    """Dónde acabó una orden y qué dejó exportado."""

    carpeta: str
    carpeta_anterior: str
    variables: dict[str, str]


def escribir_preludio(
    hoja: Path, estado: Estado | None, carpeta: Path, procesos: int | None = None
) -> bytes:
    """El texto que bash lee antes de la orden; al salir, la orden escribirá `hoja`.

    La orden empieza en `carpeta`. `procesos` es el límite que ha de ponerse ella misma.
    """
    lineas = ["builtin unset BASH_ENV"]
    if procesos is not None:
        # Sin forma de subirlo: dentro de un espacio de usuario se cuentan solo los suyos.
        lineas.append(f"builtin ulimit -u {procesos}")
    if estado is not None:
        lineas.append(_reponer(estado, carpeta))
    env = shutil.which("env", path=RUTA_PROGRAMAS) or "env"
    # Primero calla los avisos que la orden dejara puestos: escribirían en la hoja.
    al_salir = (
        "{ builtin trap - DEBUG ERR; } >/dev/null 2>&1; "
        f"{{ builtin pwd; builtin printf '\\0'; {env} -0; builtin printf 'fin\\0'; }} "
        f"2>/dev/null >|{shlex.quote(str(hoja))}"
    )
    lineas.append(f"builtin trap {shlex.quote(al_salir)} EXIT")
    return os.fsencode("\n".join(lineas) + "\n")


def _reponer(estado: Estado, carpeta: Path) -> str:
    exportar = [f"builtin export {k}={shlex.quote(v)}" for k, v in estado.variables.items()]
    destino = Path(estado.carpeta)
    # Por dentro de la carpeta, relativo: las de encima pueden estar cerradas para la orden.
    if destino.is_relative_to(carpeta):
        destino_sh = "./" + str(destino.relative_to(carpeta))
    else:
        destino_sh = estado.carpeta
    anterior = "builtin unset OLDPWD\nbuiltin export OLDPWD"
    if estado.carpeta_anterior:
        anterior = f"builtin export OLDPWD={shlex.quote(estado.carpeta_anterior)}"
    pasos = [*exportar, f"builtin cd -- {shlex.quote(destino_sh)}", anterior]
    return "{\n" + "\n".join(pasos) + "\n} >/dev/null 2>&1"


def interpretar_hoja(datos: bytes) -> Estado | None:
    """El estado que hay en una hoja, o `None` si falta, está a medias o pasa del tope."""
    if not datos.endswith(_FIN):
        return None
    carpeta, _, resto = datos.removesuffix(_FIN).partition(b"\n\0")
    if not carpeta.startswith(b"/"):
        return None
    todas: dict[str, str] = {}
    for entrada in resto.split(b"\0"):
        nombre, igual, valor = os.fsdecode(entrada).partition("=")
        if igual and _VARIABLE.fullmatch(nombre):
            todas[nombre] = valor
    return Estado(
        carpeta=os.fsdecode(carpeta),
        carpeta_anterior=todas.get("OLDPWD", ""),
        variables={k: v for k, v in todas.items() if _se_arrastra(k)},
    )


def _se_arrastra(nombre: str) -> bool:
    return nombre not in _NO_SE_ARRASTRAN and not nombre.startswith(_PREFIJOS_QUE_NO)
