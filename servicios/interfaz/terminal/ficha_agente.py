"""Un agente por dentro, en líneas: quién es, qué hace, qué hizo, qué ejecutó y qué reportó."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.tablero import duracion, frase
from servicios.interfaz.texto import cabeza, corto
from servicios.registros.tablero.visto import ATASCADO, Visto

if TYPE_CHECKING:
    from servicios.registros.lectura.consultas import FilaComando, FilaEvidencia
    from servicios.sistema import Sistema

HECHOS = 12
ORDENES = 8
EVIDENCIAS = 20
LINEAS_DE_SALIDA = 6
LINEAS_EN_MARCHA = 12
LINEAS_DE_REPORTE = 30


async def ficha_agente(sistema: Sistema, visto: Visto, escribe: str = "") -> list[Linea]:
    """La ficha; `escribe` es lo que su modelo lleva escrito. Lanza `ErrorBitacora`."""
    lineas = [*_quien(visto), *_ahora(visto, escribe)]
    lineas.append(Linea("últimos hechos", tono=Tono.FUERTE))
    for hecho in await sistema.consultas.eventos_de(sistema.sesion, visto.id, HECHOS):
        hora = hecho.timestamp[11:19]
        lineas.append(Linea(f"  {hora} {hecho.tipo} · {corto(hecho.mensaje)}"))
    ordenes = await sistema.consultas.comandos_de(sistema.sesion, visto.id, ORDENES)
    if ordenes:
        lineas.append(Linea("órdenes", tono=Tono.FUERTE))
    for orden in ordenes:
        lineas += _orden(orden)
    pruebas = await sistema.consultas.evidencias_de(sistema.sesion, visto.id, EVIDENCIAS)
    lineas += map(_prueba, pruebas)
    reporte = await sistema.consultas.ultimo_reporte(sistema.sesion, visto.id)
    if reporte:
        lineas.append(Linea("reporte", tono=Tono.FUERTE))
        lineas += _bloque(cabeza(reporte, LINEAS_DE_REPORTE))
    return lineas


def _quien(visto: Visto) -> Iterator[Linea]:
    yield Linea(f"{visto.rol} · {frase(visto)}", visto.id)
    yield Linea(f"  tarea: {corto(visto.tarea, 2_000)}", entera=True)
    yield Linea(f"  superior {visto.superior} · modelo {visto.modelo}")
    partes = [f"lleva {duracion(visto.tiempo_s)}"]
    if visto.estado.es_final:
        partes = [f"duró {duracion(visto.tiempo_s)}"]
    elif visto.senal_s is not None:
        partes.append(f"última señal hace {duracion(visto.senal_s)}")
    partes.append(f"{visto.tokens_in} tokens de entrada y {visto.tokens_out} de salida")
    partes += [f"{visto.coste:.4f} $"] if visto.coste is not None else []
    if visto.estado.es_final and visto.verificacion:
        partes.append(f"verificación: {visto.verificacion.replace('_', ' ')}")
    yield Linea(f"  {' · '.join(partes)}")
    if visto.motivo and visto.espera != ATASCADO:
        tono = Tono.NORMAL if visto.estado.salio_bien else Tono.AVISO
        yield Linea(f"  {corto(visto.motivo, 2_000)}", tono=tono, entera=True)


def _ahora(visto: Visto, escribe: str) -> Iterator[Linea]:
    """Lo que está a medias: la orden abierta con su salida y lo que escribe su modelo."""
    if visto.orden:
        yield Linea("en marcha", tono=Tono.FUERTE)
        yield Linea(f"  {corto(visto.orden)}", tono=Tono.FUERTE)
        yield from _bloque(_final(visto.salida))
    if escribe:
        yield Linea("escribe", tono=Tono.FUERTE)
        yield from _bloque(_final(escribe))


def _orden(orden: FilaComando) -> Iterator[Linea]:
    fin = "en marcha" if orden.cierre is None else f"código {orden.codigo}"
    if orden.cierre not in {None, "resultado"}:
        fin = str(orden.cierre)
    yield Linea(f"  $ {corto(orden.command)} → {fin}", tono=Tono.FUERTE)
    for salida, tono in ((orden.stdout, Tono.NORMAL), (orden.stderr, Tono.AVISO)):
        if salida.strip():
            yield from _bloque(cabeza(salida, LINEAS_DE_SALIDA), tono)


def _prueba(prueba: FilaEvidencia) -> Linea:
    texto = corto(prueba.resultado or "comprobando…", 300)
    tono = Tono.BIEN if prueba.cumple else Tono.AVISO
    return Linea(f"  {prueba.timestamp[11:19]} {texto}", tono=tono)


def _final(texto: str) -> list[str]:
    """Las últimas líneas; un retorno de carro también acaba una."""
    limpio = limpiar(texto).rstrip("\n")
    return limpio.split("\n")[-LINEAS_EN_MARCHA:] if limpio else []


def _bloque(lineas: list[str], tono: Tono = Tono.NORMAL) -> Iterator[Linea]:
    for linea in lineas:
        yield Linea(f"    {linea}", tono=tono)
