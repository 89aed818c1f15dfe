"""La puerta de un modelo: por turnos, con lo que pide el proveedor para todos y a la vista."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from agentes.errores import ErrorModeloPasajero
from agentes.eventos import Apunte, Espera, Evento
from agentes.eventos_espera import EsperaImpuesta
from servicios.llm.admision import Admision, Peticion
from servicios.llm.freno import Freno
from tests.bucle_virtual import RelojDelBucle, correr_virtual

Llamada = Callable[[str], Coroutine[Any, Any, float]]


class Escena:
    """Una puerta, quién salió y cuándo, y lo que quedó anotado."""

    def __init__(self, simultaneas: int, por_minuto: float = 0) -> None:
        self.salidas: list[tuple[str, float]] = []
        self.esperas: list[EsperaImpuesta] = []
        self.reloj = RelojDelBucle()
        self.admision = Admision(
            simultaneas, por_minuto=por_minuto, reloj=self.reloj, anotar=self._anotar
        )

    def _anotar(self, evento: Evento, causa: Apunte | None) -> None:
        assert isinstance(evento, EsperaImpuesta)
        self.esperas.append(evento)

    async def llamar(
        self, quien: str, dura: float = 1.0, error: ErrorModeloPasajero | None = None
    ) -> None:
        async with self.admision.puerta("p", Peticion(quien, "proveedor:modelo")):
            self.salidas.append((quien, self.reloj.ahora()))
            await self.reloj.dormir(dura)
            if error is not None:
                raise error

    async def negar(self, pedida_s: float | None, dura: float = 0.1) -> None:
        error = ErrorModeloPasajero("despacio", clase="tasa", espera_s=pedida_s, satura=True)
        with pytest.raises(ErrorModeloPasajero):
            await self.llamar("negado", dura, error)

    @property
    def quienes(self) -> list[str]:
        return [quien for quien, _ in self.salidas]


def _a_la_vez(*cosas: Awaitable[object]) -> Coroutine[Any, Any, None]:
    async def todas() -> None:
        await asyncio.gather(*cosas)

    return todas()


def test_quien_pide_muchas_no_deja_sin_turno_a_otro() -> None:
    escena = Escena(1)
    muchas = [escena.llamar("voraz") for _ in range(10)]
    correr_virtual(_a_la_vez(*muchas, escena.llamar("uno"), escena.llamar("otro")))
    assert escena.quienes[:4] == ["voraz", "voraz", "uno", "otro"]
    assert len(escena.salidas) == 12


def test_lo_que_pide_esperar_a_uno_vale_para_todos_y_no_vuelven_a_la_vez() -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.negar(10.0)
        assert escena.admision.faltan("p") >= 10.0
        await asyncio.gather(*(escena.llamar(f"a-{n}", 0.0) for n in range(8)))

    correr_virtual(caso())
    cuando = [instante for _, instante in escena.salidas[1:]]
    assert min(cuando) >= 10.1
    assert len(set(cuando)) == 8


@pytest.mark.parametrize("callada_s", [20.0, 600.0])
def test_tras_un_rato_callada_se_espera_lo_que_pide_el_proveedor_y_no_lo_que_hace_de_la_anterior(
    callada_s: float,
) -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.llamar("antes")
        await escena.reloj.dormir(callada_s)
        await escena.negar(5.0)
        await escena.llamar("repite")
        await escena.llamar("otra")

    correr_virtual(caso())
    negada, repite, otra = (instante for _, instante in escena.salidas[1:])
    assert 5.0 <= repite - negada < 6.0
    assert otra - repite < 6.0


def test_lo_que_espera_se_ve_una_vez_y_se_ve_cuando_acaba() -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.negar(10.0)
        async with asyncio.TaskGroup() as grupo:
            grupo.create_task(escena.llamar("a-1"))
            await asyncio.sleep(4)
            assert 5 < escena.admision.esperan()["a-1"] < 7
        assert escena.admision.esperan() == {}

    correr_virtual(caso())
    empieza, acaba = escena.esperas
    assert (empieza.agente_id, empieza.espera, acaba.espera) == ("a-1", Espera.TASA, Espera.NADA)
    assert empieza.motivo == "proveedor:modelo"
    assert acaba.espera_s == pytest.approx(empieza.espera_s, abs=0.1)


def test_tambien_se_ve_lo_que_se_espera_por_ir_menos_a_la_vez() -> None:
    escena = Escena(16)

    async def caso() -> None:
        for _ in range(8):
            await asyncio.gather(*(escena.negar(0.0, 0.01) for _ in range(3)))
        await asyncio.gather(*(escena.llamar(f"a-{n}", 5.0) for n in range(3)))

    correr_virtual(caso())
    salieron = dict(escena.salidas)
    dichas = {e.agente_id for e in escena.esperas if e.espera is Espera.TASA}
    assert salieron["a-2"] - salieron["a-0"] >= 5.0
    assert "a-2" in dichas


def test_quien_se_va_mientras_espera_deja_dicho_que_ya_no_espera() -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.negar(10.0)
        se_va = asyncio.create_task(escena.llamar("a-1"))
        await asyncio.sleep(2)
        se_va.cancel()
        await asyncio.wait([se_va])

    correr_virtual(caso())
    assert [e.espera for e in escena.esperas] == [Espera.TASA, Espera.NADA]
    assert escena.esperas[1].espera_s == pytest.approx(2.0)


def test_una_espera_que_no_se_nota_no_deja_fila() -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.negar(0.3)
        await escena.llamar("a-1")

    correr_virtual(caso())
    assert escena.esperas == []


def test_a_quien_ya_esperaba_poco_tambien_se_le_dice_si_pasa_a_ser_mucho() -> None:
    escena = Escena(2)
    esperan = [escena.llamar(f"a-{n}", 5.0) for n in range(2)]
    correr_virtual(_a_la_vez(escena.llamar("larga", 5.0), escena.negar(30.0), *esperan))
    assert {e.agente_id for e in escena.esperas if e.espera is Espera.TASA} == {"a-0", "a-1"}


def test_si_no_abre_hasta_dentro_de_mucho_nadie_se_queda_esperando() -> None:
    escena = Escena(1)

    async def espera(quien: str) -> None:
        with pytest.raises(ErrorModeloPasajero, match="no atiende hasta dentro de 36"):
            await escena.llamar(quien)

    async def caso() -> None:
        await asyncio.gather(escena.negar(3600.0), espera("a-1"), espera("a-2"))
        await espera("tarde")
        assert escena.reloj.ahora() < 1

    correr_virtual(caso())
    assert escena.quienes == ["negado"]


def test_cancelar_a_quien_vigila_el_reloj_no_deja_dormidos_a_los_demas() -> None:
    escena = Escena(16)

    async def caso() -> None:
        await escena.negar(10.0)
        vigila = asyncio.create_task(escena.llamar("vigila"))
        await asyncio.sleep(0)
        otra = asyncio.create_task(escena.llamar("otra"))
        await asyncio.sleep(1)
        vigila.cancel()
        await otra
        assert vigila.cancelled()

    correr_virtual(caso())
    assert escena.quienes == ["negado", "otra"]


def test_cancelar_a_quien_esta_dentro_deja_su_sitio() -> None:
    escena = Escena(1)

    async def caso() -> None:
        dentro = asyncio.create_task(escena.llamar("dentro", 100.0))
        await asyncio.sleep(0)
        otra = asyncio.create_task(escena.llamar("otra"))
        await asyncio.sleep(1)
        dentro.cancel()
        await otra
        assert escena.reloj.ahora() == pytest.approx(2.0)

    correr_virtual(caso())


def test_el_tope_por_minuto_reparte_las_salidas() -> None:
    escena = Escena(100, por_minuto=60)
    correr_virtual(_a_la_vez(*(escena.llamar(f"a-{n}", 0.0) for n in range(6))))
    assert [instante for _, instante in escena.salidas] == pytest.approx([0, 1, 2, 3, 4, 5])


def test_el_freno_mengua_si_ir_mas_despacio_no_basta_y_vuelve_a_crecer() -> None:
    freno, ahora = Freno(16), 0.0
    for _ in range(12):
        for _ in range(3):
            freno.empezar(ahora)
        freno.negada(ahora, ahora + 0.1, None)
        for _ in range(3):
            freno.acabar(ahora)
        ahora = freno.abre_en + 1
    assert _caben(freno) == 1
    for _ in range(200):
        freno.empezar(ahora)
        freno.respondida(ahora, ahora)
        freno.acabar(ahora)
        ahora += 1
    assert _caben(freno) == 16


def _caben(freno: Freno) -> int:
    cuantas = 0
    while freno.hay_sitio:
        freno.empezar(0.0)
        cuantas += 1
    for _ in range(cuantas):
        freno.acabar(0.0)
    return cuantas
