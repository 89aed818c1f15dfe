"""Lo que se acota: procesos, memoria y disco. Cada exceso muere y deja un motivo con nombre."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from servicios.consola.supervision.procesos import tamano
from tests.consola.apoyo import sueno
from tests.consola.apoyo_plazas import Sitio, sitio
from tests.consola.tabla.apoyo_tabla import (
    COMO,
    ENCIERROS,
    SIN_CGRUPOS,
    Enjambre,
    Pedida,
    Salido,
    quedan,
)

pytestmark = pytest.mark.solo

_MIB = 1024 * 1024
_PROCESOS = 48
_MEMORIA_MB = 512
_ARCHIVO_MB = 40
_ESPACIO_MB = 120

# Cada hijo vive más que la orden: los que entran siguen todos vivos cuando se cuentan.
_MIL_HIJOS = """python3 - <<'FIN'
import os, time
dentro = 0
try:
    while dentro < 2000:
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "@n@"])
        dentro += 1
        print(dentro, flush=True)
except OSError:
    time.sleep(1)
FIN
sleep 1"""

# De 16 en 16 MB y sin prisa: quien vigila diez veces por segundo ha de llegar a tiempo.
_LLENAR = """python3 -c '
import sys, time
todo = []
for i in range(int(sys.argv[1]) // 16):
    todo.append(b"x" * (16 << 20))
    print(16 * (i + 1), flush=True)
    time.sleep(0.01)
print("lleno", flush=True)
time.sleep(2)' """

ORDENES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "hijos": (_MIL_HIJOS, {"limite_procesos": _PROCESOS}),
    "bomba": (
        "b() { sleep @n@ & b | b & }; b; sleep 3",
        {"limite_procesos": _PROCESOS, "limite_comando_s": 3.0},
    ),
    "tres-gigas": (f"{_LLENAR} 3072", {"limite_memoria_mb": _MEMORIA_MB}),
    "seis-de-700": (
        f"for i in 1 2 3 4 5 6; do {_LLENAR} 700 & done; wait",
        {"limite_memoria_mb": _MEMORIA_MB},
    ),
    "un-archivo": ("head -c 1G /dev/zero > f", {"limite_archivo_mb": _ARCHIVO_MB}),
    "ocho-archivos": (
        "for i in 1 2 3 4 5 6 7 8; do head -c 30M /dev/zero > f$i; sleep 0.3; done; echo todos",
        {"limite_espacio_mb": _ESPACIO_MB},
    ),
    "muchos": ("for i in {1..110}; do sleep @n@ & done; sleep 1.5; echo fin", {}),
    "unos": (
        "sleep 0.8; for i in {1..40}; do sleep @n@ & done; sleep 0.2; jobs -r | wc -l",
        {},
    ),
    "lo-temporal": (
        "head -c 200M /dev/zero > /tmp/g; wc -c < /tmp/g; echo fin",
        {},
    ),
}
"""Agente → su orden y su perfil."""

_RONDAS = (
    ("hijos",),
    ("bomba",),
    ("tres-gigas", "ocho-archivos", "lo-temporal", "muchos", "unos"),
    ("seis-de-700",),
    ("un-archivo",),
)
"""Las que se estorban, aparte: el núcleo cuenta juntos los procesos de un usuario."""


@dataclass(frozen=True, slots=True)
class Dejada:
    """Lo que dejó cada agente; `lugar` sigue como lo dejaron."""

    lugar: Sitio
    por_agente: Mapping[str, Salido]
    restos: Mapping[str, list[int]]
    cgrupos: bool


Dejadas = Callable[[Enjambre], Dejada]


@pytest.fixture(scope="module")
def dejadas() -> Iterator[Dejadas]:
    """Todas las órdenes de un caso, ejecutadas una vez en un solo enjambre."""
    with ExitStack() as pila:

        @cache
        def hechas(enjambre: Enjambre) -> Dejada:
            lugar = pila.enter_context(sitio(enjambre.aislamiento, COMO[enjambre.como]))
            return _correr(enjambre, lugar)

        yield hechas


def _correr(enjambre: Enjambre, lugar: Sitio) -> Dejada:
    marcas = {agente: sueno() for agente in ORDENES}
    informe = enjambre.correr(
        lugar, [[_pedida(agente, marcas[agente]) for agente in ronda] for ronda in _RONDAS]
    )
    restos = {agente: quedan(marca) for agente, marca in marcas.items()}
    return Dejada(lugar, informe.dejados, restos, informe.cgrupos)


def _pedida(agente: str, marca: str) -> Pedida:
    orden, perfil = ORDENES[agente]
    return Pedida(
        agente, f": {marca}\n{orden.replace('@n@', marca)}", {"limite_comando_s": 20.0, **perfil}
    )


CASOS = [
    pytest.param(Enjambre(aislamiento, como), id=f"{aislamiento}-{como}")
    for aislamiento in ENCIERROS
    for como in COMO
]


@pytest.fixture(params=CASOS)
def dejada(request: pytest.FixtureRequest, dejadas: Dejadas) -> Dejada:
    """Cada encierro, de root con y sin cgrupos y de otro usuario."""
    hecha = dejadas(request.param)
    assert not (hecha.cgrupos and request.param.como == SIN_CGRUPOS)
    return hecha


def test_de_dos_mil_procesos_entran_los_que_caben(dejada: Dejada) -> None:
    dejado = _muerta_por("limite_procesos", dejada, "hijos")
    dentro = int(dejado.salida.split()[-1])
    # Sin cgrupos se mira diez veces por segundo: entre dos miradas caben más, pero no los demás.
    assert dentro <= (_PROCESOS if dejada.cgrupos else 500)


def test_una_bomba_de_procesos_se_apaga(dejada: Dejada) -> None:
    dejado = _muerta_por("limite_procesos", dejada, "bomba")
    assert dejado.ms < 4_000


def test_los_procesos_de_un_vecino_no_se_restan(dejada: Dejada) -> None:
    muchos, unos = dejada.por_agente["muchos"], dejada.por_agente["unos"]
    assert (muchos.salida, muchos.error, muchos.motivo) == ("fin\n", "", "ok")
    assert (unos.salida, unos.error, unos.motivo) == ("40\n", "", "ok")


def test_tres_gigas_en_un_proceso_no_caben(dejada: Dejada) -> None:
    dejado = _muerta_por("limite_memoria", dejada, "tres-gigas")
    llego = [int(linea) for linea in dejado.salida.split()]
    assert llego[-1] < 2 * _MEMORIA_MB


def test_seis_de_700_megas_no_caben(dejada: Dejada) -> None:
    dejado = _muerta_por("limite_memoria", dejada, "seis-de-700")
    assert "lleno" not in dejado.salida


def test_un_archivo_no_pasa_de_su_limite(dejada: Dejada) -> None:
    dejado = dejada.por_agente["un-archivo"]
    assert dejado.motivo == "limite_archivo"
    assert f"ninguno puede pasar de {_ARCHIVO_MB} MiB" in dejado.error
    archivo = _espacio(dejada, "un-archivo") / "f"
    assert archivo.stat().st_size == _ARCHIVO_MB * _MIB


def test_ocho_archivos_no_pasan_del_espacio(dejada: Dejada) -> None:
    dejado = _muerta_por("limite_espacio", dejada, "ocho-archivos")
    assert "todos" not in dejado.salida
    ocupan = tamano([str(_espacio(dejada, "ocho-archivos"))], 5)
    # Se mira dos veces por segundo: entre dos miradas caben dos archivos más.
    assert ocupan is not None
    assert ocupan <= (_ESPACIO_MB + 3 * 30) * _MIB


def test_lo_temporal_es_pequeno_o_no_es_de_nadie(dejada: Dejada) -> None:
    dejado = dejada.por_agente["lo-temporal"]
    *ocupa, fin = dejado.salida.split()
    assert fin == "fin"
    assert ocupa in ([], [str(64 * _MIB)])
    assert ocupa or "denied" in dejado.error


def _espacio(dejada: Dejada, agente: str) -> Path:
    return dejada.lugar.proyecto / "data/espacios" / agente


def _muerta_por(motivo: str, dejada: Dejada, agente: str) -> Salido:
    """La orden murió entera por ese motivo y se lo dice al agente."""
    dejado = dejada.por_agente[agente]
    assert (dejado.motivo, dejado.codigo) == (motivo, 137), dejado
    assert motivo.replace("limite_", "límite de ") in dejado.error
    assert dejada.restos[agente] == []
    return dejado
