"""El modelo: contesta al azar, apunta lo que le llega y, cuando se le dice, acaba pronto."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from random import Random

from agentes.eventos import MASTER
from agentes.respuestas import Uso
from tests.apoyo import CANCELAR, CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR
from tests.apoyo_pausas import PAUSAR, REANUDAR
from tests.cruces.mezcla import Mezcla
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Llamada, Respuesta, llamada, respuesta, texto

TIPOS = ("obrero", "obrero", "prudente", "medido", "breve", "jefe")
RASTRO = re.compile(r"«[RPMDL]\d+»")
"""Lo que se dice una sola vez: reporte, problema, mensaje, línea directa o línea al Master."""

AVERIAS: tuple[Callable[[Random], Respuesta], ...] = (
    lambda a: fallo("429", retry_after=round(a.uniform(0.05, 0.4), 2)),
    lambda a: fallo("429", retry_after=round(a.uniform(0.05, 0.4), 2)),
    lambda a: fallo("503", retry_after=round(a.uniform(0.05, 0.4), 2)),
    lambda a: fallo("503", retry_after=round(a.uniform(0.05, 0.4), 2)),
    lambda _: fallo("reinicio"),
    lambda _: fallo("reinicio_a_mitad"),
    lambda _: fallo("fin_limpio_a_mitad"),
    lambda _: fallo("fin_limpio_en_argumentos"),
    lambda _: fallo("error_en_flujo"),
    lambda _: fallo("respuesta_vacia"),
    lambda _: fallo("respuesta_vacia"),
    lambda _: fallo("json_malformado"),
    lambda _: fallo("herramienta_desconocida"),
    lambda _: fallo("longitud"),
    lambda _: fallo("filtro"),
    lambda _: fallo("contexto"),
)
_ID = re.compile(r"\b(?:obrero|prudente|medido|breve|jefe)-\d+\b")
MAX_AGENTES = 10
USO_MAXIMO, MAX_SALIDA = 3_000, 300


@dataclass(frozen=True, slots=True)
class Pedida:
    """Una petición que llegó al doble: cuándo (hora del sistema), de quién y con qué."""

    t: float
    agente: str
    peticion: Peticion

    @property
    def con_herramientas(self) -> bool:
        """Si es de su trabajo, y no un resumen ni una pregunta al margen."""
        return bool(self.peticion.herramientas)


class Modelo:
    """El de todos los agentes de una sesión. `acabando` lo pone quien quiere que todo termine."""

    def __init__(self, mezcla: Mezcla) -> None:
        self.acabando = False
        self.pedidas: list[Pedida] = []
        self._mezcla = mezcla
        self._azar = Random(f"{mezcla.semilla}:modelo")
        self._numero = count(1)
        self._lanzados = 0

    def guion(self) -> Guion:
        """El del doble."""
        agentes = {f"{t}-*": self._contestar for t in dict.fromkeys(TIPOS)}
        return Guion({"Master": self._contestar, **agentes})

    def rastro(self, letra: str) -> str:
        """Un texto que no se ha dicho nunca."""
        return f"«{letra}{next(self._numero)}»"

    def marca(self, quien: str) -> str:
        """El nombre de una orden, que tampoco se repite."""
        return f"{quien}.{next(self._numero)}"

    def leido(self, rastro: str) -> bool:
        """Si eso ya llegó en alguna petición."""
        return any(rastro in p.peticion.dicho for p in self.pedidas[-40:])

    def _contestar(self, peticion: Peticion) -> Respuesta:
        quien = MASTER if peticion.agente.lower() == MASTER else peticion.agente
        desfase = time.time() - asyncio.get_running_loop().time()
        self.pedidas.append(Pedida(desfase + peticion.llegada, quien, peticion))
        if not self.acabando and self._azar.random() < self._mezcla.averia:
            return self._azar.choice(AVERIAS)(self._azar)
        if not peticion.herramientas:
            buena = texto("resumen de lo de antes")
        elif quien == MASTER:
            buena = self._master(peticion)
        else:
            buena = self._agente(peticion, quien)
        return self._tardando(buena)

    def _tardando(self, buena: Respuesta) -> Respuesta:
        pausa = 0.0 if self.acabando else self._azar.choice((0, 0, 0.02, 0.1, 0.3))
        entre = self._azar.choice((0, 0, 0, 0.02))
        gasto = Uso(self._azar.randrange(50, USO_MAXIMO), self._azar.randrange(1, MAX_SALIDA))
        uso = gasto if self._azar.random() < 0.3 else None
        return replace(buena, pausa_s=pausa, entre_trozos_s=entre, uso=uso)

    # --- lo que decide cada uno -----------------------------------------------------------

    def _master(self, peticion: Peticion) -> Respuesta:
        if self.acabando:
            return texto("queda poco")
        if not peticion.turnos_con_llamadas:
            return self._varias([self._delegar() for _ in range(self._azar.randrange(1, 4))])
        if peticion.ultimo.rol == "tool" and self._azar.random() < 0.6:
            return texto(self._azar.choice(("sigo", "espero", "va")))
        posibles = [*self._sobre_otros(peticion), llamada("estado_enjambre")]
        return self._varias(self._algunas(posibles))

    def _agente(self, peticion: Peticion, quien: str) -> Respuesta:
        dado, puede = self._azar.random(), set(peticion.herramientas)
        if self.acabando or peticion.turnos > 12:
            return texto("nada más") if dado < 0.25 else self._final()
        if dado < 0.12:
            return self._final()
        if dado < 0.2:
            return texto(self._azar.choice(("espero", "lo pienso")))
        posibles = [self._orden(quien) for _ in range(3)]
        if dado > 0.9:
            posibles.append(self._problema())
        if DELEGAR in puede:
            posibles += self._sobre_otros(peticion)
        elegidas = [ll for ll in self._algunas(posibles) if ll.nombre in puede]
        return self._varias(elegidas or [self._orden(quien)])

    def _final(self) -> Respuesta:
        return self._varias([llamada(REPORTAR, {"resultado": f"hecho {self.rastro('R')}"})])

    def _problema(self) -> Llamada:
        return llamada(PROBLEMA, {"descripcion_problema": f"no sé {self.rastro('P')}"})

    def _orden(self, quien: str) -> Llamada:
        azar = self._azar
        marca = self.marca(quien)
        duerme = azar.choice(("", "", "; sleep 0.05", "; sleep 0.3", "; sleep 1 & wait"))
        sale = azar.choice(("", "", "; exit 3", "; touch x && rm x"))
        return llamada(CONSOLA, {"command": f"echo {marca} >> marcas{duerme}; pwd{sale}"})

    def _sobre_otros(self, peticion: Peticion) -> list[Llamada]:
        conocidos = [*dict.fromkeys(_ID.findall(peticion.todo_el_texto))] or ["obrero-1"]
        otro = self._azar.choice(conocidos)
        dicho = {"agent_id": otro, "message_content": f"haz esto {self.rastro('M')}"}
        return [
            llamada(MENSAJE, dicho),
            llamada(self._azar.choice((PAUSAR, REANUDAR, REANUDAR)), {"agent_id": otro}),
            *([llamada(CANCELAR, {"agent_id": otro})] if self._azar.random() < 0.3 else []),
            *([self._delegar()] if self._lanzados < MAX_AGENTES else []),
        ]

    def _delegar(self) -> Llamada:
        self._lanzados += 1
        datos = {"agent_type": self._azar.choice(TIPOS), "task_description": "haz algo"}
        return llamada(DELEGAR, datos)

    def _algunas(self, posibles: list[Llamada]) -> list[Llamada]:
        return self._azar.sample(posibles, min(len(posibles), self._azar.choice((1, 1, 1, 2, 3))))

    def _varias(self, llamadas: list[Llamada]) -> Respuesta:
        return respuesta(texto=self._azar.choice(("", "", "voy")), llamadas=llamadas)
