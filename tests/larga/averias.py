"""Qué se estropea y cuándo: al azar de la semilla, sin que ninguna llamada se quede sin salida."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.dobles.fallos import fallo
from tests.dobles.respuestas import Respuesta
from tests.larga.plan import Plan

SEGUIDAS = 2
"""Averías seguidas que recibe como mucho una misma petición: menos de las que agotan los intentos."""

CAUSAS = {
    "429": "tasa",
    "500": "servidor",
    "503": "servidor",
    "reinicio": "conexion",
    "reinicio_a_mitad": "conexion",
    "fin_limpio_a_mitad": "cortada",
    "fin_limpio_en_argumentos": "cortada",
    "error_en_flujo": "servidor",
    "respuesta_vacia": "vacia",
    "silencio": "tiempo",
}
"""Cada avería que obliga a repetir la petición y cómo la ha de llamar la bitácora."""

MALFORMADAS = (
    "json_malformado",
    "argumentos_cortados_completos",
    "argumentos_lista",
    "herramienta_desconocida",
)
"""Las que el modelo paga con un turno: la llamada no se hace y se le dice por qué."""

_COBRADAS = {"respuesta_vacia", "filtro"}
_EMPEZADAS = {
    "reinicio_a_mitad",
    "fin_limpio_a_mitad",
    "fin_limpio_en_argumentos",
    "error_en_flujo",
}


def se_cobra(averia: str, proveedor: str) -> bool:
    """Si el proveedor dice lo que costó aunque no sirviera: Gemini lo va diciendo en cada trozo."""
    return averia in _COBRADAS or (proveedor == "gemini" and averia in _EMPEZADAS)


@dataclass(frozen=True, slots=True)
class Dada:
    """Lo que se contesta y, si no es lo que tocaba, qué avería es."""

    respuesta: Respuesta
    averia: str = ""


class Averias:
    """Decide, petición a petición. `malformables` dice si ese protocolo admite argumentos rotos."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._azar = Random(f"{plan.semilla}:averias")
        self._bolsa = self._barajadas(*CAUSAS, *MALFORMADAS)
        self._seguidas: dict[tuple[str, int], int] = {}

    def estropear(
        self, contestar: Callable[[], Respuesta], donde: tuple[str, int], *, malformables: bool
    ) -> Dada:
        """`donde` es quién pregunta y por qué turno va: lo mismo al repetir la petición."""
        buena = contestar()
        if buena.fin != Respuesta().fin:
            return Dada(buena, "filtro")
        seguidas = self._seguidas.get(donde, 0)
        if seguidas >= SEGUIDAS or self._azar.random() >= self._plan.averia:
            return Dada(self._lenta(buena))
        self._seguidas[donde] = seguidas + 1
        nombre = self._siguiente(malformables and bool(buena.llamadas))
        return Dada(_averiada(nombre), nombre)

    def _siguiente(self, malformables: bool) -> str:
        """De una bolsa sin repetir: así salen todas. Las malformadas, solo donde pueden ir."""
        valen = [n for n in self._bolsa if malformables or n not in MALFORMADAS]
        if not valen:
            valen = self._barajadas(*CAUSAS, *(MALFORMADAS if malformables else ()))
            self._bolsa += valen
        self._bolsa.remove(valen[0])
        return valen[0]

    def _barajadas(self, *nombres: str) -> list[str]:
        salen = [n for n in nombres if self._plan.completa or n != "silencio"]
        self._azar.shuffle(salen)
        return salen

    def _lenta(self, buena: Respuesta) -> Respuesta:
        """La buena, que tarda: en empezar casi siempre y, a veces, entre trozo y trozo."""
        pausa = self._azar.uniform(0, self._plan.piensa_s)
        if self._azar.random() < self._plan.averia:
            entre = self._azar.uniform(0, self._plan.piensa_s / 4)
            return replace(buena, pausa_s=pausa, entre_trozos_s=entre, trozos=8)
        return replace(buena, pausa_s=pausa)


def _averiada(nombre: str) -> Respuesta:
    if nombre == "429":
        return fallo("429", retry_after=1)
    if nombre == "silencio":
        return fallo("silencio", espera_s=120)
    return fallo(nombre)
