"""El terreno de la tabla: víctimas de verdad plantadas fuera del alcance de las órdenes.

A todo lo que hay en él llegaría el usuario de las órdenes si nada lo encerrara.
"""

from __future__ import annotations

import os
import pty
import pwd
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.consola.apoyo import SOY_ROOT, sueno
from tests.consola.apoyo_plazas import Sitio, dar, sitio
from tests.consola.ataques import victima
from tests.consola.tabla.apoyo_tabla import COMO, Enjambre, Pedida, Salido, quedan

MARCA_ETC = Path(f"/etc/enjambre-marca-{os.getpid()}")
_CORE = Path("/proc/sys/kernel/core_pattern")
_NOMBRE = Path("/proc/sys/kernel/hostname")


@dataclass(frozen=True, slots=True)
class Intento:
    """Un ataque: el agente que lo intenta, su orden con huecos «@hueco@» y su perfil."""

    agente: str
    orden: str
    perfil: dict[str, object]


@dataclass(frozen=True, slots=True)
class Tanda:
    """Lo que dejaron los ataques y lo que se vio desde fuera cuando acabaron.

    `llegadas` son las trampas que sonaron, `muertas` las víctimas que no sobrevivieron y `restos`
    los procesos que quedaron vivos de cada agente. `lugar` sigue como lo dejaron.
    """

    lugar: Sitio
    dejados: dict[str, Salido]
    llegadas: frozenset[str]
    muertas: frozenset[str]
    restos: dict[str, list[int]]
    sistema_intacto: bool

    def espacio(self, agente: str) -> Path:
        """La carpeta propia de un agente."""
        return self.lugar.proyecto / "data/espacios" / agente


@contextmanager
def atacar(enjambre: Enjambre, intentos: Sequence[Intento]) -> Iterator[Tanda]:
    """Planta las víctimas, ejecuta los ataques y cuenta lo que pasó."""
    with sitio(enjambre.aislamiento, COMO[enjambre.como]) as lugar:
        lugar.base.parent.chmod(0o755)
        dar(lugar.base / "persona", lugar.uid_ordenes)
        try:
            yield _ejecutar(enjambre, lugar, intentos)
        finally:
            MARCA_ETC.unlink(missing_ok=True)


def _ejecutar(enjambre: Enjambre, lugar: Sitio, intentos: Sequence[Intento]) -> Tanda:
    marcas = {intento.agente: sueno() for intento in intentos}
    antes = _CORE.read_text(), _NOMBRE.read_text()
    with ExitStack() as pila:
        trampas = Trampas(pila, lugar)
        huecos = {
            "persona": str(lugar.base / "persona"),
            "proyecto": str(lugar.proyecto),
            "llave": str(pila.enter_context(_llave_en_casa())),
            "etc": str(MARCA_ETC),
            **trampas.huecos,
        }
        pedidas = [_pedida(intento, marcas[intento.agente], huecos) for intento in intentos]
        informe = enjambre.correr(lugar, _en_rondas(pedidas), terminal=trampas.terminal)
        return Tanda(
            lugar=lugar,
            dejados=dict(informe.dejados),
            llegadas=frozenset(trampas.llegadas()),
            muertas=frozenset(trampas.muertas()),
            restos={agente: quedan(marca) for agente, marca in marcas.items()},
            sistema_intacto=(_CORE.read_text(), _NOMBRE.read_text()) == antes,
        )


def _en_rondas(pedidas: Sequence[Pedida]) -> list[Sequence[Pedida]]:
    """De cuatro en cuatro; la última, que puede estropear el proyecto, sola."""
    *demas, ultima = pedidas
    return [*(demas[i : i + 4] for i in range(0, len(demas), 4)), [ultima]]


def _pedida(intento: Intento, marca: str, huecos: dict[str, str]) -> Pedida:
    orden = f": {marca}\n{intento.orden}"
    for hueco, valor in {**huecos, "n": marca}.items():
        orden = orden.replace(f"@{hueco}@", valor)
    return Pedida(intento.agente, orden, {"limite_comando_s": 20.0, **intento.perfil})


class Trampas:
    """Procesos, sockets y una terminal a los que nadie encerrado debe llegar."""

    def __init__(self, pila: ExitStack, lugar: Sitio) -> None:
        self._victimas = {
            nombre: pila.enter_context(victima(lugar.uid_ordenes)) for nombre in ("leer", "matar")
        }
        self._tcp = pila.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._udp = pila.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind(("127.0.0.1", 0))
        ruta = str(lugar.base / "persona/enchufe")
        self._por_ruta = pila.enter_context(_de_unix(ruta))
        dar(Path(ruta), lugar.uid_ordenes)
        abstracto = f"enjambre-tabla-{os.getpid()}-{time.time_ns()}"
        self._abstracto = pila.enter_context(_de_unix(f"\0{abstracto}"))
        self._maestra, self.terminal = pty.openpty()
        pila.callback(os.close, self._maestra)
        pila.callback(os.close, self.terminal)
        if SOY_ROOT:
            os.fchown(self.terminal, lugar.uid_ordenes, -1)
        self.huecos = {
            "leida": str(self._victimas["leer"]),
            "matada": str(self._victimas["matar"]),
            "tcp": str(self._tcp.getsockname()[1]),
            "udp": str(self._udp.getsockname()[1]),
            "enchufe": ruta,
            "abstracto": abstracto,
            "terminal": os.ttyname(self.terminal),
        }

    def llegadas(self) -> Iterator[str]:
        """Los nombres de las trampas a las que llegó algo."""
        esperas: dict[str, socket.socket | int] = {
            "tcp": self._tcp,
            "udp": self._udp,
            "por ruta": self._por_ruta,
            "abstracto": self._abstracto,
            "terminal": self._maestra,
        }
        listas = select.select(list(esperas.values()), [], [], 0)[0]
        yield from (nombre for nombre, espera in esperas.items() if espera in listas)

    def muertas(self) -> Iterator[str]:
        """Los nombres de las víctimas que ya no viven."""
        for nombre, pid in self._victimas.items():
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                yield nombre


def _de_unix(nombre: str) -> socket.socket:
    enchufe = socket.socket(socket.AF_UNIX)
    enchufe.bind(nombre)
    enchufe.listen()
    return enchufe


@contextmanager
def _llave_en_casa() -> Iterator[Path]:
    """Una llave de mentira, con un nombre que no usa nadie, en la casa de root."""
    carpeta = Path(pwd.getpwuid(os.geteuid()).pw_dir, ".ssh")
    llave = carpeta / f"enjambre-prueba-{os.getpid()}-{time.time_ns()}"
    if not SOY_ROOT:
        yield llave
        return
    nueva = not carpeta.exists()
    carpeta.mkdir(mode=0o700, exist_ok=True)
    llave.write_text("canario-casa")
    try:
        yield llave
    finally:
        llave.unlink()
        if nueva:
            with suppress(OSError):
                carpeta.rmdir()
