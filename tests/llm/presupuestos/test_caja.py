"""La caja con muchas llamadas a la vez: nadie se pasa, nadie se queda colgado y nada se pierde."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from agentes.errores import ErrorModelo
from agentes.eventos import MASTER, Apunte, Evento
from agentes.eventos_presupuesto import ReservaHecha
from agentes.presupuesto import Presupuesto, Recurso
from agentes.respuestas import Uso
from servicios.llm.presupuestos.caja import Caja, Cargo

TOPE = 120_000


class Recibo:
    """El de una fila que tarda un poco en guardarse; con `error`, no se guarda."""

    id = 1

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        if self._error is not None:
            raise self._error
        return self.id


class Bitacora:
    def __init__(self) -> None:
        self.reservas: list[ReservaHecha] = []
        self.error: BaseException | None = None

    def anotar(self, evento: Evento, _: Apunte | None) -> Recibo:
        assert isinstance(evento, ReservaHecha)
        self.reservas.append(evento)
        return Recibo(self.error)


def _cargo(agente_id: str, entrada: int, intento: int = 1) -> Cargo:
    return Cargo(agente_id, "openai:x", 1, intento, entrada, Recibo())


def _caja(tope: int = TOPE) -> tuple[Caja, Bitacora]:
    bitacora = Bitacora()
    caja = Caja(anotar=bitacora.anotar)
    caja.tesoreria.fijar(MASTER, Presupuesto({Recurso.TOKENS: tope}))
    return caja, bitacora


@pytest.mark.parametrize("semilla", range(5))
async def test_veinte_a_la_vez_con_reintentos_gastan_hasta_el_tope_y_ni_uno_mas(
    semilla: int,
) -> None:
    azar = random.Random(semilla)
    caja, bitacora = _caja()
    negados: list[str] = []
    sesion = caja.tesoreria.cuentas(MASTER)[1]

    async def trabajar(agente_id: str) -> None:
        for intento in range(1, 400):
            try:
                pago = await caja.reservar(_cargo(agente_id, azar.randint(100, 900), intento))
            except ErrorModelo as error:
                negados.append(error.clase)
                return
            assert sesion.gastado.tokens + sesion.apartado.tokens <= TOPE
            await asyncio.sleep(azar.random() / 2_000)
            falla = azar.random() < 0.2
            uso = Uso() if falla else Uso(pago.cargo.entrada, azar.randint(1, pago.salida // 8))
            caja.cobrar(pago, uso, 0)
            await asyncio.sleep(0)  # entre dos llamadas de uno siempre hay algo que hacer

    async with asyncio.timeout(30):
        await asyncio.gather(*(trabajar(f"a-{n}") for n in range(20)))
    assert negados == ["presupuesto"] * 20
    assert sesion.apartado.tokens == 0
    assert TOPE - 2_000 < sesion.gastado.tokens <= TOPE
    assert len(bitacora.reservas) > 20


async def test_la_que_no_se_pudo_guardar_no_sale_y_devuelve_lo_apartado() -> None:
    caja, bitacora = _caja()
    bitacora.error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await caja.reservar(_cargo("a-1", 100))
    sesion = caja.tesoreria.cuentas(MASTER)[1]
    assert (sesion.apartado.tokens, sesion.gastado.tokens, sesion.en_marcha) == (0, 0, 0)


async def test_quien_espera_sigue_cuando_la_persona_da_mas() -> None:
    caja, _ = _caja(tope=2_000)
    pago = await caja.reservar(_cargo("a-1", 100))
    otra = asyncio.create_task(caja.reservar(_cargo("a-2", 100)))
    await asyncio.sleep(0.01)
    assert not otra.done()
    caja.tesoreria.fijar(MASTER, Presupuesto({Recurso.TOKENS: 40_000}))
    caja.avisar()
    async with asyncio.timeout(5):
        segundo = await otra
    assert segundo.salida > 0
    caja.cobrar(pago, Uso(), escrito=7)
    assert caja.tesoreria.cuentas("a-1")[0].gastado.tokens == 107, (
        "sin uso: la entrada y lo escrito"
    )
    caja.cobrar(segundo, Uso(50, 5, cacheados=40), 0)
    assert caja.tesoreria.cuentas("a-2")[0].gastado.tokens == 55, (
        "lo de la caché también es entrada"
    )
