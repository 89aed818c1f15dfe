"""Dónde corre una orden y cómo se mata entera: la costura de los aislamientos.

Los dos de esta casa son `local`: acotan y limpian, pero la orden ve lo que ve su usuario.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentes.errores import ErrorConsola
from servicios.consola.arbol import MARCA, enviar, hijos, matar_arbol, matar_restos
from servicios.consola.entorno import RUTA_PROGRAMAS, entorno_de_orden

UID_ORDENES = 10_001
"""Usuario y grupo de las órdenes cuando el enjambre es root."""

_LIMITE_PRUEBA_S = 5.0


class Aislamiento(Protocol):
    """Lo que la consola pide a un aislamiento. Ningún método bloquea más de unos milisegundos."""

    @property
    def nombre(self) -> str:
        """Nombre corto (`local`)."""
        ...

    @property
    def descripcion(self) -> str:
        """Una línea para la persona: qué protege y qué no."""
        ...

    @property
    def duenio(self) -> int | None:
        """Uid y gid con que corren las órdenes; `None` si son los nuestros."""
        ...

    def argv(self, orden: Sequence[str], carpeta: Path, marca: str) -> list[str]:
        """La línea que ejecuta `orden`; se lanza en una sesión nueva con `carpeta` como actual."""
        ...

    def matar(self, pid: int, marca: str) -> None:
        """Mata todo lo de una orden viva; `pid` es el proceso lanzado, que terminará por ello."""
        ...

    def barrer(self, pid: int, marca: str) -> None:
        """Mata lo que dejó una orden cuyo proceso `pid` ya terminó."""
        ...


# El proceso 1 del espacio. Sigue siendo nuestro usuario, así que la orden no puede tocarlo ni
# pierde la señal de muerte del padre, que se borra al cambiar de usuario. Si la carpeta cuelga
# de una cerrada para la orden ($1), tapa esa con un tmpfs vacío y pone la carpeta en su sitio.
# El subproceso de `exec` es para que el «Killed» del intérprete no ensucie la salida de errores.
_INICIO = """
if [ -n "$1" ]; then
  mount -n -t tmpfs -o mode=755,size=64k tmpfs "$1" && mkdir -p -- "$2" &&
  mount -n --no-canonicalize --bind . "$2" && cd -- "$2"
  unset OLDPWD
fi 2>/dev/null
shift 2
exec 3>&2 2>/dev/null
( exec "$@" 2>&3 3>&- )
exit $?
"""

# Sin espacio de pids, un guardián es padre de la orden: si el enjambre muere, el núcleo le manda
# TERM y él mata a los marcados. El control de tareas se enciende solo para lanzar: sin él, `&`
# haría ignorar SIGINT; con él, `wait` daría por terminada una orden que se detiene.
_GUARDIAN = f"""
exec 3>&2 2>/dev/null
marca=$1; shift
fin() {{
  trap '' TERM
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    vivos=$(grep -lsaz "^{MARCA}=$marca\\$" /proc/[0-9]*/environ | cut -d/ -f3)
    kill -KILL -- $vivos -$orden || break
  done
  exit 137
}}
trap fin TERM
set -m
{MARCA}=$marca "$@" 2>&3 3>&- &
orden=$!
set +m
wait $orden
"""


@dataclass(frozen=True, slots=True)
class EspacioDePids:
    """Cada orden en su espacio de pids: al morir su proceso 1, el núcleo mata a todos los demás."""

    duenio: int | None
    nombre: str = "local"
    descripcion: str = "local, SIN AISLAMIENTO (cada orden en su propio espacio de procesos)"

    def argv(self, orden: Sequence[str], carpeta: Path, marca: str) -> list[str]:
        """Ver `Aislamiento`; la marca no hace falta."""
        usuario = ["--user", "--map-current-user"] if self.duenio is None else []
        espacio = ["--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        return [
            *("setpriv", "--pdeathsig", "KILL", "unshare", *usuario, *espacio),
            *("sh", "-c", _INICIO, "sh", _madre_cerrada(carpeta, self.duenio), str(carpeta)),
            *("setpriv", *_bajar_a(self.duenio), *orden),
        ]

    def matar(self, pid: int, marca: str) -> None:
        """Mata al proceso 1: `unshare`, su padre, termina cuando ya no queda nadie dentro."""
        if proceso_1 := hijos(pid):
            enviar(proceso_1, signal.SIGKILL)
        else:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def barrer(self, pid: int, marca: str) -> None:
        """Nada: el espacio terminó con su proceso 1."""


@dataclass(frozen=True, slots=True)
class SinEspacios:
    """Para donde no se pueden crear espacios (contenedores): se busca a cada proceso en /proc.

    Se le escapa quien a la vez se desliga de su padre y de su sesión y borra su entorno.
    """

    duenio: int | None
    nombre: str = "local"
    descripcion: str = "local, SIN AISLAMIENTO (y sin espacios de procesos: ¿un contenedor?)"

    def argv(self, orden: Sequence[str], carpeta: Path, marca: str) -> list[str]:
        """Ver `Aislamiento`."""
        bajar = [*_bajar_a(self.duenio), "--pdeathsig", "TERM"]
        return ["setpriv", *bajar, "bash", "-c", _GUARDIAN, "guardian", marca, *orden]

    def matar(self, pid: int, marca: str) -> None:
        """Mata el árbol entero."""
        matar_arbol(pid, marca)

    def barrer(self, pid: int, marca: str) -> None:
        """Mata a los que quedaron en segundo plano."""
        matar_restos(pid, marca)


async def elegir_aislamiento(uid_ordenes: int = UID_ORDENES) -> Aislamiento:
    """Prueba los aislamientos con una orden de verdad y devuelve el primero que funciona.

    Tarda unas decenas de milisegundos. Lanza `ErrorConsola` con la causa y el remedio.
    """
    for programa in ("bash", "setpriv"):
        if shutil.which(programa, path=RUTA_PROGRAMAS) is None:
            raise ErrorConsola(
                f"consola: falta el programa «{programa}»; instala bash y util-linux (solo Linux)"
            )
    duenio = uid_ordenes if os.geteuid() == 0 else None
    if duenio == 0:
        raise ErrorConsola("consola: las órdenes no pueden correr como root; elige otro uid")
    candidatos: tuple[Aislamiento, ...] = (EspacioDePids(duenio), SinEspacios(duenio))
    causa = ""
    for candidato in candidatos:
        causa = await _probar(candidato)
        if not causa:
            return candidato
    raise ErrorConsola(f"consola: no se puede lanzar ninguna orden ({causa})")


async def _probar(aislamiento: Aislamiento) -> str:
    """Devuelve la causa del fallo, o nada si la orden corrió."""
    carpeta = Path(tempfile.gettempdir())
    try:
        prueba = await asyncio.create_subprocess_exec(
            *aislamiento.argv(["true"], carpeta, "prueba"),
            cwd=carpeta,
            env=entorno_de_orden(carpeta),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return str(error.strerror)
    try:
        async with asyncio.timeout(_LIMITE_PRUEBA_S):
            _, quejas = await prueba.communicate()
    except TimeoutError:
        return f"la prueba no terminó en {_LIMITE_PRUEBA_S:g} s"
    finally:
        if prueba.returncode is None:
            aislamiento.matar(prueba.pid, "prueba")
            await prueba.wait()
    if prueba.returncode == 0:
        return ""
    lineas = quejas.decode(errors="replace").strip().splitlines()
    return lineas[-1] if lineas else f"código {prueba.returncode}"


def _bajar_a(duenio: int | None) -> list[str]:
    if duenio is None:
        return ["--no-new-privs"]
    usuario = ["--reuid", str(duenio), "--regid", str(duenio), "--clear-groups"]
    return [*usuario, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def _madre_cerrada(carpeta: Path, duenio: int | None) -> str:
    """La carpeta más alta por la que `duenio` no podría pasar hacia `carpeta`, o nada."""
    if duenio is None:
        return ""
    for madre in reversed(carpeta.parents):
        datos = madre.stat()
        desplazar = 6 if datos.st_uid == duenio else 3 if datos.st_gid == duenio else 0
        if not datos.st_mode >> desplazar & 1:
            return str(madre)
    return ""
