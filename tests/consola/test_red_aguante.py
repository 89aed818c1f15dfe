"""El proxy de salida ante quien abusa: topes, esperas, retrocesos y cierres."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from servicios.consola.red.conexion import LimitesProxy
from tests.consola.apoyo import hasta_que
from tests.consola.apoyo_red import (
    AGENTE,
    BitacoraDePrueba,
    cliente,
    conectar,
    eco,
    pedir,
    proxy,
    servidor,
)

LISTO = b"HTTP/1.1 200 conexion establecida\r\n\r\n"
MIB = 1024 * 1024


async def test_quien_no_lee_frena_al_que_manda() -> None:
    mandados = 0

    async def manguera(_: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        nonlocal mandados
        while True:
            escritor.write(b"x" * 65_536)
            await escritor.drain()
            mandados += 65_536

    async with servidor(manguera) as destino, proxy(BitacoraDePrueba()) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        async with cliente(enchufe) as (_, escritor):
            escritor.write(conectar(destino.lugar))
            assert await hasta_que(lambda: mandados > 0)
            await asyncio.sleep(0.5)
            parado = mandados
            await asyncio.sleep(0.3)
            # Lo que cabe en los núcleos de los dos sockets, y ni un byte más con el tiempo.
            assert parado == mandados
            assert parado < 16 * MIB


async def test_una_descarga_grande_llega_entera_aunque_se_lea_despacio() -> None:
    async def grande(lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        await lector.readexactly(1)
        escritor.write(b"\xa5" * (20 * MIB))
        await escritor.drain()

    bitacora = BitacoraDePrueba()
    async with servidor(grande) as destino, proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        async with cliente(enchufe) as (lector, escritor):
            escritor.write(conectar(destino.lugar) + b"x")
            assert await lector.readexactly(len(LISTO)) == LISTO
            await asyncio.sleep(0.3)
            assert await lector.read(-1) == b"\xa5" * (20 * MIB)
            escritor.write_eof()
            assert await hasta_que(lambda: bool(bitacora.cerradas))
    assert bitacora.cerradas[0].recibidos == 20 * MIB


async def test_una_conexion_quieta_se_cierra_y_una_que_se_mueve_no() -> None:
    bitacora = BitacoraDePrueba()

    async def goteo(_: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        for _n in range(10):
            escritor.write(b".")
            await asyncio.sleep(0.1)

    async def mudo(lector: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await lector.read(-1)

    limites = LimitesProxy(inactiva_s=0.5)
    async with (
        servidor(goteo) as lento,
        servidor(mudo) as callado,
        proxy(bitacora, limites=limites) as salida,
    ):
        enchufe = await salida.abrir(AGENTE, [lento.lugar, callado.lugar])
        assert await pedir(enchufe, conectar(lento.lugar)) == LISTO + b"." * 10
        async with asyncio.timeout(5), cliente(enchufe) as (lector, escritor):
            escritor.write(conectar(callado.lugar))
            assert await lector.read(-1) == LISTO
        assert await hasta_que(lambda: len(bitacora.cerradas) == 2)
    assert [c.cierre for c in bitacora.cerradas] == ["fin", "inactiva"]


async def test_las_que_pasan_del_tope_esperan_su_turno_y_acaban_todas() -> None:
    vivas = 0
    maximo = 0

    async def cuenta(lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        nonlocal vivas, maximo
        vivas += 1
        maximo = max(maximo, vivas)
        await asyncio.sleep(0.05)
        vivas -= 1
        await eco(lector, escritor)

    bitacora = BitacoraDePrueba()
    limites = LimitesProxy(a_la_vez=4)
    async with servidor(cuenta) as destino, proxy(bitacora, limites=limites) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        respuestas = await asyncio.gather(
            *(pedir(enchufe, conectar(destino.lugar), despues=b"%d" % n) for n in range(50))
        )
    assert respuestas == [LISTO + b"eco:%d" % n for n in range(50)]
    assert 1 < maximo <= 4
    assert len(bitacora.pedidas) == 50


async def test_el_proxy_sigue_sano_despues_de_un_cliente_hostil() -> None:
    limites = LimitesProxy(cabecera_s=0.5, a_la_vez=8)
    async with (
        servidor(eco) as destino,
        proxy(BitacoraDePrueba(), limites=limites) as salida,
        AsyncExitStack() as abiertas,
    ):
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        for n in range(40):
            _, escritor = await abiertas.enter_async_context(cliente(enchufe))
            escritor.write((b"", b"CONNECT ", b"\0" * 5_000, conectar("no.es:1"))[n % 4])
        respuesta = await pedir(enchufe, conectar(destino.lugar), despues=b"vivo")
        assert respuesta == LISTO + b"eco:vivo"
        for _ in range(20):
            _, escritor = await abiertas.enter_async_context(cliente(enchufe))
            escritor.write(conectar(destino.lugar) + b"y me voy")
            escritor.transport.abort()
        assert await pedir(enchufe, conectar(destino.lugar), despues=b"y") == LISTO + b"eco:y"


async def test_el_que_se_va_de_golpe_corta_su_conexion_y_deja_su_fila() -> None:
    bitacora = BitacoraDePrueba()

    async def manguera(_: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        while True:
            escritor.write(b"x" * 65_536)
            await escritor.drain()

    async with servidor(manguera) as destino, proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        async with cliente(enchufe) as (lector, escritor):
            escritor.write(conectar(destino.lugar))
            await lector.readexactly(1000)
        assert await hasta_que(lambda: bool(bitacora.cerradas))
    assert bitacora.cerradas[0].cierre == "cortada"


async def test_cerrar_un_agente_corta_lo_suyo_y_nada_de_los_demas() -> None:
    bitacora = BitacoraDePrueba()
    async with servidor(eco) as destino, proxy(bitacora) as salida:
        uno = await salida.abrir("a-1", [destino.lugar])
        otro = await salida.abrir("a-2", [destino.lugar])
        async with asyncio.timeout(5), cliente(uno) as (lector, escritor):
            escritor.write(conectar(destino.lugar) + b"a medias")
            assert await lector.readexactly(len(LISTO)) == LISTO
            await salida.cerrar_agente("a-1")
            assert await lector.read(-1) == b""
        await salida.cerrar_agente("a-1")
        assert not uno.exists()
        assert (await pedir(otro, conectar(destino.lugar))).startswith(LISTO)
        nuevo = await salida.abrir("a-1", [destino.lugar])
        assert (await pedir(nuevo, conectar(destino.lugar))).startswith(LISTO)
    assert (bitacora.cerradas[0].agente_id, bitacora.cerradas[0].cierre) == ("a-1", "cancelada")
    assert not otro.exists()
