"""Detener la orden entera, estar seguro de que nadie corre, y dejarla seguir donde estaba.

Con señales, que sirven en cualquier máquina: SIGSTOP no se puede evitar, tampoco dentro de un
espacio de pids. Quien atienda a SIGCONT lo notará al seguir, y un `sleep` no: cuenta el tiempo de
fuera.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

from servicios.consola.operaciones.carpeta import CarpetaNueva
from servicios.consola.pedido import Pedido
from servicios.consola.supervision.procesos import descendientes, enviar

_QUIETOS = frozenset(b"TtZX")
_EN_EL_NUCLEO = frozenset(b"D")
_GRACIA_NUCLEO_S = 0.02
"""Lo que se espera a quien está dentro del núcleo: al salir ya no hará nada más.

Puede tardar mucho, y quien hizo `vfork` no sale mientras su hijo esté detenido.
"""

_RACHA_S = 0.05
_RESPIRO_S = 0.001
_CADA_S = 1.0
_SIN_PARAR_S = 0.002
_LIMITE_DENTRO_S = 10.0


class Congelacion:
    """Si la orden está congelada, desde que se pide; no retiene al supervisor."""

    def __init__(self, pedido: Pedido, carpeta: CarpetaNueva) -> None:
        self._encierro = pedido.encierro
        self._entorno = pedido.entorno
        self._carpeta = carpeta
        self._detenidos: dict[int, float] = {}
        self._antes: list[int] | None = None
        self._quietos_dentro = False
        self.pedida = False
        self.completa = False
        """Todos están detenidos, y así consta en la carpeta de la operación."""

    def congelar(self) -> None:
        """Empieza a detenerlos; `repasar` acaba. Si ya lo estaban, nada."""
        if not self.pedida:
            self.pedida = True
            self._antes = None
            self._quietos_dentro = not self._encierro.congelar
            self.repasar()

    def descongelar(self) -> None:
        """Los deja seguir, los hijos antes que los padres; si no estaban detenidos, nada.

        Los que se habían detenido solos se quedan como estaban.
        """
        if not self.pedida:
            return
        # Si aún no se había acabado de detener, entre medias uno puede cambiar de padre.
        while suyos := [pid for pid in descendientes(os.getpid()) if pid in self._detenidos]:
            enviar(reversed(suyos), signal.SIGCONT)
            for pid in suyos:
                del self._detenidos[pid]
        self._detenidos.clear()
        if self._encierro.descongelar:
            self._dentro(self._encierro.descongelar)
        self.pedida = self.completa = False
        self._carpeta.constar(congelada=False)

    def falta(self) -> float:
        """Segundos hasta el próximo repaso."""
        return _CADA_S if self.completa else _SIN_PARAR_S

    def repasar(self) -> None:
        """Detiene a quien corra, hasta que no corra nadie o haya pasado un momento."""
        # Mientras no se haya podido dentro, no se da por congelada.
        self._quietos_dentro = self._quietos_dentro or self._dentro(self._encierro.congelar)
        if not self._quietos_dentro:
            return
        final = time.monotonic() + _RACHA_S
        while not self._recorrer():
            if time.monotonic() > final:
                return
            time.sleep(_RESPIRO_S)
        if not self.completa:
            self.completa = True
            self._carpeta.constar(congelada=True)

    def _recorrer(self) -> bool:
        """Detiene a los que corren, de padres a hijos. Cierto si ya no corre nadie.

        Solo se sabe cuando dos recorridos seguidos ven a los mismos y todos quietos: entre que se
        mira a sus hijos y se le ve detenido, cualquiera puede tener otro.
        """
        vivos = descendientes(os.getpid())
        corren = [pid for pid in vivos if self._corre(pid)]
        for pid in corren:
            enviar((pid,), signal.SIGSTOP)
            self._detenidos.setdefault(pid, time.monotonic())
        antes, self._antes = self._antes, None if corren else vivos
        return antes == vivos and not corren

    def _corre(self, pid: int) -> bool:
        en_que = _estados(pid)
        if en_que <= _QUIETOS:
            return False
        desde = self._detenidos.get(pid)
        atascado = desde is not None and time.monotonic() - desde > _GRACIA_NUCLEO_S
        return not (atascado and en_que <= _QUIETOS | _EN_EL_NUCLEO)

    def _dentro(self, orden: tuple[str, ...]) -> bool:
        """Lo mismo con los que no descienden de nosotros. Devuelve si se pudo."""
        with suppress(OSError, subprocess.SubprocessError):
            hecha = subprocess.run(
                orden,
                env=self._entorno,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_LIMITE_DENTRO_S,
                check=False,
            )
            return hecha.returncode == 0
        return False


def _estados(pid: int) -> frozenset[int]:
    """Las letras que dicen, en `/proc/PID/stat`, en qué está cada uno de sus hilos."""
    letras = set()
    with suppress(OSError):
        for hilo in os.listdir(f"/proc/{pid}/task"):
            # Un hilo que se acaba de ir no está en nada.
            with suppress(OSError), open(f"/proc/{pid}/task/{hilo}/stat", "rb") as archivo:
                letras.add(archivo.read().rpartition(b") ")[2][0])
    return frozenset(letras)
