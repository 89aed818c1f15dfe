"""Lo que el enjambre pide al supervisor de una orden y lo que este le devuelve.

Viaja en JSON entre dos procesos, así que aquí solo hay biblioteca estándar y datos llanos.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

MARCA_FILTRO = "{filtro}"
"""En un argumento de `Encierro.prefijo`, el número del descriptor con el filtro de seccomp."""


DISPOSITIVOS = "/run/enjambre-dev"
"""Dónde encuentra el prefijo un /dev ya montado, con `Encierro.dispositivos`."""

MEMORIA_COMPARTIDA = 16 * 1024 * 1024
"""Bytes del /dev/shm de una orden encerrada."""


class MotivoFin(StrEnum):
    """Por qué terminó una orden."""

    OK = "ok"
    TIEMPO = "tiempo"
    LIMITE_SALIDA = "limite_salida"
    LIMITE_MEMORIA = "limite_memoria"
    LIMITE_PROCESOS = "limite_procesos"
    LIMITE_ARCHIVO = "limite_archivo"
    LIMITE_ESPACIO = "limite_espacio"
    CANCELADO = "cancelado"
    TUBERIA_RETENIDA = "tuberia_retenida"
    DENEGADO = "denegado"
    SIN_LANZAR = "sin_lanzar"
    SIN_SUPERVISOR = "sin_supervisor"


@dataclass(frozen=True, slots=True)
class Limites:
    """Segundos de vida; bytes que se conservan por flujo y que se admiten entre los dos.

    `memoria` (la residente de todo el árbol), `archivo` y `espacio` van en bytes.
    """

    segundos: float
    salida: int
    total: int
    memoria: int
    procesos: int
    archivo: int
    espacio: int


@dataclass(frozen=True, slots=True)
class Cerca:
    """Lo que Landlock deja tocar, siempre con todo lo que cuelga de cada ruta.

    De `listar` solo se ven los nombres.
    """

    leer: tuple[str, ...]
    escribir: tuple[str, ...]
    listar: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encierro:
    """Cómo se encierra una orden; lo decide un aislamiento y lo cumple el supervisor.

    `prefijo` va delante de la orden. `usuario` es el uid y gid al que baja el hijo antes de
    ejecutar nada. `cerca` se le pone al hijo. `filtro` es el de seccomp (`""`, `sin_red` o
    `con_red`): con `MARCA_FILTRO` en el prefijo se pasa por un descriptor; si no, se le instala
    al hijo. `procesos_aparte` dice que dentro se cuentan solo los procesos de la orden. `remate`
    se ejecuta siempre al acabar; `congelar` y `descongelar`, cuando toca, si hay procesos de la
    orden que no descienden de su supervisor. `red_vacia` y `dispositivos` piden, solo para root, lo que ya
    está hecho cuando la orden llega: que el prefijo empiece sin ninguna red, y `DISPOSITIVOS`.
    """

    prefijo: tuple[str, ...] = ()
    usuario: int | None = None
    cerca: Cerca | None = None
    filtro: str = ""
    procesos_aparte: bool = False
    remate: tuple[str, ...] = ()
    congelar: tuple[str, ...] = ()
    descongelar: tuple[str, ...] = ()
    red_vacia: bool = False
    dispositivos: bool = False


@dataclass(frozen=True, slots=True)
class Cuaderno:
    """Las hojas de una orden: su supervisor las pone antes y las recoge después.

    `preludio` y `estado` son sus rutas; `texto`, lo que dice la primera; `duenio`, su uid si no
    es el nuestro.
    """

    preludio: str
    estado: str
    texto: str
    duenio: int | None


@dataclass(frozen=True, slots=True)
class Pedido:
    """Una orden entera. `medidas` son las carpetas cuyo tamaño cuenta para `limites.espacio`.

    `operacion` es el nombre de su carpeta.
    """

    orden: tuple[str, ...]
    carpeta: str
    entorno: dict[str, str]
    limites: Limites
    encierro: Encierro = field(default_factory=Encierro)
    medidas: tuple[str, ...] = ()
    operacion: str = ""
    cuaderno: Cuaderno | None = None

    def a_json(self) -> bytes:
        """Para el supervisor."""
        crudo = json.dumps(self, ensure_ascii=False, default=_campos)
        return crudo.encode("utf-8", "surrogateescape")

    @classmethod
    def de_json(cls, datos: bytes) -> Pedido:
        """Lo que escribió `a_json`."""
        crudo: dict[str, Any] = json.loads(datos.decode("utf-8", "surrogateescape"))
        encierro = crudo["encierro"]
        if cerca := encierro["cerca"]:
            encierro["cerca"] = Cerca(**{clave: tuple(rutas) for clave, rutas in cerca.items()})
        for orden in ("prefijo", "remate", "congelar", "descongelar"):
            encierro[orden] = tuple(encierro[orden])
        return cls(
            orden=tuple(crudo["orden"]),
            carpeta=crudo["carpeta"],
            entorno=crudo["entorno"],
            limites=Limites(**crudo["limites"]),
            encierro=Encierro(**encierro),
            medidas=tuple(crudo["medidas"]),
            operacion=crudo["operacion"],
            cuaderno=None if crudo["cuaderno"] is None else Cuaderno(**crudo["cuaderno"]),
        )


@dataclass(frozen=True, slots=True)
class Informe:
    """Cómo acabó: textos ya acotados, bytes que faltan en ellos y milisegundos sin congelar.

    `codigo` es negativo si murió por una señal. `queja` dice por qué no se pudo lanzar y
    `ocupado`, los bytes de las carpetas medidas si dio tiempo a recorrerlas. `estado` es lo que
    dejó a la orden siguiente (un `Estado` en JSON) y `limites`, los que tuvo, si se sabe.
    """

    motivo: MotivoFin
    codigo: int
    salida: str = ""
    error: str = ""
    omitidos: int = 0
    ms: int = 0
    queja: str = ""
    ocupado: int | None = None
    estado: dict[str, Any] | None = None
    limites: Limites | None = None


def _campos(dato: Any) -> dict[str, Any]:
    """Los de una de estas clases. `asdict` copiaría además cada ruta, y se paga en cada orden."""
    return {campo.name: getattr(dato, campo.name) for campo in fields(dato)}


def informe_de_json(crudo: dict[str, Any]) -> Informe:
    """El que `asdict` convirtió. Lanza `ValueError`, `TypeError` o `KeyError` si no lo es."""
    limites = crudo["limites"]
    return Informe(
        **{
            **crudo,
            "motivo": MotivoFin(crudo["motivo"]),
            "limites": None if limites is None else Limites(**limites),
        }
    )


def ensayar() -> None:
    """Lee un pedido de mentira: el primero que lee un proceso recién bifurcado cuesta el triple."""
    Pedido.de_json(_ENSAYO)


_ENSAYO = Pedido(("true",), "/", {"A": "b"}, Limites(1.0, 1, 1, 1, 1, 1, 1)).a_json()
