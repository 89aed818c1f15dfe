"""El tablero en líneas, para cualquier pantalla: el árbol, qué hace cada uno y por qué espera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

from agentes.eventos import Espera, EstadoAgente
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.texto import corto
from servicios.registros.tablero.visto import (
    ATASCADO,
    EN_BUCLE,
    SIN_REANUDAR,
    USUARIO,
    Tablero,
    Visto,
)

PALABRAS = {
    EstadoAgente.STARTED: ("trabajando", "trabajando"),
    EstadoAgente.RUNNING: ("trabajando", "trabajando"),
    EstadoAgente.PAUSED: ("en pausa", "en pausa"),
    EstadoAgente.COMPLETED: ("terminado", "terminados"),
    EstadoAgente.FAILED: ("fallido", "fallidos"),
    EstadoAgente.MAX_ITERATIONS: ("al límite", "al límite"),
    EstadoAgente.CANCELLED: ("cancelado", "cancelados"),
}
"""Cada estado en español, de uno y de varios."""

_ESPERAS: dict[str, str] = {
    Espera.APROBACION: "aprobación",
    USUARIO: "la persona",
    "cola": "en cola",
    **dict.fromkeys(EN_BUCLE, "en bucle"),
    Espera.ORDEN: "orden de su superior",
    SIN_REANUDAR: "sin reanudar",
}
"""Las que no se dicen con su mismo nombre."""

_SIN_PAUSA: dict[str, str] = {
    Espera.APROBACION: "espera aprobación",
    Espera.HIJO: "espera a un hijo",
    USUARIO: "espera a la persona",
}
"""Cómo se dicen las de quien no está en pausa, cuando una palabra sola no se entiende."""

_TONOS = {
    ATASCADO: Tono.MAL,
    Espera.APROBACION: Tono.AVISO,
    Espera.SUPERIOR: Tono.AVISO,
    Espera.TASA: Tono.AVISO,
    Espera.PRESUPUESTO: Tono.AVISO,
    **dict.fromkeys(EN_BUCLE, Tono.AVISO),
}
_FINALES = {EstadoAgente.COMPLETED: Tono.BIEN, EstadoAgente.CANCELLED: Tono.AVISO}
_MARCAS = {"verificada": " ✔", "fallida": " ✘"}

_HUECO = 2
"""Espacios entre columnas; si no caben todas, los números van en su propia línea."""

_TOPE_LINEA = 400
_MINIMO = 16
_DERECHA = 2
"""Desde qué columna los números se arriman a la derecha."""


@dataclass(frozen=True, slots=True)
class _Fila:
    """Un agente preparado para pintarse: sus celdas, lo que va debajo y de qué color."""

    nombre: str
    celdas: tuple[str, ...]
    debajo: str
    tono: Tono


def renglones(tablero: Tablero, ancho: int | None) -> list[Linea]:
    """Todo el tablero en líneas de ese ancho como mucho; sin ancho, enteras.

    Cada agente lleva debajo de qué espera o lo último que imprimió, si hay algo que decir.
    """
    lineas = list(_lineas(tablero, ancho))
    return [replace(ln, texto=recortada(ln.texto, ancho)) for ln in lineas] if ancho else lineas


def recortada(texto: str, ancho: int) -> str:
    """El texto en esas columnas de pantalla; si no cabe, acaba en «…»."""
    return texto if cell_len(texto) <= ancho else f"{set_cell_size(texto, ancho - 1).rstrip()}…"


def _lineas(tablero: Tablero, ancho: int | None) -> Iterator[Linea]:
    filas = [_fila(visto, ancho) for visto in tablero.todos]
    con_coste = any(visto.coste is not None for visto in tablero.todos)
    titulos = ("agente", "estado", "señal", "tiempo", "tokens", *(("$",) if con_coste else ()))
    tabla = [titulos, *((f.nombre, *f.celdas[: len(titulos) - 1]) for f in filas)]
    yield cabecera(tablero)
    anchos = [max(map(cell_len, columna)) for columna in zip(*tabla, strict=True)]
    if ancho is not None and sum(anchos) + _HUECO * (len(anchos) - 1) > ancho:
        for fila, celdas in zip(filas, tabla[1:], strict=True):
            yield from _apilado(fila, titulos, celdas, ancho)
        return
    yield Linea(_alineado(titulos, anchos), tono=Tono.TENUE)
    for fila, celdas in zip(filas, tabla[1:], strict=True):
        yield Linea(_alineado(celdas, anchos), tono=fila.tono)
        yield from _debajo(fila)


def cabecera(tablero: Tablero) -> Linea:
    """La sesión, cuántos esperan a la persona y cuántos agentes hay de cada manera."""
    nombre = f"«{corto(tablero.nombre, 40)}»" if tablero.nombre else tablero.sesion
    partes = [nombre if tablero.vivo else f"{nombre} (no está en marcha)"]
    esperan = sum(agente.espera_a_la_persona for agente in tablero.agentes) if tablero.vivo else 0
    partes += [f"te espera{'n' if esperan > 1 else ''} {esperan}"] if esperan else []
    cuenta: dict[tuple[str, str], int] = {}
    for agente in tablero.agentes:
        palabra = PALABRAS[agente.estado]
        cuenta[palabra] = cuenta.get(palabra, 0) + 1
    partes += [f"{n} {palabra[n > 1]}" for palabra, n in cuenta.items()] or ["ningún agente"]
    return Linea(" · ".join(partes), tono=Tono.FUERTE)


def frase(visto: Visto) -> str:
    """Qué hace o por qué espera, en pocas palabras."""
    palabra = PALABRAS[visto.estado][0]
    if visto.estado.es_final:
        return palabra + _MARCAS.get(visto.verificacion or "", "")
    espera = _ESPERAS.get(visto.espera, visto.espera)
    if visto.espera == ATASCADO:
        en = f" ({_ESPERAS.get(visto.motivo, visto.motivo)})" if visto.motivo else ""
        return f"atascado{en}"
    if visto.espera == SIN_REANUDAR:
        return espera
    if visto.falta_s is not None:
        falta = duracion(visto.falta_s)
        espera = f"tasa {falta}" if visto.espera == Espera.TASA else f"{espera}, repite en {falta}"
    if visto.estado is EstadoAgente.PAUSED:
        return f"{palabra}: {espera}" if espera else palabra
    return _SIN_PAUSA.get(visto.espera, espera) or palabra


def duracion(segundos: float) -> str:
    """«8 s», «2m05s», «3h07m»."""
    enteros = int(segundos)
    if enteros < 60:
        return f"{enteros} s"
    minutos, resto = divmod(enteros, 60)
    return f"{minutos}m{resto:02}s" if minutos < 60 else f"{minutos // 60}h{minutos % 60:02}m"


def _fila(visto: Visto, ancho: int | None) -> _Fila:
    celdas = (
        frase(visto),
        "" if visto.senal_s is None or visto.estado.es_final else duracion(visto.senal_s),
        duracion(visto.tiempo_s),
        str(visto.tokens) if visto.profundidad else "",
        "" if visto.coste is None else f"{visto.coste:.4f}",
    )
    margen = visto.rama.replace("├ ", "│ ").replace("└ ", "  ")
    tope = f"tope {visto.presupuesto}" if visto.presupuesto else ""
    dicho = " · ".join(filter(None, (tope, _dicho(visto, ancho))))
    return _Fila(
        nombre=f"{visto.rama}{visto.id}",
        celdas=celdas,
        debajo=f"{margen}    {dicho}" if dicho else "",
        tono=_tono(visto),
    )


def _dicho(visto: Visto, ancho: int | None) -> str:
    """De qué espera, o la orden que tiene abierta, y lo último que imprimió: lo que haya.

    Si van los dos y hay poco sitio, el primero se acorta para que el otro se vea.
    """
    motivo = "" if visto.espera == ATASCADO else visto.motivo
    if visto.estado.es_final or not visto.ultima_linea:
        return corto(motivo or visto.orden, _TOPE_LINEA)
    que = corto(motivo or visto.orden, max(_MINIMO, ancho // 2) if ancho else _TOPE_LINEA)
    return " → ".join(filter(None, (que, corto(visto.ultima_linea, _TOPE_LINEA))))


def _tono(visto: Visto) -> Tono:
    if visto.estado.es_final:
        return _FINALES.get(visto.estado, Tono.MAL)
    return _TONOS.get(visto.espera, Tono.NORMAL)


def _alineado(celdas: Sequence[str], anchos: Sequence[int]) -> str:
    alineadas = []
    for numero, (celda, ancho) in enumerate(zip(celdas, anchos, strict=True)):
        hueco = " " * (ancho - cell_len(celda))
        alineadas.append(f"{hueco}{celda}" if numero >= _DERECHA else f"{celda}{hueco}")
    return (" " * _HUECO).join(alineadas).rstrip()


def _apilado(fila: _Fila, titulos: Sequence[str], celdas: Sequence[str], ancho: int) -> list[Linea]:
    junto = f"{fila.nombre}  {celdas[1]}"
    nombre = [junto] if cell_len(junto) <= ancho else [fila.nombre, f"    {celdas[1]}"]
    numeros = [
        f"{titulo} {celda}"
        for titulo, celda in zip(titulos[_DERECHA:], celdas[_DERECHA:], strict=True)
        if celda
    ]
    return [
        *(Linea(texto, tono=fila.tono) for texto in nombre),
        Linea(f"    {' · '.join(numeros)}", tono=Tono.TENUE),
        *_debajo(fila),
    ]


def _debajo(fila: _Fila) -> list[Linea]:
    return [Linea(fila.debajo, tono=Tono.TENUE)] if fila.debajo else []
