"""Cada protección tiene quien la vigile: sin ella, una prueba con nombre se pone en rojo.

Se estropea una copia del código en un solo sitio y se corre esa prueba en un proceso aparte.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

RAIZ = Path(__file__).parent.parent
COPIADO = ("agentes", "prompts", "servicios", "tests", "agentes_json", "main.py", "pyproject.toml")


@dataclass(frozen=True)
class Mutacion:
    """Qué se quita, de dónde, y la prueba que ha de notarlo."""

    nombre: str
    archivo: str
    antes: str
    despues: str
    prueba: str


MUTACIONES = [
    Mutacion(
        "sin reparar la historia",
        "servicios/llm/interlocutor.py",
        "self._llamador.hacer(reparar(limpio), marcha)",
        "self._llamador.hacer(list(limpio), marcha)",
        "tests/nucleo/test_ritmo.py::test_parado_a_media_accion_la_historia_sigue_valiendo",
    ),
    Mutacion(
        "sin compactar la historia que no cabe",
        "servicios/llm/interlocutor.py",
        "if self._contexto.lleno(self._corrida.tamano):",
        "if False:",
        "tests/nucleo/test_conversacion_larga.py::test_si_el_modelo_no_resume_se_dice_y_se_sigue",
    ),
    Mutacion(
        "compactar partiendo una ronda",
        "servicios/llm/compactacion.py",
        "if not isinstance(historia[indice], AIMessage):",
        "if False:",
        "tests/llm/test_compactacion.py::test_una_ronda_abierta_se_queda_entera_aunque_ocupe_mas_que_su_parte",
    ),
    Mutacion(
        "lo retirado no vuelve a constar",
        "servicios/llm/interlocutor.py",
        "self._contados = min(self._contados, aceptado(limpio))",
        "pass",
        "tests/llm/test_interlocutor.py::test_lo_sabido_que_queda_tras_un_rechazo_vuelve_a_constar",
    ),
    Mutacion(
        "sin colector estricto: el analizador de JSON parcial",
        "servicios/llm/colector.py",
        'args = json.loads(crudo or "{}")',
        'args = __import__("langchain_core.utils.json").utils.json.parse_partial_json(crudo or "{}")',
        "tests/nucleo/test_averias.py::test_una_llamada_que_no_vale_se_explica_y_no_se_ejecuta",
    ),
    Mutacion(
        "sin mirar si la respuesta se cortó",
        "servicios/llm/colector.py",
        "if fin.razon is not Razon.COMPLETA:",
        "if False:",
        "tests/nucleo/test_averias.py::test_una_llamada_que_no_vale_se_explica_y_no_se_ejecuta",
    ),
    Mutacion(
        "sin mirar si el flujo acabó",
        "servicios/llm/colector.py",
        "if self._fin is None or self._mensaje is None:",
        "self._fin = self._fin or Fin(Razon.COMPLETA, '')\n        if self._mensaje is None:",
        "tests/nucleo/test_averias.py::test_un_corte_en_medio_de_los_argumentos_se_repite_entero",
    ),
    Mutacion(
        "sin matar el árbol de procesos",
        "servicios/consola/supervision/procesos.py",
        "        if not quedan:\n",
        "        if True:\n",
        "tests/consola/test_muerte.py::test_el_tiempo_agotado_mata_el_arbol_entero",
    ),
    Mutacion(
        "un preajuste con la clave de OpenAI",
        "servicios/cargar_llm.py",
        "ajustes.clave(variable)\n    if clave",
        'ajustes.clave("OPENAI_API_KEY")\n    if clave',
        "tests/llm/test_proveedores.py::"
        "test_un_preajuste_manda_su_clave_y_nada_de_la_cuenta_de_openai",
    ),
    Mutacion(
        "sin puerta: se ejecuta antes de guardar la intención",
        "servicios/herramientas/puerta.py",
        "            fila = await pedida\n",
        "            fila = id(pedida)\n",
        "tests/herramientas/test_puerta.py",
    ),
    Mutacion(
        "sin juntar los avisos",
        "servicios/buzon.py",
        "if espera <= 0 or not await self._llega_otro(vistos, espera):",
        "if True:",
        "tests/nucleo/test_conversacion.py::test_veinte_avisos_en_una_ventana_son_una_llamada_acotada",
    ),
    Mutacion(
        "sin límite en el resumen",
        "prompts/avisos.py",
        "if len(linea) + 1 > sobra:",
        "if False:",
        "tests/prompts/test_avisos.py",
    ),
    Mutacion(
        "sin esperar a que la intención esté guardada",
        "servicios/herramientas/puerta.py",
        "            fila = await pedida\n",
        "            fila = id(pedida)\n",
        "tests/nucleo/test_reanudar_puerta.py",
    ),
    Mutacion(
        "sin quedarse en exclusiva con el intento",
        "servicios/consola/operaciones/carpeta.py",
        "return numero == 0\n",
        "return True\n",
        "tests/consola/test_operaciones.py::test_un_supervisor_que_llega_tarde_se_va_sin_ejecutar",
    ),
    Mutacion(
        "sin mirar cuándo nació el proceso del número anotado",
        "servicios/consola/operaciones/identidad.py",
        "if Identidad.de(self.pid) == self:",
        "if True:",
        "tests/consola/test_operaciones.py::test_un_proceso_ajeno_con_ese_numero_no_es_el_nuestro",
    ),
    Mutacion(
        "sin leer al reanudar lo que se esperaba de un hijo",
        "servicios/bucle_logico_agente.py",
        "if llego or self._puertos",
        "if self._puertos",
        "tests/nucleo/test_reanudar.py::test_quien_esperaba_a_sus_hijos_lee_lo_que_le_contaron",
    ),
    Mutacion(
        "sin acabar de parar a quien ya se mandó parar",
        "servicios/gestor_enjambre.py",
        "if guardado.parado_por is not None:",
        "if False:",
        "tests/nucleo/test_reanudar.py::test_lo_que_la_persona_mando_parar_no_revive",
    ),
]


@pytest.fixture(scope="module")
def copia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """El código aparte, con lo ya compilado: compilarlo cuesta más que la prueba."""
    carpeta = tmp_path_factory.mktemp("copia")
    for nombre in COPIADO:
        origen = RAIZ / nombre
        if origen.is_dir():
            shutil.copytree(origen, carpeta / nombre)
        else:
            shutil.copy2(origen, carpeta / nombre)
    return carpeta


@contextmanager
def estropeado(archivo: Path, mutacion: Mutacion) -> Iterator[None]:
    """El archivo, sin la protección mientras dura el bloque."""
    codigo, tiempos = archivo.read_text(encoding="utf-8"), archivo.stat()
    assert codigo.count(mutacion.antes) == 1, f"{mutacion.archivo} ya no dice «{mutacion.antes}»"
    archivo.write_text(codigo.replace(mutacion.antes, mutacion.despues), encoding="utf-8")
    try:
        yield
    finally:
        archivo.write_text(codigo, encoding="utf-8")
        os.utime(archivo, ns=(tiempos.st_atime_ns, tiempos.st_mtime_ns))


@pytest.mark.lento
@pytest.mark.parametrize("mutacion", MUTACIONES, ids=lambda m: m.nombre)
def test_sin_la_proteccion_su_prueba_falla(mutacion: Mutacion, copia: Path) -> None:
    with estropeado(copia / mutacion.archivo, mutacion):
        corrida = _correr(mutacion.prueba, copia)
    assert corrida.returncode == 1, corrida.stdout[-2000:]
    assert "1 failed" in corrida.stdout


def _correr(prueba: str, carpeta: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", prueba],
        cwd=carpeta,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
