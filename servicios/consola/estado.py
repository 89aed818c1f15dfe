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
from dataclasses import dataclass
from pathlib import Path

TOPE_ESTADO = 64 * 1024
"""Bytes que puede ocupar una hoja de estado; si pasa, se conserva el anterior."""

_NO_SE_ARRASTRAN = {
    *("PATH", "IFS", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "PWD", "OLDPWD", "SHLVL", "_"),
    *("UID", "EUID", "PPID", "HOME", "TMPDIR", "CDPATH", "POSIXLY_CORRECT", "PS4", "MAGIC"),
    *("RIPGREP_CONFIG_PATH", "TAR_OPTIONS", "UNZIP", "UNZIPOPT", "BC_ENV_ARGS", "XDG_CONFIG_HOME"),
}
_PREFIJOS_QUE_NO = ("LD_", "PYTHON", "BASH", "GIT_", "GCONV_", "AWK")
"""Cambian lo que hace una orden que no las nombra: se aprobaría una cosa y correría otra."""
_FIN = b"fin\0"
_ENTRE_COMILLAS = rb"\"(?:[^\"\\]|\\.)*\"|\$'(?:[^'\\]|\\.)*'"
_LISTA = rb"\((?:" + _ENTRE_COMILLAS + rb"|[^\"')])*\)"
_EXPORTADA = re.compile(
    rb"(?:declare -[A-Za-z]+|export) ([A-Za-z_][A-Za-z0-9_]*)"
    rb"(?:=(" + _ENTRE_COMILLAS + rb"|" + _LISTA + rb"))?\n",
    re.DOTALL,
)
"""Lo que `export -p` escribe de cada variable; las listas no llegan a los programas."""

_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_LETRAS = dict(zip(b"abtnvfrEe", b"\a\b\t\n\v\f\r\x1b\x1b", strict=True))


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
    # Primero calla los avisos que la orden dejara puestos: escribirían en la hoja.
    al_salir = (
        "{ builtin trap - DEBUG ERR; } >/dev/null 2>&1; "
        "{ builtin pwd; builtin printf '\\0'; builtin export -p; builtin printf 'fin\\0'; } "
        f"2>/dev/null >>{shlex.quote(str(hoja))}"
    )
    lineas.append(f"builtin trap {shlex.quote(al_salir)} EXIT")
    lineas.append("builtin : bash")  # para que `$_` empiece valiendo lo de siempre
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
    hasta = 0
    while entrada := _EXPORTADA.match(resto, hasta):
        hasta = entrada.end()
        nombre, valor = entrada.groups()
        if valor and not valor.startswith(b"("):
            todas[nombre.decode()] = os.fsdecode(_sin_comillas(valor))
    if hasta != len(resto) or any("\0" in valor for valor in todas.values()):
        return None
    return Estado(
        carpeta=os.fsdecode(carpeta),
        carpeta_anterior=todas.get("OLDPWD", ""),
        variables={k: v for k, v in todas.items() if _se_arrastra(k)},
    )


def _sin_comillas(valor: bytes) -> bytes:
    """El valor de una variable, que bash escribe `"así"` o `$'así'` si tiene letras raras."""
    if valor.startswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", valor[1:-1], flags=re.DOTALL)
    return _ESCAPE.sub(_letra, valor[2:-1])


def _letra(escape: re.Match[bytes]) -> bytes:
    letra = escape[1]
    if letra.isdigit():
        return bytes([int(letra, 8) & 0xFF])
    return bytes([_LETRAS.get(letra[0], letra[0])])


def _se_arrastra(nombre: str) -> bool:
    return nombre not in _NO_SE_ARRASTRAN and not nombre.startswith(_PREFIJOS_QUE_NO)
