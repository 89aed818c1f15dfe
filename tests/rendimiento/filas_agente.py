"""Las filas de un agente: CPU por turno, memoria en pausa, órdenes y bytes escritos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tests.rendimiento.lineas import Linea, comparar
from tests.rendimiento.procesos import Servidor, mediana, medir

_CERCA = (10, 29)
_LEJOS = (180, 199)


def cpu_por_turno(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 1: con la historia corta y con la larga, contra langchain a pelo y contra el suelo."""
    veces = 1 if rapido else 2
    openai = {"servidor": servidor.openai, "cuantos": 200}
    tandas: dict[str, list[list[float]]] = {"producto": [], "langchain": [], "suelo": []}
    for _ in range(veces):
        tandas["producto"].append(_marcas("medidas:turnos", servidor, "openai"))
        tandas["langchain"].append(_marcas("suelo_langchain:turnos", servidor, "openai"))
        suelo = medir("suelos:turnos", **openai, herramienta="nada")
        tandas["suelo"].append(suelo["marcas"])
    cerca = {quien: _ventana(marcas, _CERCA) for quien, marcas in tandas.items()}
    lejos = {quien: _ventana(marcas, _LEJOS) for quien, marcas in tandas.items()}
    yield from _dos_historias("openai", cerca, lejos)
    for cuando, cual in ((20, cerca), (200, lejos)):
        nombre = f"CPU por turno, {cuando} turnos de historia"
        valores = (cual["producto"], cual["suelo"])
        yield comparar(1, nombre, valores, "httpx2 + sqlite3 a mano", unidad="ms")
    crecen = {quien: lejos[quien] / cerca[quien] for quien in tandas}
    yield comparar(
        1,
        "  crece del turno 20 al 200",
        (crecen["producto"], 1.0),
        f"el suelo crece {crecen['suelo']:.2f} ×",
        unidad="×",
        tope=2.5,
    )
    if not rapido:
        gemini = {
            "producto": [_marcas("medidas:turnos", servidor, "gemini")],
            "langchain": [_marcas("suelo_langchain:turnos", servidor, "gemini")],
        }
        cerca = {quien: _ventana(marcas, _CERCA) for quien, marcas in gemini.items()}
        lejos = {quien: _ventana(marcas, _LEJOS) for quien, marcas in gemini.items()}
        yield from _dos_historias("gemini", cerca, lejos)


def _marcas(que: str, servidor: Servidor, proveedor: str) -> list[float]:
    direccion = servidor.gemini if proveedor == "gemini" else servidor.openai
    extra = {"herramienta": "nada"} if que.startswith("medidas") else {}
    dado = medir(que, servidor=direccion, proveedor=proveedor, cuantos=200, **extra)
    marcas: list[float] = dado["marcas"]
    return marcas


def _ventana(tandas: Sequence[Sequence[float]], turnos: tuple[int, int]) -> float:
    """Milisegundos por turno entre dos turnos: la mediana de las tandas."""
    desde, hasta = turnos
    return mediana([(m[hasta] - m[desde]) / (hasta - desde) * 1000 for m in tandas])


def _dos_historias(
    proveedor: str, cerca: dict[str, float], lejos: dict[str, float]
) -> Iterator[Linea]:
    for cuando, cual, tope in ((20, cerca, 0.6), (200, lejos, 0.15)):
        yield comparar(
            1,
            f"CPU por turno, {cuando} turnos de historia ({proveedor})",
            (cual["producto"], cual["langchain"]),
            "langchain astream sin bitácora",
            unidad="ms",
            tope=tope,
        )


def memoria(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 2: agentes en pausa con 20 mensajes y sus herramientas."""
    pocos, muchos = (200, 0) if rapido else (1_000, 10_000)
    cuales = {"mano": pocos, "astream": pocos}
    suelos = {
        forma: medir(
            "suelo_memoria:esperando", servidor=servidor.openai, cuantos=n, pasos=8, forma=forma
        )["kib"]
        for forma, n in cuales.items()
    }
    medidos = [("memoria:enteros", pocos, "llegados a la pausa turno a turno")]
    if muchos:
        medidos.append(("memoria:rellenos", muchos, "con la historia puesta"))
    for que, cuantos, como in medidos:
        kib = medir(que, servidor=servidor.openai, cuantos=cuantos)["kib"]
        nombre = f"Memoria por agente en pausa ({cuantos}, {como})"
        a_mano = "mensajes de langchain a mano"
        yield comparar(2, nombre, (kib, suelos["mano"]), a_mano, unidad="KiB", tope=1.3)
        del_flujo = "los que deja astream"
        yield comparar(2, nombre, (kib, suelos["astream"]), del_flujo, unidad="KiB")


def ordenes(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 6: una orden de consola por turno, con la CPU de los hijos."""
    veces, turnos = (1, 15) if rapido else (3, 30)
    comun: dict[str, Any] = {
        "servidor": servidor.openai,
        "cuantos": turnos,
        "herramienta": "consola",
    }
    producto, suelo = [], []
    for _ in range(veces):
        producto.append(medir("medidas:turnos", proveedor="openai", **comun)["por_turno"] * 1000)
        suelo.append(medir("suelos:turnos", **comun)["por_turno"] * 1000)
    valores = (mediana(producto), mediana(suelo))
    nombre = "CPU por turno con una orden de consola, hijos incluidos"
    yield comparar(6, nombre, valores, "bash -c por asyncio, a mano", unidad="ms")


def encierro(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 10: lo que cuesta encerrar cada orden, de principio a fin."""
    del servidor
    dado = medir("ordenes:encierro", veces=15 if rapido else 50)
    for nombre, tope in (("bwrap", 6.0), ("landlock", 16.0), ("local", None)):
        yield comparar(
            10,
            f"Una orden por la consola con {nombre}",
            (dado[nombre], dado["bash"]),
            "bash -c true por asyncio",
            unidad="ms",
            tope=tope,
        )


def bytes_por_turno(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 7: lo que se escribe en disco por turno al principio y al final."""
    turnos = 550
    dado = medir("medidas:escritura", servidor=servidor.openai, cuantos=turnos)
    escrito = _llano([b - a for a, b in pairwise(dado["escrito"])])
    filas = _por_turno(dado["filas"], dado["cortes"])
    for nombre, serie in (("en archivos", escrito), ("en las filas", filas)):
        en = {t: sum(serie[t - 10 : t + 10]) / 20 for t in (20, 50, 500)}
        for desde in (20, 50):
            yield comparar(
                7,
                f"Bytes {nombre} por turno, turno 500",
                (en[500], en[desde]),
                f"turno {desde}",
                unidad="B",
                tope=1.2,
            )


def _llano(serie: list[int]) -> list[float]:
    """Reparte cada volcado del WAL, que llega de golpe, entre los turnos que lo llenaron."""
    corriente = mediana(serie) * 3
    llana = [float(min(b, corriente)) for b in serie]
    desde = 0
    for turno, b in enumerate(serie):
        if b > corriente:
            sobra = (b - corriente) / (turno + 1 - desde)
            llana[desde : turno + 1] = [x + sobra for x in llana[desde : turno + 1]]
            desde = turno + 1
    return llana


def _por_turno(filas: list[list[int]], cortes: list[int]) -> list[float]:
    """Bytes de las filas entre cada cierre de herramienta y el siguiente."""
    por_turno = [0.0] * (len(cortes) + 1)
    turno = 0
    for fila, largo in filas:
        while turno < len(cortes) and fila > cortes[turno]:
            turno += 1
        por_turno[turno] += largo
    return por_turno
