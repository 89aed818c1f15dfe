"""La persona: pide, contesta, aprueba, se entromete y, de vez en cuando, tira del cable."""

from __future__ import annotations

import asyncio
import re
import time
from random import Random

from tests.larga.entorno import Entorno
from tests.larga.gestos import GESTOS
from tests.larga.guion import DESPEDIDA, FINAL, hecha

_PETICION = re.compile(r"Petición (\d+): [\w-]+ pide permiso.*?\$ echo (\S+) >>", re.DOTALL)
_IMPACIENCIA = 0.2
"""Parte de las veces que, al ver una orden que no acaba, la persona la cancela."""

_PREGUNTA = re.compile(r"problema · (persona\[([\w-]+)\.\d+\])")


class Persona:
    """Vive delante de una ventana hasta que la carrera da lo que pide su plan."""

    def __init__(self, entorno: Entorno) -> None:
        self._e = entorno
        self._azar = Random(f"{entorno.plan.semilla}:persona")
        self._nacida = time.monotonic()
        self._gestos: list[str] = []
        self._hechos: set[str] = set()
        self._aprobadas: set[tuple[int, str]] = set()
        self._contestados: set[str] = set()
        self._cancelados: set[str] = set()
        self._muertes = self._cuando_matar()

    async def vivir(self) -> None:
        """De la primera línea a la última."""
        await self._e.ventana.arrancar()
        numero = 0
        while not self._basta():
            numero += 1
            await self._oleada(numero)
        await self._e.decir(DESPEDIDA)
        await self._e.hasta_ver(FINAL)
        codigo = await self._e.ventana.salir()
        self._e.registro.anotar("salida", codigo=codigo)

    def _basta(self) -> bool:
        plan = self._e.plan
        return (
            self._vivida() >= plan.dura_s
            and self._e.evidencias.empezadas().total() >= plan.ordenes
            and not self._muertes
            and not GESTOS.keys() - self._hechos
        )

    def _vivida(self) -> float:
        return time.monotonic() - self._nacida

    def _cuando_matar(self) -> list[float]:
        """Segundos desde el principio; cada muerte, en su parte de la carrera."""
        plan = self._e.plan
        parte = plan.dura_s / max(1, plan.muertes)
        return [parte * (n + self._azar.uniform(0.1, 0.9)) for n in range(plan.muertes)]

    async def _oleada(self, numero: int) -> None:
        await self._e.decir(f"oleada {numero}")
        tope = time.monotonic() + self._e.plan.oleada_s
        while hecha(numero) not in await self._e.ventana.mirar():
            assert time.monotonic() < tope, await self._e.ventana.mirar()
            await self._atender()
            await self._ocurrirse()
            await asyncio.sleep(self._azar.uniform(0.1, self._e.plan.cadencia_s))

    # --- lo que le piden ------------------------------------------------------------------

    async def _atender(self) -> None:
        visto = await self._e.ventana.mirar()
        for numero, nombre in _PETICION.findall(visto):
            if (int(numero), nombre) not in self._aprobadas:
                self._aprobadas.add((int(numero), nombre))
                await self._responder(numero, nombre)
        for problema, agente in _PREGUNTA.findall(visto):
            if problema not in self._contestados:
                self._contestados.add(problema)
                await self._e.directa(agente, f"sigue con lo tuyo ({problema})")
        for nombre in sorted(self._e.evidencias.eternas() - self._cancelados):
            if self._azar.random() < _IMPACIENCIA:
                self._cancelados.add(nombre)
                await self._cancelar(nombre.partition(".")[0])

    async def _responder(self, numero: str, nombre: str) -> None:
        """Aprueba dos de cada tres; a las demás les da un motivo."""
        permite = self._azar.random() < 2 / 3
        motivo = "" if permite else f"hoy no toca {nombre}"
        await self._e.ventana.teclear(f"/si {numero}" if permite else f"/no {numero} {motivo}")
        verbo = "permitida una vez" if permite else "denegada"
        await self._e.hasta_ver(f"{verbo} · $ echo {nombre} ")
        decision = "permitir" if permite else "denegar"
        self._e.registro.anotar("aprobacion", orden=nombre, decision=decision, motivo=motivo)

    async def _cancelar(self, agente: str) -> None:
        await self._e.ventana.teclear(f"/cancelar {agente}")
        await self._e.hasta_ver(f"{agente} cancelado")
        self._e.registro.anotar("cancelacion", agente=agente)

    # --- lo que se le ocurre --------------------------------------------------------------

    async def _ocurrirse(self) -> None:
        if self._muertes and self._vivida() >= self._muertes[0]:
            self._muertes.pop(0)
            await self._tirar_del_cable()
            return
        if not self._gestos:
            self._gestos = self._azar.sample([*GESTOS], len(GESTOS))
        nombre = self._gestos.pop()
        if await GESTOS[nombre](self._e):
            self._hechos.add(nombre)

    async def _tirar_del_cable(self) -> None:
        """Mata el programa en lo que esté haciendo y vuelve a abrirlo donde se quedó."""
        await asyncio.sleep(self._azar.uniform(0, 1))
        self._e.mirada.mirar()
        await self._e.ventana.matar()
        en_marcha = sorted(self._e.evidencias.en_marcha())
        self._e.registro.anotar("muerte", en_marcha=en_marcha)
        self._aprobadas.clear()
        await self._e.ventana.arrancar("--reanudar")
        self._e.mirada.comprobar()
