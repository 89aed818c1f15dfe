"""El proxy de salida: qué deja pasar, qué contesta, qué anota y cómo acaba."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora, ErrorConsola
from servicios.consola.red.conexion import LimitesProxy
from servicios.consola.red.proxy import ProxySalida
from tests.consola.apoyo import DUENIO, hasta_que, solo_root
from tests.consola.apoyo_red import (
    AGENTE,
    BitacoraDePrueba,
    ResolverDePrueba,
    cliente,
    conectar,
    eco,
    pedir,
    proxy,
    servidor,
)

LISTO = b"HTTP/1.1 200 conexion establecida\r\n\r\n"


async def test_un_destino_de_la_lista_pasa_y_deja_dos_filas() -> None:
    bitacora = BitacoraDePrueba()
    async with servidor(eco) as destino, proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        # Lo que va pegado al CONNECT también llega, y quien ya no manda aún recibe.
        assert await pedir(enchufe, conectar(destino.lugar), despues=b"hola") == LISTO + b"eco:hola"
        assert await hasta_que(lambda: bool(bitacora.cerradas))
    (pedida, _), (cerrada, causa) = bitacora.hechos
    assert pedida.detalles() == {"destino": destino.lugar, "permitida": True, "motivo": ""}
    assert pedida.tipo == "network_request"
    assert causa is not None
    assert causa.id == 1
    assert {**cerrada.detalles(), "ms": 0} == {
        "destino": destino.lugar,
        "enviados": 4,
        "recibidos": 8,
        "ms": 0,
        "cierre": "fin",
    }


async def test_otro_destino_se_niega_sin_conectar_y_se_anota() -> None:
    bitacora = BitacoraDePrueba()
    async with servidor(eco) as destino, servidor(eco) as otro, proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        respuesta = (await pedir(enchufe, conectar(otro.lugar))).decode()
        assert otro.llegadas == 0
    assert respuesta.startswith("HTTP/1.1 403 ")
    assert otro.lugar in respuesta.splitlines()[-1]
    assert "red_destinos" in respuesta.splitlines()[-1]
    (pedida,) = bitacora.pedidas
    assert (pedida.agente_id, pedida.destino, pedida.permitida) == (AGENTE, otro.lugar, False)
    assert not bitacora.cerradas


async def test_no_se_conecta_hasta_que_la_fila_esta_comprometida() -> None:
    bitacora = BitacoraDePrueba()
    bitacora.puede.clear()
    async with servidor(eco) as destino, proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        charla = asyncio.create_task(pedir(enchufe, conectar(destino.lugar)))
        assert await hasta_que(lambda: bool(bitacora.pedidas))
        await asyncio.sleep(0.1)
        assert destino.llegadas == 0
        bitacora.puede.set()
        assert await charla == LISTO + b"eco:"


async def test_si_no_se_puede_anotar_no_se_conecta() -> None:
    def rota(*_: object) -> ApunteRoto:
        return ApunteRoto()

    async with servidor(eco) as destino:
        salida = ProxySalida(rota)
        enchufe = await salida.abrir(AGENTE, [destino.lugar])
        assert (await pedir(enchufe, conectar(destino.lugar))).startswith(b"HTTP/1.1 503 ")
        assert (await pedir(enchufe, conectar("otro:1"))).startswith(b"HTTP/1.1 403 ")
        assert destino.llegadas == 0
        await salida.cerrar()


class ApunteRoto:
    id = 0

    def __await__(self):  # type: ignore[no-untyped-def]
        raise ErrorBitacora("disco lleno")
        yield


async def test_un_nombre_que_lleva_adentro_se_niega_aunque_solo_sea_una_de_sus_direcciones() -> (
    None
):
    bitacora = BitacoraDePrueba()
    resolver = ResolverDePrueba(malo_es=["127.0.0.1"], mixto_es=["151.101.0.223", "127.0.0.1"])
    async with servidor(eco) as destino, proxy(bitacora, resolver=resolver) as salida:
        nombres = [f"malo.es:{destino.puerto}", f"mixto.es:{destino.puerto}"]
        enchufe = await salida.abrir(AGENTE, nombres)
        for nombre in nombres:
            respuesta = (await pedir(enchufe, conectar(nombre))).decode()
            assert respuesta.startswith("HTTP/1.1 403 ")
            assert "127.0.0.1" in respuesta
        assert destino.llegadas == 0
    assert [p.permitida for p in bitacora.pedidas] == [False, False]


async def test_el_nombre_se_pregunta_una_vez_y_solo_si_esta_en_la_lista() -> None:
    bitacora = BitacoraDePrueba()
    resolver = ResolverDePrueba(bueno_es=["127.0.0.1"])
    async with servidor(eco) as destino, proxy(bitacora, resolver=resolver) as salida:
        enchufe = await salida.abrir(AGENTE, [f"bueno.es:{destino.puerto}", destino.lugar])
        assert await pedir(enchufe, conectar(f"BUENO.es.:{destino.puerto}")) == LISTO + b"eco:"
        await pedir(enchufe, conectar("secreto.evil.es:443"))
    assert resolver.preguntas == ["bueno.es"]


async def test_si_nadie_contesta_se_dice() -> None:
    bitacora = BitacoraDePrueba()
    async with servidor(eco) as destino:
        muerto = destino.lugar
    async with proxy(bitacora, resolver=ResolverDePrueba()) as salida:
        enchufe = await salida.abrir(AGENTE, [muerto, "perdido.es:443"])
        assert (await pedir(enchufe, conectar(muerto))).startswith(b"HTTP/1.1 502 ")
        assert (await pedir(enchufe, conectar("perdido.es:443"))).startswith(b"HTTP/1.1 502 ")
    assert [(p.destino, p.permitida) for p in bitacora.pedidas] == [
        (muerto, True),
        ("perdido.es:443", False),
    ]
    assert [c.cierre for c in bitacora.cerradas] == ["sin_conexion"]


@pytest.mark.parametrize(
    ("peticion", "codigo"),
    [
        (b"GET http://pypi.org/simple HTTP/1.1\r\nHost: pypi.org\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"CONNECT pypi.org HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT http://pypi.org:443/ HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT pypi.org:443 FTP/9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\xff\xfe\r\n\r\n", 400),
        (b"CONNECT \xff\xfe:443 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: a medias", 400),
        (b"\r\n\r\n", 400),
        (b"CONNECT pypi.org:443 HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", 431),
        (b"x" * 100_000, 431),
    ],
)
async def test_lo_que_no_es_un_connect_se_contesta_y_se_anota(peticion: bytes, codigo: int) -> None:
    bitacora = BitacoraDePrueba()
    async with proxy(bitacora) as salida:
        enchufe = await salida.abrir(AGENTE, ["pypi.org:443"])
        respuesta = await pedir(enchufe, peticion)
    assert respuesta.startswith(f"HTTP/1.1 {codigo} ".encode())
    assert [p.permitida for p in bitacora.pedidas] == [False]
    assert "\x16" not in bitacora.pedidas[0].destino


async def test_quien_no_acaba_la_cabecera_se_va_y_quien_no_pide_nada_no_deja_fila() -> None:
    bitacora = BitacoraDePrueba()
    async with proxy(bitacora, limites=LimitesProxy(cabecera_s=0.2)) as salida:
        enchufe = await salida.abrir(AGENTE, ["pypi.org:443"])
        async with asyncio.timeout(5), cliente(enchufe) as (lector, escritor):
            escritor.write(b"CONNECT pypi.org:443 HTTP/1.1\r\n")
            assert (await lector.read(-1)).startswith(b"HTTP/1.1 408 ")
        assert await pedir(enchufe, b"") == b""
    assert len(bitacora.pedidas) == 1


async def test_un_canario_en_la_linea_da_la_alarma_y_no_se_repite_en_ningun_sitio() -> None:
    alarmas: list[tuple[str, str]] = []

    def vigilar(linea: str) -> str | None:
        return "el canario" if "CANARIO77" in linea else None

    vigilancia = (vigilar, lambda agente, que: alarmas.append((agente, que)))
    bitacora = BitacoraDePrueba()
    async with proxy(bitacora, vigilancia=vigilancia, resolver=ResolverDePrueba()) as salida:
        enchufe = await salida.abrir(AGENTE, ["*.evil.es:443"])
        respuesta = await pedir(enchufe, conectar("CANARIO77.evil.es:443"))
    assert respuesta.startswith(b"HTTP/1.1 403 ")
    assert alarmas == [(AGENTE, "el canario")]
    assert [p.permitida for p in bitacora.pedidas] == [False]
    assert "CANARIO77" not in respuesta.decode() + str(bitacora.pedidas[0].detalles())


async def test_cada_agente_tiene_su_lista_y_reabrir_la_cambia() -> None:
    bitacora = BitacoraDePrueba()
    async with servidor(eco) as destino, proxy(bitacora) as salida:
        uno = await salida.abrir("a-1", [destino.lugar])
        otro = await salida.abrir("a-2", ["pypi.org:443"])
        assert uno != otro
        assert (await pedir(uno, conectar(destino.lugar))).startswith(LISTO)
        assert (await pedir(otro, conectar(destino.lugar))).startswith(b"HTTP/1.1 403 ")
        assert await salida.abrir("a-1", ["pypi.org:443"]) == uno
        assert (await pedir(uno, conectar(destino.lugar))).startswith(b"HTTP/1.1 403 ")


async def test_el_socket_es_solo_del_usuario_de_las_ordenes() -> None:
    async with proxy(BitacoraDePrueba()) as salida:
        enchufe = await salida.abrir(AGENTE, [])
        assert stat.S_IMODE(enchufe.stat().st_mode) == 0o600
        assert stat.S_IMODE(enchufe.parent.stat().st_mode) == 0o700
    assert not enchufe.parent.exists()


@solo_root
async def test_si_somos_root_el_socket_es_de_quien_corre_las_ordenes() -> None:
    async with proxy(BitacoraDePrueba(), duenio=DUENIO) as salida:
        enchufe = await salida.abrir(AGENTE, [])
        assert (enchufe.stat().st_uid, enchufe.stat().st_gid) == (DUENIO, DUENIO)
        assert stat.S_IMODE(enchufe.stat().st_mode) == 0o600
        assert stat.S_IMODE(enchufe.parent.stat().st_mode) == 0o711
        assert enchufe.parent.stat().st_uid == 0


async def test_una_ruta_que_no_cabe_en_un_socket_se_dice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    larga = tmp_path / ("x" * 120)
    larga.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(larga))
    async with proxy(BitacoraDePrueba()) as salida:
        with pytest.raises(ErrorConsola, match="TMPDIR"):
            await salida.abrir(AGENTE, [])
