"""Bifurcar lo que falló y se volvió a entregar: consta igual, y la copia se repite igual."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import consultar, conversar, enjambre
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import texto

ESTADOS = "SELECT estado FROM messages WHERE session = ? ORDER BY id"


@pytest.mark.parametrize(
    ("averia", "de_la_primera"),
    [("401", "visto"), ("filtro_peticion", "entregado")],
    ids=["vuelve a entrar", "se retira"],
)
async def test_la_linea_de_una_peticion_que_fallo(
    tmp_path: Path, averia: str, de_la_primera: str
) -> None:
    guion = Guion({"Master": [fallo(averia), texto("ya"), texto("y más")]})
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        assert await conversar(sistema, "una", "dos", "tres") == "y más"
        ultima = await sistema.consultas.ultima_fila(sistema.sesion)
        nueva = await crear_bifurcacion(sistema.ajustes, ultima)
    de_origen = [estado for (estado,) in consultar(tmp_path, ESTADOS, sistema.sesion)]
    assert de_origen == [de_la_primera, "visto", "visto"]
    copiados = [estado for (estado,) in consultar(tmp_path, ESTADOS, nueva.id)]
    assert copiados == [de_la_primera, "visto", "entregado"]
    grabada = leer_grabacion(sistema.ajustes.datos / "swarm.db", nueva.id)
    hecha = await reproducir(grabada, sistema.ajustes, sistema.tipos)
    assert (hecha.divergencia, hecha.es_fiel) == ("", True)
