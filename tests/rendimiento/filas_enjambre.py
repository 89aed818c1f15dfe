"""Las filas del enjambre entero: arranque, bitácora, muchos agentes, avisos y retraso."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.rendimiento import arranque
from tests.rendimiento.lineas import Linea, comparar, limitar
from tests.rendimiento.procesos import Servidor, carpeta, mediana, medir

VENTANA_MS = 50.0
MARGEN_MS = 300.0


def arranques(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 3: hasta el prompt y hasta la primera petición."""
    veces = 1 if rapido else 5
    minimo, prompt = _alternar(veces, arranque.imports_minimos, arranque.prompt)
    yield comparar(
        3,
        "Del arranque al prompt",
        (prompt * 1000, minimo * 1000 * 1.5 + MARGEN_MS),
        f"1,5 × {minimo * 1000:.0f} + 300 (import prompt_toolkit, rich)",
        unidad="ms",
        tope=1.0,
    )
    producto, suelo, langchain = _alternar(
        veces,
        lambda: arranque.primera_peticion(servidor),
        lambda: arranque.primera_peticion_suelo(servidor, "suelos:primera_peticion"),
        lambda: arranque.primera_peticion_suelo(servidor, "suelo_langchain:primera_peticion"),
    )
    nombre = "Del arranque a la primera petición (-p)"
    yield comparar(3, nombre, (producto * 1000, suelo * 1000), "httpx2 + sqlite3", unidad="ms")
    yield comparar(3, nombre, (producto * 1000, langchain * 1000), "ChatOpenAI", unidad="ms")


def _alternar(veces: int, *medidas: Callable[[], float]) -> list[float]:
    tandas = [[medida() for medida in medidas] for _ in range(veces)]
    return [mediana(valores) for valores in zip(*tandas, strict=True)]


def bitacora(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 4: hechos por segundo con compromiso en disco, y lo que se retrasa el bucle."""
    veces, pares = (1, 50) if rapido else (7, 500)
    producto, suelo, gasto, retrasos = [], [], [], []
    lotes = 0.0
    comun = {"productores": 20, "pares": pares}
    for _ in range(veces):
        with carpeta() as donde:
            base = str(donde / "medida.db")
            dado = medir("bitacora:producto", **comun, base=base)
            igual = medir("bitacora:suelo", base=base, lotes=dado["lotes"])
            lento = medir("bitacora:retraso", **comun, base=str(donde / "otra.db"))
        lotes = dado["hechos"] / dado["lotes"]
        producto.append(dado["hechos"] / dado["reloj"])
        suelo.append(igual["hechos"] / igual["reloj"])
        gasto.append(dado["cpu"] / dado["hechos"] * 1e6)
        retrasos.append(lento["p99_ms"])
    yield comparar(
        4,
        f"Hechos por segundo con acuse en disco (20 productores, lotes de {lotes:.0f})",
        (mediana(producto), mediana(suelo)),
        "sqlite3 a pelo, mismas filas, esquema y lotes",
        unidad="/s",
        tope=0.5,
        mas_es_mejor=True,
    )
    yield Linea(4, "  CPU por hecho", f"{mediana(gasto):.0f} µs")
    yield limitar(4, "  retraso del bucle, p99", mediana(retrasos), unidad="ms", tope=10)


def enjambres(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 5: 100 y 1000 agentes de 5 turnos con un modelo que tarda 200 ms."""
    tamanos = ((100, 1),) if rapido else ((100, 3), (1000, 1))
    for cuantos, veces in tamanos:
        comun = {"servidor": servidor.openai, "cuantos": cuantos, "pasos": 5, "latencia_ms": 200}
        tandas: list[list[dict[str, float]]] = [[], [], []]
        for _ in range(veces):
            tandas[0].append(medir("medidas:muchos", **comun))
            tandas[1].append(medir("suelos:muchos", **comun, transporte="httpx2"))
            tandas[2].append(medir("suelos:muchos", **comun, transporte="aiohttp"))
        for que, tope in (("cpu", 5.0), ("reloj", 1.6)):
            valores = [mediana([t[que] for t in tanda]) for tanda in tandas]
            nombre = f"{cuantos} agentes × 5 turnos a 200 ms, bitácora puesta: {que}"
            for suelo, como in ((valores[1], "httpx2"), (valores[2], "aiohttp")):
                con_tope = tope if como == "httpx2" and cuantos == 100 else None
                yield comparar(
                    5, nombre, (valores[0], suelo), f"{como} sin bitácora", unidad="s",
                    tope=con_tope,
                )  # fmt: skip


def primer_aviso(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 8: del aviso del primer agente a la petición del Master, sin la ventana."""
    servidor.visto()
    dado = medir("medidas:aviso", servidor=servidor.openai, veces=3 if rapido else 9)
    al_master = [hora for hora, modelo in servidor.visto() if modelo.startswith("maestro")]
    tardado = [min(hora for hora in al_master if hora >= aviso) - aviso for aviso in dado["avisos"]]
    espera = mediana(tardado) * 1000 - VENTANA_MS
    nombre = "Del primer aviso a la petición del Master, menos la ventana de 50 ms"
    yield limitar(8, nombre, espera, unidad="ms", tope=5.0)


def retraso(servidor: Servidor, rapido: bool) -> Iterator[Linea]:
    """Fila 9: 200 agentes con órdenes de verdad, sin fallos y sin que el bucle se atasque."""
    dado = medir("medidas:retraso", servidor=servidor.openai, cuantos=200, pasos=5)
    nombre = f"200 agentes × 5 órdenes ({dado['reloj']:.1f} s)"
    yield limitar(9, f"{nombre}: retraso del bucle, p99", dado["p99_ms"], unidad="ms", tope=100)
    yield Linea(9, f"{nombre}: peor retraso", f"{dado['peor_ms']:.0f} ms")
    yield limitar(9, f"{nombre}: agentes fallidos", dado["fallos"], unidad="", tope=0)
    faltan = sum(abs(dado["filas"][tipo] - n) for tipo, n in dado["esperadas"].items())
    yield limitar(9, f"{nombre}: filas que faltan o sobran", faltan, unidad="", tope=0)
