"""Lo que ha de constar, según el registro independiente y nada más."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from tests.apoyo import CONSOLA, DELEGAR, PROBLEMA, REPORTAR
from tests.larga.averias import CAUSAS, se_cobra
from tests.larga.notario import MASTER
from tests.larga.registro import Apunte
from tests.tortura.mirada import NOMBRE

Uso = tuple[int, int]
CORTADA, DENEGADA = "cortada", "denegada"

_A_PUNTO_S = 10.0
"""Lo que puede tardar en llegar una respuesta: la de una petición así de reciente la cortó una muerte."""

_LANZADO = re.compile(r"Lanzado ([\w-]+)[.,]")
_CODIGO = re.compile(r"exit (\d+)$")


@dataclass(frozen=True)
class Hecha:
    """Una llamada que el modelo pidió y que valió: quién, qué y lo que se le contestó, si lo leyó."""

    agente: str
    nombre: str
    args: dict[str, Any]
    resultado: str | None


class Cuentas:
    """Lo que cuenta un registro acabado."""

    def __init__(self, apuntes: Sequence[Apunte]) -> None:
        self.apuntes = apuntes

    def de(self, clase: str) -> list[Apunte]:
        """Los apuntes de una clase, en orden."""
        return [a for a in self.apuntes if a["clase"] == clase]

    @cached_property
    def muertes(self) -> list[float]:
        """Cuándo murió el programa."""
        return [a["t"] for a in self.de("muerte")]

    # --- las respuestas que valieron --------------------------------------------------------

    @cached_property
    def validas(self) -> list[Apunte]:
        """Las respuestas enteras que el programa llegó a guardar.

        La que se perdió con una muerte se vuelve a pedir desde el mismo turno.
        """
        siguientes: dict[str, int] = {}
        validas = []
        for peticion in reversed(self.de("peticion")):
            if peticion["aparte"]:
                vale = not self._estropeada(peticion)
            else:
                posterior = siguientes.get(peticion["agente"], peticion["turnos"] + 1)
                vale = not self._estropeada(peticion) and posterior > peticion["turnos"]
                siguientes[peticion["agente"]] = min(posterior, peticion["turnos"])
            if vale:
                validas.append(peticion)
        return validas[::-1]

    @cached_property
    def perdidas(self) -> int:
        """Respuestas enteras que murieron con el programa sin guardarse."""
        enteras = sum(not self._estropeada(p) for p in self.de("peticion"))
        return enteras - len(self.validas)

    def _estropeada(self, peticion: Apunte) -> bool:
        return peticion["averia"] in CAUSAS or peticion["averia"] == "filtro"

    def tokens(self, contados: Mapping[str, Uso]) -> dict[str, Uso]:
        """Entrada y salida de cada agente: lo que valió y lo que se cobró sin que sirviera.

        De lo que se cortó sin saberse si llegó a leerse lo que costaba, entra lo que cuadre.
        """
        cobradas = [p for p in self.de("peticion") if se_cobra(p["averia"], p["proveedor"])]
        ciertos = _sumados([*self.validas, *(p for p in cobradas if not self._dudosa(p))])
        for agente in {p["agente"] for p in cobradas if self._dudosa(p)}:
            dudosas = [p for p in cobradas if p["agente"] == agente and self._dudosa(p)]
            ciertos[agente] = _la_que_cuadra(ciertos.get(agente, (0, 0)), dudosas, contados[agente])
        return ciertos

    def _dudosa(self, peticion: Apunte) -> bool:
        """Si se cortó de golpe: lo enviado y aún sin leer se pierde."""
        hasta_morir = (muerte - peticion["t"] for muerte in self.muertes)
        return peticion["averia"] == "reinicio_a_mitad" or any(
            0 <= s < _A_PUNTO_S for s in hasta_morir
        )

    # --- lo que se hizo ---------------------------------------------------------------------

    @cached_property
    def hechas(self) -> list[Hecha]:
        """Todas las llamadas válidas: las que están en la última historia y las de después."""
        historias = {h["agente"]: h["mensajes"] for h in self.de("historia")}
        hechas = [h for agente, m in historias.items() for h in _pares(agente, m)]
        finales = {p["agente"]: p for p in self.validas if not p["aparte"]}
        for agente, peticion in finales.items():
            if _turnos(historias[agente]) == peticion["turnos"] and not peticion["averia"]:
                hechas += [Hecha(agente, n, args, None) for n, args in peticion["llamadas"]]
        return hechas

    def _con(self, nombre: str) -> Iterator[Hecha]:
        return (h for h in self.hechas if h.nombre == nombre)

    @cached_property
    def superiores(self) -> dict[str, str]:
        """Quién lanzó a cada agente."""
        lanzados: dict[str, str] = {}
        for hecha in self._con(DELEGAR):
            assert hecha.resultado is not None, hecha
            dicho = _LANZADO.search(hecha.resultado)
            assert dicho is not None, hecha
            lanzados[dicho[1]] = hecha.agente
        return lanzados

    @cached_property
    def ordenes(self) -> dict[str, tuple[str, int | str]]:
        """Cada orden: quién la pidió y el código con que ha de acabar, si es que corrió."""
        rechazadas = {a["orden"] for a in self.de("aprobacion") if a["decision"] == "denegar"}
        ordenes: dict[str, tuple[str, int | str]] = {
            a["nombre"]: ("usuario", a["codigo"]) for a in self.de("orden")
        }
        for hecha in self._con(CONSOLA):
            leida = NOMBRE.match(hecha.args["command"])
            assert leida is not None, hecha
            esperado: int | str = DENEGADA
            if leida[1] not in rechazadas:
                final = _CODIGO.search(hecha.args["command"])
                esperado = CORTADA if final is None else int(final[1])
            ordenes[leida[1]] = (hecha.agente, esperado)
        return ordenes

    @cached_property
    def leidos(self) -> dict[str, int]:
        """El código de cada orden cuyo resultado leyó el modelo."""
        leidos = {}
        for hecha in self._con(CONSOLA):
            leida = NOMBRE.match(hecha.args["command"])
            if hecha.resultado is not None and leida is not None:
                leidos[leida[1]] = json.loads(hecha.resultado)["codigo"]
        return leidos

    @cached_property
    def problemas(self) -> list[tuple[str, str]]:
        """Quién contó qué problema."""
        return sorted((h.agente, h.args["descripcion_problema"]) for h in self._con(PROBLEMA))

    @cached_property
    def finales(self) -> dict[str, tuple[str, str]]:
        """Cómo acabó cada agente y con qué resultado."""
        resultados = {h.agente: h.args["resultado"] for h in self._con(REPORTAR)}
        cancelados = {a["agente"] for a in self.de("cancelacion")}
        bloqueados = {p["agente"] for p in self.de("peticion") if p["averia"] == "filtro"}
        finales = {}
        for agente in self.superiores:
            if agente in resultados:
                finales[agente] = ("completed", resultados[agente])
            elif agente in cancelados:
                finales[agente] = ("cancelled", "")
            elif agente in bloqueados:
                finales[agente] = ("failed", "")
            else:
                finales[agente] = ("max_iterations", "")
        return finales

    # --- lo que se repitió ------------------------------------------------------------------

    @cached_property
    def reintentos(self) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
        """Por agente y causa, los que han de constar y los que quizá cortó una muerte.

        De una avería no se sabe si llegó a constar cuando el programa murió antes de que ese
        agente volviera a pedir nada.
        """
        seguros: Counter[tuple[str, str]] = Counter()
        dudosos: Counter[tuple[str, str]] = Counter()
        despues: dict[tuple[str, bool], float] = {}
        for peticion in reversed(self.de("peticion")):
            donde = (peticion["agente"], peticion["aparte"])
            if peticion["averia"] in CAUSAS:
                hasta = despues.get(donde, float("inf"))
                cual = (peticion["agente"], CAUSAS[peticion["averia"]])
                (dudosos if self._murio_entre(peticion["t"], hasta) else seguros)[cual] += 1
            despues[donde] = peticion["t"]
        return seguros, dudosos

    def _murio_entre(self, desde: float, hasta: float) -> bool:
        return bisect_right(self.muertes, hasta) > bisect_right(self.muertes, desde)

    @cached_property
    def a_la_vez(self) -> int:
        """Los agentes que llegaron a estar trabajando a la vez, según sus peticiones."""
        primera: dict[str, float] = {}
        ultima: dict[str, float] = {}
        for peticion in self.de("peticion"):
            if peticion["agente"] != MASTER:
                primera.setdefault(peticion["agente"], peticion["t"])
                ultima[peticion["agente"]] = peticion["t"]
        cortes = sorted([(t, 1) for t in primera.values()] + [(t, -1) for t in ultima.values()])
        vivos = maximo = 0
        for _, cambio in cortes:
            vivos += cambio
            maximo = max(maximo, vivos)
        return maximo


def _sumados(peticiones: Sequence[Apunte]) -> dict[str, Uso]:
    suma: dict[str, Uso] = {}
    for peticion in peticiones:
        entrada, salida = suma.get(peticion["agente"], (0, 0))
        entra, sale = peticion["uso"]
        suma[peticion["agente"]] = (entrada + entra, salida + sale)
    return suma


def _la_que_cuadra(cierto: Uso, dudosas: Sequence[Apunte], contado: Uso) -> Uso:
    """Lo cierto con las dudosas que lo dejan en lo contado; si no hay manera, sin ninguna."""
    for cuantas in range(len(dudosas) + 1):
        for entran in combinations([p["uso"] for p in dudosas], cuantas):
            suma = (cierto[0] + sum(u[0] for u in entran), cierto[1] + sum(u[1] for u in entran))
            if suma == contado:
                return suma
    return cierto


def _pares(agente: str, mensajes: Sequence[Sequence[Any]]) -> Iterator[Hecha]:
    """Cada llamada válida de una historia con su respuesta: van en el mismo orden."""
    pedidas = [ll for _, _, llamadas in mensajes for ll in llamadas]
    respuestas = [texto for rol, texto, _ in mensajes if rol == "tool"]
    for (nombre, args), texto in zip(pedidas, respuestas, strict=True):
        if args:
            yield Hecha(agente, nombre, args, texto)


def _turnos(mensajes: Sequence[Sequence[Any]]) -> int:
    return sum(rol == "assistant" for rol, _, _ in mensajes)
