"""Una muerte a media comprobación: se acaba, sin repetir lo que ya se había comprobado."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentes.pruebas import COMPROBAR
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import CONSOLA, consultar
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar
from tests.herramientas.evidencias.apoyo import reportar
from tests.herramientas.evidencias.casos import archivo, orden
from tests.nucleo.test_reanudar import master, seguir
from tests.tortura.cortes import cortar, grabar
from tests.tortura.fotos import copiar_disco, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

AFIRMA = [archivo("f", "x"), orden("test -s g")]
CERRADAS = "SELECT op, fila_cierre FROM commands WHERE tool = ? AND fila_cierre IS NOT NULL"


def ejecutor(peticion: Peticion) -> Respuesta:
    """Afirma de más, se le devuelve, lo arregla y lo vuelve a afirmar."""
    hechos = len(peticion.resultados)
    if hechos in {0, 2}:
        return llamar(CONSOLA, {"command": f"printf x > {'f' if hechos == 0 else 'g'}"})
    return reportar(AFIRMA)


async def test_cortada_en_cualquier_fila_acaba_igual_y_no_repite_nada(tmp_path: Path) -> None:
    original = tmp_path / "original"
    async with DobleOpenAI(Guion({"Master": master(), "ejecutor-*": ejecutor})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        hechos = await grabar(raiz, original, "haz")
        sesion = sesion_de(original)
        suyos = [i for i, h in enumerate(hechos) if h.evento.detalles().get("tool") == COMPROBAR]
        devuelto = [i for i, h in enumerate(hechos) if h.evento.detalles().get("devuelto")]
        assert (len(suyos), len(devuelto)) == (8, 1)  # de cada comprobación, intención y cierre
        for corte in (*suyos, *devuelto):
            carpeta = tmp_path / f"corte-{corte}"
            datos = carpeta / "data"
            await cortar(hechos[: corte + 1], sesion, datos)
            copiar_disco(original / "espacios", datos / "espacios")
            antes = consultar(carpeta, CERRADAS, COMPROBAR)
            assert "terminó su tarea (verificado: ✔ archivo f · ✔ orden test -s g)" in await seguir(
                raiz, datos
            )
            despues = consultar(carpeta, CERRADAS, COMPROBAR)
            assert set(antes) <= set(despues)
            assert len({op for op, _ in despues}) == len(despues)
            final = consultar(carpeta, "SELECT status, verificacion FROM agent_runs")
            assert final == [("completed", "verificada")]
            hecha = await reproducir(
                leer_grabacion(datos / "swarm.db", sesion), Ajustes.leer(raiz).con(datos=datos)
            )
            assert hecha.es_fiel, (corte, hecha.divergencia)
