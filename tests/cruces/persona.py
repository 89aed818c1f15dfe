"""La persona: teclea al azar, sin esperar a nadie, y al final lo pone todo en orden."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from servicios.interfaz.terminal.sesion import Sesion
from servicios.llm.presupuestos.tesoreria import LA_SESION
from servicios.sistema import Sistema
from tests.cruces.mezcla import Mezcla
from tests.cruces.modelo import Modelo

CTRL_C = "Ctrl-C"
CALMA_S = 60.0
_VUELTAS = 15

_PESOS = {
    "todo": {},
    "pausas": {"pausa": 8, "sigue": 6, "paso": 4, "vaiven": 8},
    "averias": {"vaiven": 4, "interrumpir": 2},
    "pobre": {"presupuesto": 5},
    "muertes": {"vaiven": 3},
}


class Persona:
    """Delante de una sesión de terminal; todo lo que teclea queda en `ordenes.txt`."""

    def __init__(self, mezcla: Mezcla, modelo: Modelo, carpeta: Path) -> None:
        self._mezcla = mezcla
        self._modelo = modelo
        self._azar = Random(f"{mezcla.semilla}:persona")
        self._registro = carpeta / "ordenes.txt"
        self._gestos: dict[str, Callable[[Sistema], list[str]]] = {
            "linea": lambda _: [f"sigue con esto {modelo.rastro('L')}"],
            "interrumpir": lambda _: [CTRL_C],
            "directa": lambda s: [f"@{self._uno(s)} atiende {modelo.rastro('D')}"],
            "pausa": lambda s: [f"/pausar {self._quienes(s)}"],
            "paso": lambda s: [f"/paso {self._uno(s)}"],
            "sigue": lambda s: [f"/reanudar {self._quienes(s)}"],
            "vaiven": self._vaiven,
            "cancela": lambda s: [f"/cancelar {self._uno(s)}"],
            "presupuesto": self._presupuesto,
            "compactar": lambda s: [f"/compactar {self._azar.choice(['', f'@{self._uno(s)}'])}"],
            "permiso": self._permiso,
            "orden": lambda _: [f"!echo {modelo.marca('persona')} >> marcas; sleep 0.1"],
            "aparte": lambda s: [
                self._azar.choice(("/btw ¿qué tal?", f"/btw @{self._uno(s)} ¿y?"))
            ],
            "mirar": lambda _: [self._azar.choice(("/agentes", "/coste", "/presupuesto"))],
        }

    def apuntar(self, texto: str) -> None:
        """Deja dicho lo que pasa, con su hora."""
        with self._registro.open("a", encoding="utf-8") as archivo:
            print(f"{time.time():.3f} {texto}", file=archivo)

    async def enredar(self, sesion: Sesion, sistema: Sistema) -> None:
        """Lo que dura una vida: líneas al azar, a ráfagas."""
        azar, hasta = self._azar, time.monotonic() + self._mezcla.vida_s
        if sistema.guardada is None:
            self._teclear(sesion, f"empieza {self._modelo.rastro('L')}")
        pesos = dict.fromkeys(self._gestos, 2) | {"permiso": 5, "mirar": 1, "cancela": 1}
        pesos |= _PESOS[self._mezcla.clase]
        while time.monotonic() < hasta:
            await asyncio.sleep(azar.uniform(0, self._mezcla.cadencia_s))
            [gesto] = azar.choices([*pesos], [*pesos.values()])
            for linea in self._gestos[gesto](sistema):
                self._teclear(sesion, linea)
                await asyncio.sleep(azar.choice((0, 0, 0.005, 0.05)))

    async def ordenar(self, sesion: Sesion, sistema: Sistema) -> None:
        """Contesta, aprueba, paga y deja seguir a todos hasta que no queda ninguno."""
        self._modelo.acabando = True
        for _ in range(_VUELTAS):
            for linea in self._lo_que_falta(sistema):
                self._teclear(sesion, linea)
            rastro = self._modelo.rastro("L")
            self._teclear(sesion, f"acabad {rastro}")
            await self._calma(sesion, sistema, rastro)
            if not sistema.gestor.mandos.vivos():
                return
        quedan = sistema.gestor.get_all_agents_status()
        raise AssertionError(
            f"no acaban: {[a for a in quedan if a['agent_id'] in _vivos(sistema)]}"
        )

    async def _calma(self, sesion: Sesion, sistema: Sistema, rastro: str) -> None:
        """Aprueba lo que se pida hasta que se leyó esa línea y no se mueve nadie."""
        aprueba = asyncio.create_task(self._aprobar(sesion, sistema), name="aprueba")
        try:
            async with asyncio.timeout(CALMA_S):
                while not self._modelo.leido(rastro):
                    await asyncio.sleep(0.02)
                await sistema.conversacion.esperar_calma()
        except TimeoutError:
            leida = self._modelo.leido(rastro)
            estados = sistema.gestor.get_all_agents_status()
            raise AssertionError(f"sin calma (leída: {leida}): {estados}") from None
        finally:
            aprueba.cancel()
            await asyncio.wait({aprueba})

    async def _aprobar(self, sesion: Sesion, sistema: Sistema) -> None:
        while True:
            for grupo in sistema.aprobaciones.pendientes():
                self._teclear(sesion, f"/si {grupo.numero}")
            await asyncio.sleep(0.3)

    def _lo_que_falta(self, sistema: Sistema) -> list[str]:
        """Más de todo a cada cuenta, que sigan los pausados y respuesta a quien la espera."""
        lineas = []
        for cuenta, recurso, _ in sistema.contaduria.cuentas():
            quien = "" if cuenta.nombre == LA_SESION else f"{cuenta.nombre} "
            lineas.append(f"/presupuesto {quien}{recurso}=+1000000")
        lineas.append("/reanudar todos")
        for agente in sistema.gestor.get_all_agents_status():
            if agente["status"] == "paused":
                lineas.append(f"@{agente['agent_id']} sigue {self._modelo.rastro('D')}")
        return lineas

    def _teclear(self, sesion: Sesion, linea: str) -> None:
        self.apuntar(f"> {linea}")
        if linea == CTRL_C:
            if sesion.sistema is not None:
                sesion.sistema.conversacion.interrumpir()
        else:
            sesion.recibir(linea)

    # --- a quién y qué --------------------------------------------------------------------

    def _uno(self, sistema: Sistema) -> str:
        vivos = _vivos(sistema)
        todos = [a["agent_id"] for a in sistema.gestor.get_all_agents_status()]
        cuales = vivos if vivos and self._azar.random() < 0.9 else todos
        return self._azar.choice(cuales or ["obrero-1"])

    def _quienes(self, sistema: Sistema) -> str:
        uno = self._uno(sistema)
        return self._azar.choice((uno, uno, uno, f"rama {uno}", "todos"))

    def _vaiven(self, sistema: Sistema) -> list[str]:
        """Varias órdenes seguidas sobre el mismo."""
        uno = self._uno(sistema)
        posibles = [f"/pausar {uno}", f"/reanudar {uno}", f"/paso {uno}"] * 2
        posibles += [f"@{uno} ya {self._modelo.rastro('D')}", CTRL_C, f"/pausar rama {uno}"]
        posibles += [f"/cancelar {uno}"] if self._azar.random() < 0.2 else []
        return [f"/pausar {uno}", *self._azar.sample(posibles, self._azar.randrange(1, 4))]

    def _presupuesto(self, sistema: Sistema) -> list[str]:
        cuentas = [r.value for _, r, _ in sistema.contaduria.cuentas()] or ["comandos"]
        suma = {"tokens": 8000, "usd": 0.02, "segundos": 1, "comandos": 3, "agentes": 1}
        recurso = self._azar.choice(cuentas)
        quien = self._azar.choice(("", "", f"{self._uno(sistema)} "))
        return [f"/presupuesto {quien}{recurso}=+{suma[recurso]}"]

    def _permiso(self, sistema: Sistema) -> list[str]:
        pendientes = sistema.aprobaciones.pendientes()
        if not pendientes:
            return []
        numero = self._azar.choice(pendientes).numero
        posibles = (f"/si {numero}", f"/si {numero} sesion", f"/si {numero} agente")
        return [self._azar.choice((*posibles, f"/no {numero} no", f"/no {numero}"))]


def _vivos(sistema: Sistema) -> list[str]:
    return sistema.gestor.mandos.vivos()
