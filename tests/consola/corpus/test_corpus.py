"""Un shell de verdad: cada orden deja lo mismo que en un `bash -c` a secas en la misma carpeta."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.consola.corpus.apoyo_corpus import (
    Caso,
    Dejado,
    bash_a_secas,
    carpeta_de_datos,
    ordenes,
)

A_LA_VEZ = 16
MINIMO = 520
UNA_DE_CADA = {"bwrap": 1, "landlock": 1, "local": 5}


@pytest.fixture(scope="module")
async def referencias() -> AsyncIterator[Mapping[Caso, Dejado]]:
    """Lo que deja cada orden a secas, calculado una sola vez."""
    with carpeta_de_datos() as datos:
        casos = [Caso(numero, orden, datos) for numero, orden in enumerate(ordenes())]
        cupo = asyncio.Semaphore(A_LA_VEZ)

        async def a_secas(caso: Caso) -> Dejado:
            async with cupo:
                return await asyncio.to_thread(bash_a_secas, caso)

        dejado = await asyncio.gather(*map(a_secas, casos))
        yield dict(zip(casos, dejado, strict=True))


async def test_el_corpus_es_grande_y_variado(referencias: Mapping[Caso, Dejado]) -> None:
    assert len({caso.orden for caso in referencias}) >= MINIMO
    assert len({dejado.codigo for dejado in referencias.values()}) >= 20
    assert sum(bool(dejado.error) for dejado in referencias.values()) >= 100
    assert sum(dejado.codigo == 0 for dejado in referencias.values()) >= 400


@pytest.mark.lento
@pytest.mark.parametrize("aislamiento", UNA_DE_CADA)
async def test_cada_orden_deja_lo_mismo_que_en_bash(
    referencias: Mapping[Caso, Dejado], aislamiento: str
) -> None:
    casos = list(referencias)[:: UNA_DE_CADA[aislamiento]]
    opciones = OpcionesConsola(aislamiento=aislamiento, simultaneos=A_LA_VEZ)
    cupo = asyncio.Semaphore(A_LA_VEZ)
    async with abrir_consola(casos[0].datos, opciones) as consola:

        async def nuestra(caso: Caso) -> Dejado:
            async with cupo:
                return await _en_la_consola(consola, caso)

        dejado = await asyncio.gather(*map(nuestra, casos))
    distintas = [
        (caso.orden, {"bash": referencias[caso], aislamiento: suyo})
        for caso, suyo in zip(casos, dejado, strict=True)
        if suyo != referencias[caso]
    ]
    assert distintas == []


async def _en_la_consola(consola: EjecutorConsola, caso: Caso) -> Dejado:
    await asyncio.to_thread(caso.preparar)
    resultado = await consola.ejecutar_comando_seguro(caso.orden, caso.agente)
    consola.olvidar(caso.agente)
    return Dejado(resultado.salida, resultado.error, resultado.codigo)
