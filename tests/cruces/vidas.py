"""Una sesión entera: sus vidas, sus muertes de mentira y, al final, el orden y las cuentas."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from agentes.presupuesto import leer_topes
from servicios.ajustes import Ajustes
from servicios.interfaz.terminal.lineal import PapelLlano
from servicios.interfaz.terminal.ordenes.tabla import TECLAS_LLANAS
from servicios.interfaz.terminal.sesion import Sesion
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import preparar_raiz, variables_de
from tests.cruces.comprobaciones import Vivido, comprobar
from tests.cruces.gastos import comprobar_gastos
from tests.cruces.mezcla import Mezcla
from tests.cruces.modelo import Modelo
from tests.cruces.persona import Persona
from tests.dobles.openai import DobleOpenAI
from tests.tortura.fotos import copiar_datos, sesion_de

Hacer = Callable[[Sesion, Sistema], Awaitable[None]]

_ABRIR_S, _CERRAR_S = 30.0, 30.0
_QUIETO_S, _CPU_QUIETO = 0.3, 0.5


@dataclass
class Corrida:
    """Una sesión en marcha: dónde está cada vida y qué se ha visto."""

    mezcla: Mezcla
    carpeta: Path
    doble: DobleOpenAI
    modelo: Modelo
    persona: Persona
    raiz: Path
    azar: Random
    vivido: Vivido
    otras: list[Vivido] = field(default_factory=list)

    async def correr(self) -> None:
        """Todas las vidas. Lanza `AssertionError` con lo primero que no se cumple."""
        for numero in range(1, self.mezcla.vidas):
            muere = self.mezcla.clase == "muertes" or self.azar.random() < 0.5
            await self._vivir(self._enredar_y_morir(numero) if muere else self._enredar)
        await self._vivir(self._enredar_y_ordenar)
        for vivido in (*self.otras, self.vivido):
            await comprobar(vivido, self.raiz, self.modelo)
        assert not self.doble.rechazos, self.doble.rechazos
        assert not self.doble.imprevistos, self.doble.imprevistos

    async def _vivir(self, que: Hacer) -> None:
        """Abre, deja hacer y cierra como al escribir `salir`."""
        vivido = self.vivido
        vivido.abierta = time.time()
        self.persona.apuntar(f"--- abre {vivido.datos.name}")
        abierto: asyncio.Future[Sistema] = asyncio.get_running_loop().create_future()
        with (self.carpeta / "terminal.txt").open("a", encoding="utf-8") as salida:
            papel = PapelLlano(salida)

            async def soltar() -> None:
                papel.callar()

            sesion = Sesion(papel, soltar, abierto.set_result, TECLAS_LLANAS)
            corre = asyncio.create_task(sesion.run(self._abrir), name="corre")
            try:
                lo_primero: set[asyncio.Future[Any]] = {abierto, corre}
                await asyncio.wait(lo_primero, timeout=_ABRIR_S, return_when="FIRST_COMPLETED")
                assert abierto.done(), f"no se abrió: {corre}"
                await que(sesion, abierto.result())
            finally:
                sesion.salir("salir")
                await asyncio.wait({corre}, timeout=_CERRAR_S)
            assert corre.done(), "no se cerró"
            assert corre.result() == 0, f"salió con {corre.result()}"
        vivido.vidas.append((vivido.abierta, time.time()))

    @asynccontextmanager
    async def _abrir(self) -> AsyncIterator[Sistema]:
        datos = self.vivido.datos
        ajustes = Ajustes.leer(self.raiz).con(datos=datos)
        referencia = resolver_modelo(ajustes.model, ajustes)
        assert referencia is not None
        nueva = not (datos / "swarm.db").exists()
        topes = self.mezcla.presupuesto if nueva else ""
        async with abrir_sistema(
            ajustes,
            referencia,
            "terminal",
            reanudar=None if nueva else sesion_de(datos),
            presupuesto=leer_topes(topes) if topes else None,
        ) as sistema:
            self.vivido.tipos = dict(sistema.tipos)
            yield sistema

    # --- lo que pasa en una vida ----------------------------------------------------------

    async def _enredar(self, sesion: Sesion, sistema: Sistema) -> None:
        await self.persona.enredar(sesion, sistema)
        comprobar_gastos(sistema, self.mezcla, self.vivido, self.modelo.pedidas)

    def _enredar_y_morir(self, numero: int) -> Hacer:
        """El disco se copia como lo dejaría un `kill -9`; la otra rama acaba ahí."""

        async def hacer(sesion: Sesion, sistema: Sistema) -> None:
            await self._enredar(sesion, sistema)
            await asyncio.sleep(self.azar.uniform(0, 0.2))
            vieja, copia = self.vivido, self.carpeta / f"muerte-{numero}"
            _fotografiar(vieja.datos, copia)
            self.persona.apuntar(f"--- muere; sigue en {copia.name}")
            self.otras.append(vieja)
            heredadas = [*vieja.vidas, (vieja.abierta, time.time())]
            self.vivido = Vivido(copia, vidas=heredadas, tipos=vieja.tipos)

        return hacer

    async def _enredar_y_ordenar(self, sesion: Sesion, sistema: Sistema) -> None:
        await self._enredar(sesion, sistema)
        self.persona.apuntar("--- orden")
        await self.persona.ordenar(sesion, sistema)
        self.vivido.acabada = True
        antes = time.process_time()
        await asyncio.sleep(_QUIETO_S)
        gastado = time.process_time() - antes
        assert gastado < _QUIETO_S * _CPU_QUIETO, f"en calma gasta {gastado:.2f} s de {_QUIETO_S}"


def _fotografiar(datos: Path, copia: Path) -> None:
    """Con una lectura abierta: mientras se copia, el WAL no vuelve a empezar."""
    with closing(sqlite3.connect(f"file:{datos / 'swarm.db'}?mode=ro", uri=True)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sessions").fetchall()
        copiar_datos(datos, copia)


async def correr(mezcla: Mezcla, carpeta: Path) -> None:
    """Una sesión de esa mezcla en esa carpeta, con su doble."""
    modelo = Modelo(mezcla)
    async with DobleOpenAI(modelo.guion()) as doble:
        variables = {**variables_de("openai", doble), **mezcla.variables()}
        proyecto = carpeta / "proyecto"
        proyecto.mkdir()
        proyecto.chmod(0o777)
        variables["ENJAMBRE_PROYECTO"] = str(proyecto)
        raiz = carpeta / "programa"
        raiz.mkdir()
        preparar_raiz(raiz, variables, *mezcla.tipos())
        datos = carpeta / "data"
        datos.mkdir()
        precio = {"modelos": {"openai:gpt-prueba": {"entrada": 1, "salida": 2}}}
        (datos / "precios.json").write_text(json.dumps(precio))
        persona = Persona(mezcla, modelo, carpeta)
        azar = Random(f"{mezcla.semilla}:vidas")
        corrida = Corrida(mezcla, carpeta, doble, modelo, persona, raiz, azar, Vivido(datos))
        await corrida.correr()
