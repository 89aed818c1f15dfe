"""El aislamiento `docker`: un contenedor por agente y, dentro, un `docker exec` por orden.

Matar el programa que lanzó un `exec` no mata lo que corre dentro, así que cada orden lleva un
remate que sí. Y un contenedor en el que hace rato que no corre nada se acaba solo: si el enjambre
desaparece, nadie ha de venir a recogerlo.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.aislamientos.demonio import ETIQUETA, Demonio, ErrorDocker, sesion_propia
from servicios.consola.aislamientos.dentro import (
    CONGELAR_DENTRO,
    DESCONGELAR_DENTRO,
    ENTRADA,
    ENTRAR,
    EXEC,
    PROCESO_1,
    REMATE,
    REMATE_DENTRO,
)
from servicios.consola.aislamientos.montajes import Modo, planear
from servicios.consola.pedido import Encierro
from servicios.consola.plaza import Plaza

IMAGEN = "python:3.12-slim"
"""La imagen si no se elige otra: ha de tener bash y coreutils, y python3 para `red: lista`."""

_BASH = ("/bin/bash", "-p", "-c")
_TMP = "/tmp:exec,nosuid,nodev,size=64m,mode=1777"  # noqa: S108
_TAPA = 64 * 1024
_AQUI = Path(__file__).resolve().parent
_REENVIO = _AQUI.parent / "red/reenvio.py"
_PARA_REENVIAR = (_REENVIO, _AQUI / "seccomp.py")
_DE_LA_IMAGEN = {
    *("bin", "boot", "dev", "etc", "lib", "lib64", "opt", "proc", "run", "sbin", "sys", "tmp"),
    *("usr", "var"),
}
_PRUEBA = "prueba-de-consola"


@dataclass(frozen=True, slots=True)
class Topes:
    """Lo que se concede a cada contenedor, entre todas sus órdenes.

    `memoria_mb` y `archivo_mb` van en MiB; sin ellos, los del perfil. En `ocio_s` segundos sin que
    corra nada, se acaba; ninguna orden dura más de `orden_s`, aunque muera su supervisor.
    """

    memoria_mb: int | None = None
    procesos: int | None = None
    archivo_mb: int | None = None
    cpus: int = min(2, os.cpu_count() or 1)
    ocio_s: int = 900
    orden_s: int = 86_400


@dataclass(frozen=True, slots=True)
class _Sitio:
    """El contenedor de un agente y con qué se hizo: si cambia, hace falta otro."""

    nombre: str
    hechura: tuple[str, ...]


class Contenedor:
    """Ver `Aislamiento`. Se obtiene con `abrir`.

    `duenio` es el uid de las órdenes si somos root; si no, `None`.
    """

    nombre = "docker"
    descripcion = "docker: un contenedor por agente, que solo ve su carpeta; sin red salvo la libre"
    encierra = True
    red_de_cada_uno = True

    def __init__(
        self, demonio: Demonio, imagen: str, duenio: int | None, topes: Topes | None = None
    ) -> None:
        self.duenio = duenio
        self._demonio = demonio
        self._imagen = imagen
        self._topes = topes or Topes()
        self._turnos: dict[str, asyncio.Lock] = {}
        self._sitios: dict[str, _Sitio] = {}
        self._creados: set[str] = set()

    @classmethod
    async def abrir(
        cls, imagen: str = IMAGEN, duenio: int | None = None, *, topes: Topes | None = None
    ) -> Contenedor:
        """Comprueba el demonio y la imagen con una orden de verdad y barre lo de sesiones muertas.

        Tarda un segundo. Lanza `ErrorConsola` con la causa y el remedio en una línea.
        """
        if duenio is None and os.geteuid() == 0:
            raise ErrorConsola("consola: las órdenes no pueden correr como root; elige otro uid")
        demonio = await Demonio.buscar()
        try:
            await demonio.pedir("image", "inspect", "-f", "{{.Id}}", imagen)
        except ErrorDocker as error:
            raise ErrorConsola(
                f"consola: docker no tiene la imagen {imagen}. No arranco; tráela con"
                f" `docker pull {imagen}` o pon otra en ENJAMBRE_IMAGEN"
            ) from error
        aislamiento = cls(demonio, imagen, duenio, topes)
        try:
            await demonio.barrer()
            await aislamiento._probar()
        except ErrorDocker as error:
            raise ErrorConsola(
                f"consola: docker no puede ejecutar órdenes en {imagen}: el demonio {error}. No arranco;"
                " pon en ENJAMBRE_IMAGEN una imagen con bash y coreutils"
            ) from error
        finally:
            await aislamiento.cerrar()
        return aislamiento

    async def encerrar(self, plaza: Plaza) -> Encierro:
        """Ver `Aislamiento`. Se asegura de que el contenedor del agente vive."""
        async with self._turnos.setdefault(plaza.agente_id, asyncio.Lock()):
            try:
                sitio = await self._asegurar(plaza)
            except ErrorDocker as error:
                raise ErrorConsola(
                    f"consola: sin contenedor para la orden: el demonio de docker {error}"
                ) from error
        # Los decimales no cambian el plazo: son la marca por la que el remate conoce a la orden.
        marca = f"{self._topes.orden_s}.{secrets.randbelow(10**12):012d}"
        donde = (self._demonio.programa, self._demonio.direccion, sitio)
        entrada = ("bash", "-p", "-c", ENTRADA, marca, *_reenvio(plaza))
        return Encierro(
            prefijo=(*_BASH, EXEC, "orden", *donde, str(plaza.carpeta), *entrada),
            remate=(*_BASH, REMATE, "remate", *donde, marca, REMATE_DENTRO),
            congelar=(*_BASH, ENTRAR, "congelar", *donde, marca, CONGELAR_DENTRO),
            descongelar=(*_BASH, ENTRAR, "seguir", *donde, marca, DESCONGELAR_DENTRO),
        )

    async def olvidar(self, agente_id: str) -> None:
        """Borra el contenedor de un agente."""
        self._turnos.pop(agente_id, None)
        if sitio := self._sitios.pop(agente_id, None):
            await self._borrar(sitio.nombre)

    async def cerrar(self) -> None:
        """Borra todos los contenedores de esta sesión."""
        self._sitios.clear()
        await self._borrar(*self._creados)

    async def _borrar(self, *nombres: str) -> None:
        await self._demonio.borrar(nombres)
        self._creados.difference_update(nombres)

    async def _asegurar(self, plaza: Plaza) -> str:
        """El nombre de un contenedor vivo y hecho para esta plaza tal como está ahora."""
        hechura = tuple(self._hechura(plaza))
        sitio = self._sitios.get(plaza.agente_id)
        if sitio is not None:
            if sitio.hechura == hechura and await self._vive(sitio.nombre):
                return sitio.nombre
            await self._borrar(sitio.nombre)
        nombre = f"enjambre-{plaza.agente_id}-{secrets.token_hex(4)}"
        self._creados.add(nombre)
        opciones = [opcion for opcion in hechura if not opcion.startswith("#")]
        ocio = self._topes.ocio_s
        arranque = ("-c", PROCESO_1, "enjambre", str(ocio), str(max(1, ocio // 15)))
        etiqueta = f"{ETIQUETA}={sesion_propia()}"
        propias = ("--name", nombre, "--label", etiqueta, *opciones, "--entrypoint", "bash")
        await self._demonio.pedir("run", "--detach", *propias, self._imagen, *arranque)
        if plaza.red is Red.LISTA:
            await self._exigir_python(nombre)
        self._sitios[plaza.agente_id] = _Sitio(nombre, hechura)
        return nombre

    async def _vive(self, nombre: str) -> bool:
        try:
            estado = await self._demonio.pedir(
                "container", "inspect", "-f", "{{.State.Running}}", nombre
            )
        except ErrorDocker:
            return False
        return estado.strip() == "true"

    async def _exigir_python(self, nombre: str) -> None:
        try:
            await self._demonio.pedir("exec", nombre, "python3", "-ISc", "import os; os.pidfd_open")
        except ErrorDocker as error:
            raise ErrorConsola(
                f"consola: la red por lista necesita python3 en la imagen {self._imagen}; pon otra"
                " en ENJAMBRE_IMAGEN"
            ) from error

    def _hechura(self, plaza: Plaza) -> Iterator[str]:
        """Las opciones de `docker run` y, tras una almohadilla, lo demás que obliga a rehacerlo."""
        topes = self._topes
        usuario = (os.geteuid(), os.getegid()) if self.duenio is None else (self.duenio,) * 2
        perfil = plaza.perfil
        memoria = f"{topes.memoria_mb or perfil.limite_memoria_mb}m"
        procesos = topes.procesos or perfil.limite_procesos
        archivo = (topes.archivo_mb or perfil.limite_archivo_mb) * 1024 * 1024
        yield from ("--rm", "--pull", "never", "--hostname", "enjambre", "--log-driver", "none")
        yield from ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        yield from ("--user", "{}:{}".format(*usuario), "--pids-limit", str(procesos))
        yield from ("--memory", memoria, "--memory-swap", memoria, "--cpus", str(topes.cpus))
        yield from ("--ulimit", "core=0", "--ulimit", "nofile=1024")
        yield from ("--ulimit", f"fsize={archivo}")
        yield from ("--network", "bridge" if plaza.red is Red.LIBRE else "none")
        yield from ("--tmpfs", _TMP, "--shm-size", "16m")
        yield from _sitio(plaza)

    async def _probar(self) -> None:
        """Ejecuta una orden de verdad en una plaza de mentira. Lanza `ErrorDocker`."""
        with _casa_de_prueba(self.duenio) as casa:
            plaza = Plaza(_PRUEBA, carpeta=casa, casa=casa, escribir=(casa,))
            sitio = await self._asegurar(plaza)
            orden = ("bash", "-p", "-c", ENTRADA, "5.0", "bash", "-c", ": >llega")
            await self._demonio.pedir("exec", "-w", str(casa), sitio, *orden)
            if not list(casa.glob("llega")):
                raise ErrorDocker("no ve las carpetas de esta máquina")


@contextmanager
def _casa_de_prueba(duenio: int | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="enjambre-docker-") as carpeta:
        if duenio is not None:
            os.chown(carpeta, duenio, duenio)
        yield Path(carpeta).resolve()


def _sitio(plaza: Plaza) -> Iterator[str]:
    """Los montajes de una plaza. Quien manda al sustituirse un archivo es su número de nodo."""
    ademas = (*_PARA_REENVIAR, plaza.enchufe) if plaza.enchufe is not None else ()
    plan = [m for m in planear(plaza, ademas) if m.ruta.exists() and not m.ruta.is_symlink()]
    # Una carpeta de la imagen cerrada para la orden (/root) no la dejaría llegar a lo suyo.
    lejanas = (*(m.ruta for m in plan), *(donde for _, donde in plaza.senuelos))
    suelos = {ruta.parts[1] for ruta in lejanas if len(ruta.parts) > 2}
    for suelo in sorted(suelos - _DE_LA_IMAGEN):
        yield from _en_memoria(f"/{suelo}")
    for montaje in plan:
        datos = montaje.ruta.stat()
        yield f"#{montaje.ruta} {datos.st_dev} {datos.st_ino}"
        if montaje.modo is not Modo.TAPAR:
            yield from _montar(montaje.ruta, montaje.ruta, leer=montaje.modo is Modo.LEER)
        elif montaje.ruta.is_dir():
            yield from _en_memoria(str(montaje.ruta))
        else:
            yield from _montar(Path(os.devnull), montaje.ruta, leer=True)
    for nuestro, donde in plaza.senuelos:
        # Dentro de una carpeta prestada, ponerlo sería crearlo en la de verdad.
        if nuestro.exists() and not any(donde.is_relative_to(m.ruta) for m in plan):
            yield from _montar(nuestro, donde, leer=True)


def _montar(origen: Path, destino: Path, *, leer: bool) -> Iterator[str]:
    campos = ["type=bind", f"src={origen}", f"dst={destino}", *(["readonly"] if leer else [])]
    yield from ("--mount", ",".join(map(_campo, campos)))


def _en_memoria(ruta: str) -> Iterator[str]:
    campos = ("type=tmpfs", f"dst={ruta}", f"tmpfs-size={_TAPA}", "tmpfs-mode=0755")
    yield from ("--mount", ",".join(map(_campo, campos)))


def _campo(texto: str) -> str:
    """Un campo de CSV, que es como se leen las opciones de un montaje."""
    limpio = texto.replace('"', '""')
    return f'"{limpio}"' if any(letra in texto for letra in ',"\n') else texto


def _reenvio(plaza: Plaza) -> tuple[str, ...]:
    """El programa que, dentro, lleva 127.0.0.1 al enchufe y luego ejecuta la orden."""
    if plaza.red is not Red.LISTA:
        return ()
    if plaza.enchufe is None:
        raise ErrorConsola("consola: la red por lista necesita el proxy en marcha")
    return ("python3", "-I", "-S", str(_REENVIO), "--enchufe", str(plaza.enchufe), "--")
