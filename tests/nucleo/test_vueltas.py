"""Un agente que da vueltas: se le dice, se avisa a su superior, se le pausa y puede seguir."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prompts.avisos import VUELTAS
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import (
    CONSOLA,
    DELEGAR,
    MENSAJE,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
    tipo,
)
from tests.dobles.base import Doble
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.cortes import cortar, grabar, hasta
from tests.tortura.fotos import abierto, programa, sesion_de

DIRECTIVA = "entonces déjalo"


def terco(peticion: Peticion) -> Respuesta:
    """Repite lo mismo hasta que le dicen que lo deje."""
    if any(DIRECTIVA in m.texto for m in peticion.mensajes):
        return llamar(REPORTAR, {"resultado": "lo dejo"})
    return llamar(CONSOLA, {"command": "cat nada; echo igual"})


def paciente(peticion: Peticion) -> Respuesta:
    """Delega, mira y contesta cuando le dicen que está en pausa."""
    visto = peticion.todo_el_texto
    if not any(m.llamadas for m in peticion.mensajes):
        return delegar("haz")
    if "está en pausa por un problema" in visto and "Entregado: " not in visto:
        return llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": DIRECTIVA})
    return texto("fin" if "terminó su tarea" in visto else "ejecutor-1 sigue")


async def test_va_por_pasos_hasta_la_pausa_y_sigue(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", paciente)
    doble.guion.poner("ejecutor-1", terco)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "haz") == "fin"
    doble.comprobar()
    filas = consultar(tmp_path, "SELECT details FROM logs WHERE tipo = 'loop_detected' ORDER BY id")
    hechos = [json.loads(d) for (d,) in filas]
    assert [(h["paso"], h["veces"]) for h in hechos] == [(1, 4), (2, 6), (3, 8)]
    assert all("cat nada" in h["que"] for h in hechos)
    ultima = doble.de("ejecutor-1")[-1]
    assert sum(m.texto.startswith(VUELTAS) for m in ultima.mensajes) == 3
    al_master = doble.de("Master")[-1].todo_el_texto
    assert "ejecutor-1 (ejecutor de consola) parece dar vueltas sin avanzar" in al_master
    assert "Lo pausó el sistema porque da vueltas" in al_master
    esperas = consultar(
        tmp_path,
        "SELECT json_extract(details, '$.espera') FROM logs WHERE tipo = 'agent_loop' ORDER BY id",
    )
    assert [e for (e,) in esperas] == ["", "en_bucle", ""]


async def test_el_superior_que_es_un_agente_recibe_el_aviso(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    jefe = tipo("jefe", available_tools=[DELEGAR, MENSAJE, REPORTAR, PROBLEMA])

    def mandar(peticion: Peticion) -> Respuesta:
        visto = peticion.todo_el_texto
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar("haz")
        if "parece dar vueltas" in visto and "Entregado: " not in visto:
            return llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": DIRECTIVA})
        return (
            llamar(REPORTAR, {"resultado": "hecho"})
            if "terminó su tarea" in visto
            else texto("espero")
        )

    doble.guion.poner("Master", [delegar("manda", tipo="jefe"), texto("va"), texto("fin")])
    doble.guion.poner("jefe-1", mandar)
    doble.guion.poner("ejecutor-1", terco)
    async with enjambre(doble, tmp_path, jefe, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "haz") == "fin"
    doble.comprobar()
    [(para,)] = consultar(tmp_path, "SELECT destinatario FROM notices WHERE clase = 'bucle'")
    assert para == "jefe-1"


async def test_quien_varia_no_recibe_nada(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    def lector(peticion: Peticion) -> Respuesta:
        hechas = len(peticion.resultados)
        if hechas < 12:
            return llamar(CONSOLA, {"command": "date +%N"})
        return llamar(REPORTAR, {"resultado": "ok"})

    doble.guion.poner("Master", [delegar("lee"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", lector)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "lee")
    assert consultar(tmp_path, "SELECT count(*) FROM logs WHERE tipo = 'loop_detected'") == [(0,)]


def mudo(peticion: Peticion) -> Respuesta:
    """Hace una orden y después no contesta nada hasta que le dicen que lo deje."""
    if any(DIRECTIVA in m.texto for m in peticion.mensajes):
        return llamar(REPORTAR, {"resultado": "lo dejo"})
    return Respuesta() if peticion.resultados else llamar(CONSOLA, {"command": "echo hecho"})


async def test_un_modelo_que_no_contesta_no_pierde_lo_hecho(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", paciente)
    doble.guion.poner("ejecutor-1", mudo)
    async with enjambre(doble, tmp_path, proveedor=proveedor, ENJAMBRE_REINTENTOS="0") as sistema:
        assert await conversar(sistema, "haz") == "fin"
    pasos = consultar(
        tmp_path,
        "SELECT json_extract(details, '$.paso') FROM logs WHERE tipo = 'loop_detected' ORDER BY id",
    )
    assert [p for (p,) in pasos] == [1, 2, 3]
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("completed",)]


@pytest.mark.parametrize("agente", [terco, mudo], ids=["terco", "mudo"])
async def test_tras_una_muerte_en_la_pausa_sigue_en_pausa_y_no_se_repite(
    tmp_path: Path, agente: Paso
) -> None:
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    async with DobleOpenAI(Guion({"Master": paciente, "ejecutor-1": agente})) as doble:
        raiz = programa(tmp_path / "programa", doble, ENJAMBRE_REINTENTOS="0")
        hechos = await grabar(raiz, datos, "haz")
        # Hasta el aviso del problema: todo lo del tercer paso se guarda de una vez.
        primeros = hasta(
            hechos,
            lambda h: h.evento.tipo == "agent_problem",
            lambda h: h.evento.tipo == "master_context_update",
        )
        await cortar(primeros, sesion_de(datos), muerta)
        ajustes = Ajustes.leer(raiz)
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            estado = sistema.gestor.get_agent_status("ejecutor-1")
            assert estado is not None
            await sistema.conversacion.esperar_calma()
            assert estado["status"] == "paused"
            assert sistema.conversacion.ultimo_texto == "fin"
            filas = await sistema.consultas.eventos_de(sistema.sesion, "ejecutor-1", 500)
        hecha = await reproducir(leer_grabacion(muerta / "swarm.db", sistema.sesion), ajustes)
    assert [f.tipo for f in filas].count("loop_detected") == 3
    assert [f.tipo for f in filas].count("agent_problem") == 1
    assert hecha.es_fiel, hecha.divergencia


async def test_tras_una_muerte_a_media_vuelta_la_cuenta_sigue(tmp_path: Path) -> None:
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    async with DobleOpenAI(Guion({"Master": paciente, "ejecutor-1": terco})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        hechos = await grabar(raiz, datos, "haz")
        primeros = hasta(hechos, lambda h: h.evento.tipo == "loop_detected")
        await cortar(primeros, sesion_de(datos), muerta)
        ajustes = Ajustes.leer(raiz)
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            await sistema.conversacion.esperar_calma()
            filas = await sistema.consultas.eventos_de(sistema.sesion, "ejecutor-1", 500)
        hecha = await reproducir(leer_grabacion(muerta / "swarm.db", sistema.sesion), ajustes)
    pasos = [f.mensaje for f in filas if f.tipo == "loop_detected"]
    assert [p.partition(" (")[0][-2:] for p in pasos] == ["×4", "×6", "×8"]
    assert hecha.es_fiel, hecha.divergencia
