"""Si un modelo no puede contestar, contesta el de respaldo: se ve, consta y se repite igual."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.eventos import MASTER, HechoAnotado
from servicios.ajustes import Ajustes
from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.interfaz.lineas import linea_de
from servicios.reproduccion import leer_grabacion, reproducir
from servicios.sistema import Sistema
from tests.apoyo import (
    CONSOLA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    doble_de,
    enjambre,
    tipo,
    variables_de,
)
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto
from tests.tortura.cortes import cortar, grabar, hasta
from tests.tortura.fotos import abierto, programa, sesion_de

MODELOS = {"openai": "openai:gpt-prueba", "gemini": "gemini:gemini-3-prueba"}
DE, A = "openai", "gemini"
SIN_MODELO = Respuesta(error=Error(404, "The model does not exist", "model_not_found"))
LARGO = "cosas que se fueron viendo por el camino, una detrás de otra " * 30


def respaldo(doble: Doble, proveedor: str = A) -> dict[str, str]:
    """El entorno que pone detrás a ese doble."""
    propias = {k: v for k, v in variables_de(proveedor, doble).items() if k != "MODEL"}
    return {**propias, "ENJAMBRE_MODELOS_RESPALDO": MODELOS[proveedor]}


@asynccontextmanager
async def pareja(
    carpeta: Path, primero: Doble, segundo: Doble, *tipos: dict[str, Any], **variables: str
) -> AsyncIterator[Sistema]:
    """Un enjambre de OpenAI con Gemini detrás; al cerrarse se reproduce y ha de dar lo mismo."""
    entorno = {"ENJAMBRE_REINTENTOS": "0", **respaldo(segundo), **variables}
    async with enjambre(primero, carpeta, *tipos, proveedor=DE, **entorno) as sistema:
        yield sistema
    for doble in (primero, segundo):
        assert not doble.rechazos, doble.rechazos
        assert not doble.imprevistos, doble.imprevistos


def relevos(carpeta: Path) -> list[dict[str, Any]]:
    sql = "SELECT details FROM logs WHERE tipo='llm_call' AND details->>'$.clase'='relevo'"
    return [json.loads(d) for (d,) in consultar(carpeta, f"{sql} ORDER BY id")]


def llamadas(carpeta: Path, agente_id: str = MASTER) -> list[tuple[Any, ...]]:
    sql = "SELECT modelo, estado, tokens_in > 0 FROM v_llamadas WHERE agente_id=? ORDER BY fila"
    return consultar(carpeta, sql, agente_id)


@pytest.mark.parametrize(
    ("averia", "motivo"),
    [
        (fallo("401"), "clave"),
        (SIN_MODELO, "modelo"),
        (fallo("503"), "servidor"),
        (fallo("429", retry_after="3600"), "tasa"),
        (fallo("reinicio_a_mitad"), "conexion"),
        (fallo("respuesta_vacia"), "vacia"),
    ],
)
async def test_contesta_el_de_respaldo_y_consta_quien_fue(
    tmp_path: Path, averia: Respuesta, motivo: str
) -> None:
    primero = doble_de(DE, Guion({"Master": [averia]}))
    segundo = doble_de(A, Guion({"Master": [texto("aquí estoy")]}))
    async with primero, segundo, pareja(tmp_path, primero, segundo) as sistema:
        with sistema.bus.suscribir() as oidos:
            assert await conversar(sistema, "hola") == "aquí estoy"
            hechos = [h.evento for h in oidos.pendientes() if isinstance(h, HechoAnotado)]
        dichas = [linea.texto for h in hechos if (linea := linea_de(h))]
        assert any(MODELOS[DE] in d and f"sigue con {MODELOS[A]}" in d for d in dichas)
        assert sistema.conversacion.ultimo_error is None
    (relevo,) = relevos(tmp_path)
    assert (relevo["de"], relevo["a"], relevo["motivo"]) == (MODELOS[DE], MODELOS[A], motivo)
    # La que contesta vacío también dice lo que gastó, y consta.
    gasto = int(motivo == "vacia")
    assert llamadas(tmp_path) == [(MODELOS[DE], "fallida", gasto), (MODELOS[A], "terminada", 1)]
    salidas = consultar(tmp_path, "SELECT details->>'$.modelo' FROM logs WHERE tipo='llm_output'")
    assert salidas == [(MODELOS[A],)]
    assert consultar(tmp_path, "SELECT estado FROM messages") == [("visto",)]


async def test_un_fallo_pasajero_se_reintenta_antes_de_relevar(tmp_path: Path) -> None:
    primero = doble_de(DE, Guion({"Master": [fallo("503"), texto("al segundo intento")]}))
    segundo = doble_de(A, Guion())
    async with (
        primero,
        segundo,
        pareja(tmp_path, primero, segundo, ENJAMBRE_REINTENTOS="1") as sistema,
    ):
        assert await conversar(sistema, "hola") == "al segundo intento"
    assert relevos(tmp_path) == []
    assert segundo.peticiones == []


@pytest.mark.parametrize("averia", ["filtro", "contexto"])
async def test_lo_que_falla_por_la_peticion_no_se_pasa_a_nadie(tmp_path: Path, averia: str) -> None:
    primero = doble_de(DE, Guion({"Master": lambda _: fallo(averia)}))
    segundo = doble_de(A, Guion({"Master": [texto("no me toca")]}))
    async with primero, segundo, pareja(tmp_path, primero, segundo) as sistema:
        await conversar(sistema, "hola")
        assert sistema.conversacion.ultimo_error is not None
    assert segundo.peticiones == []
    assert relevos(tmp_path) == []


async def test_si_ninguno_puede_se_prueba_una_vez_cada_uno_y_se_dice(tmp_path: Path) -> None:
    primero = doble_de(DE, Guion({"Master": [fallo("401"), texto("ya va")]}))
    segundo = doble_de(A, Guion({"Master": [fallo("503")]}))
    async with primero, segundo, pareja(tmp_path, primero, segundo) as sistema:
        await conversar(sistema, "hola")
        error = sistema.conversacion.ultimo_error
        assert error is not None
        assert "gemini" in str(error)
        # Descansan los dos: se vuelve a empezar por el primero, y lo no contestado se contesta.
        assert await conversar(sistema, "¿y ahora?") == "ya va"
    assert [m for m, *_ in llamadas(tmp_path)] == [MODELOS[DE], MODELOS[A], MODELOS[DE]]
    assert "hola" in primero.peticiones[-1].todo_el_texto


@pytest.mark.parametrize("suyo", ["openai", "gemini"])
async def test_a_media_tarea_el_otro_proveedor_entiende_la_historia(
    tmp_path: Path, suyo: str
) -> None:
    """Con texto, llamadas y firmas ajenas; el descanso hace que siga con él sin probar otra vez."""
    otro = {"openai": "gemini", "gemini": "openai"}[suyo]
    pedidas = Respuesta(
        texto="voy a mirar", llamadas=llamar(CONSOLA, {"command": "echo a"}).llamadas
    )
    orden = llamar(CONSOLA, {"command": "echo b"})
    empieza = {"obrero-1": [pedidas, fallo("401")]}
    sigue = {"obrero-1": [orden, llamar(REPORTAR, {"resultado": "hecho entre dos"})]}
    guiones = {"Master": [delegar("haz", tipo="obrero"), texto("delegado"), texto("fin")]}
    uno = doble_de(suyo, Guion(empieza | (guiones if suyo == DE else {})))
    dos = doble_de(otro, Guion(sigue | (guiones if otro == DE else {})))
    primero, segundo = (uno, dos) if suyo == DE else (dos, uno)
    obrero = tipo("obrero", model=MODELOS[suyo], modelos_respaldo=[MODELOS[otro]])
    sin_general = {"ENJAMBRE_MODELOS_RESPALDO": ""}
    async with uno, dos, pareja(tmp_path, primero, segundo, obrero, **sin_general) as sistema:
        assert await conversar(sistema, "hazlo") == "fin"
    assert [m for m, *_ in llamadas(tmp_path, "obrero-1")] == [
        MODELOS[suyo],
        MODELOS[suyo],
        MODELOS[otro],
        MODELOS[otro],
    ]
    vista: Peticion = dos.de("obrero-1")[0]
    assert "voy a mirar" in vista.todo_el_texto
    assert len(vista.resultados) == 1
    assert '"a"' in vista.resultados[0]
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("completed",)]


async def test_el_resumen_tambien_lo_escribe_el_de_respaldo(tmp_path: Path) -> None:
    def bien(peticion: Peticion) -> Respuesta:
        return texto(f"vale {LARGO}") if peticion.herramientas else texto("en resumen")

    averias = [fallo("401"), texto("otra vez yo")]
    primero = doble_de(DE, Guion({"Master": bien}))
    segundo = doble_de(A, Guion({"*": bien}))
    async with primero, segundo, pareja(tmp_path, primero, segundo) as sistema:
        for n in range(8):
            await conversar(sistema, f"línea {n} {LARGO}")
        primero.guion.poner("Master", averias)
        primero.guion.poner("*", averias)
        hecho = await sistema.interlocutores[MASTER].compactar("lo primero")
        assert hecho is not None
        assert hecho[1] < hecho[0]
        assert (await conversar(sistema, "¿sigues?")).startswith("vale")
    (relevo,) = relevos(tmp_path)
    assert relevo["a"] == MODELOS[A]
    propositos = consultar(tmp_path, "SELECT modelo, proposito FROM v_llamadas ORDER BY fila")[-3:]
    assert propositos == [
        (MODELOS[DE], "compactar"),
        (MODELOS[A], "compactar"),
        (MODELOS[A], ""),
    ]


async def test_cortada_mientras_contestaba_el_de_respaldo_se_sigue_y_se_repite(
    tmp_path: Path,
) -> None:
    """La línea no se pierde ni se dice dos veces; la sesión seguida también se reproduce."""
    datos = tmp_path / "data"
    primero = doble_de(DE, Guion({"Master": [fallo("401"), texto("el primero otra vez")]}))
    segundo = doble_de(A, Guion({"Master": [texto("del segundo")]}))
    async with primero, segundo:
        raiz = programa(tmp_path / "programa", primero, **respaldo(segundo))
        hechos = await grabar(raiz, tmp_path / "original", "hola")
        corte = hasta(hechos, _pasa_al_segundo)
        await cortar(corte, sesion_de(tmp_path / "original"), datos)
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "el primero otra vez"
        lineas = [m.texto for m in primero.peticiones[-1].mensajes if m.rol == "user"]
        assert lineas == ["hola"]
    assert consultar(tmp_path, "SELECT estado FROM messages") == [("visto",)]
    ajustes = Ajustes.leer(raiz).con(datos=datos)
    hecha = await reproducir(leer_grabacion(datos / "swarm.db", sesion_de(datos)), ajustes)
    assert hecha.divergencia == ""
    assert hecha.es_fiel


def _pasa_al_segundo(hecho: HechoAnotado) -> bool:
    detalles = hecho.evento.detalles()
    return hecho.evento.tipo == "llm_input" and detalles["modelo"] == MODELOS[A]


async def test_un_respaldo_sin_su_clave_no_arranca_y_dice_cual(tmp_path: Path) -> None:
    doble = doble_de(DE, Guion())
    with pytest.raises(ErrorConfiguracion, match=r"ENJAMBRE_MODELOS_RESPALDO: Falta GROQ_API_KEY"):
        async with (
            doble,
            enjambre(doble, tmp_path, proveedor=DE, ENJAMBRE_MODELOS_RESPALDO="groq"),
        ):
            pass


async def test_bifurcada_tras_un_relevo_cada_linea_consta_donde_se_contesto(tmp_path: Path) -> None:
    primero = doble_de(DE, Guion({"Master": [fallo("401")]}))
    segundo = doble_de(A, Guion({"Master": [texto("una"), texto("dos")]}))
    async with primero, segundo, pareja(tmp_path, primero, segundo) as sistema:
        assert await conversar(sistema, "primera", "segunda") == "dos"
        ultima = await sistema.consultas.ultima_fila(sistema.sesion)
        nueva = await crear_bifurcacion(sistema.ajustes, ultima)
    contestada = """
        SELECT s.details->>'$.texto', m.estado FROM messages AS m
        JOIN logs AS s ON s.id = m.id WHERE m.session = ? ORDER BY m.id"""
    assert consultar(tmp_path, contestada, nueva.id) == [
        ("primera", "visto"),
        ("segunda", "entregado"),
    ]
