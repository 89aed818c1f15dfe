from __future__ import annotations

import re
import time

import pytest

from servicios.llm.demo.gramatica import (
    GRAMATICA,
    Clase,
    Frase,
    es_ingles,
    faltan_dos_puntos,
    leer_ordenes,
)

HUECOS = {
    "COMANDO": "date",
    "COMMAND": "date",
    "UNO": "date",
    "OTRO": "ls",
    "ONE": "date",
    "ANOTHER": "ls",
    "HERRAMIENTA": "leer_reporte",
    "TOOL": "leer_reporte",
    "{json}": '{"agent_id": "ejecutor-1"}',
    "TEXTO": "no sé",
    "TEXT": "dunno",
    "AGENTE": "ejecutor-1",
    "AGENT": "ejecutor-1",
}


def rellenar(frase: str) -> str:
    return re.sub("|".join(map(re.escape, HUECOS)), lambda m: HUECOS[m[0]], frase)


@pytest.mark.parametrize("fila", GRAMATICA[:-1], ids=lambda f: f.es)
def test_cada_fila_de_la_tabla_se_entiende_igual_en_los_dos_idiomas(fila: Frase) -> None:
    espanol, ingles = leer_ordenes(rellenar(fila.es)), leer_ordenes(rellenar(fila.en))
    assert espanol, fila.es
    assert [o.clase for o in espanol] == [o.clase for o in ingles]
    assert [o.agente for o in espanol] == [o.agente for o in ingles]
    assert not any(o.fallo for o in (*espanol, *ingles))


@pytest.mark.parametrize("fila", GRAMATICA, ids=lambda f: f.es)
def test_cada_fila_se_reconoce_en_su_idioma(fila: Frase) -> None:
    assert not es_ingles(rellenar(fila.es))
    assert es_ingles(rellenar(fila.en))


@pytest.mark.parametrize(
    ("texto", "comandos"),
    [
        ("ejecuta: echo hola", ["echo hola"]),
        ("EJECUTA :  echo hola  ", ["echo hola"]),
        ("Ejecutá: date", ["date"]),
        ("por favor, ejecuta: date", ["date"]),
        ("Please run: date", ["date"]),
        ("ejecuta: `uname -a`", ["uname -a"]),
        ("ejecuta: echo `date` y `id`", ["echo `date` y `id`"]),
        ("ejecuta: sleep 2 && date || y ejecuta: uname -a", ["sleep 2 && date", "uname -a"]),
        ("ejecuta: date y ejecuta: ls y ejecuta: id", ["date", "ls", "id"]),
        ("run: date and run: ls -la", ["date", "ls -la"]),
        ("run: date ;; run: ls", ["date", "ls"]),
        ("ejecuta: date, y ejecuta: ls", ["date", "ls"]),
        ("ejecuta: date\nejecuta: ls", ["date", "ls"]),
        ("Haz esto:\n- ejecuta: date\n- ejecuta: ls", ["date", "ls"]),
        ("1. run: date\n2) run: ls", ["date", "ls"]),
        (
            "ejecuta: case x in x) echo uno;; *) echo dos;; esac",
            ["case x in x) echo uno;; *) echo dos;; esac"],
        ),
        ("ejecuta: cat <<F\nuna línea\nF\nejecuta: date", ["cat <<F\nuna línea\nF", "date"]),
        ("ejecuta: echo pan y vino; echo run: no", ["echo pan y vino; echo run: no"]),
        ("ejecuta: true && echo ñandú 日本", ["true && echo ñandú 日本"]),
    ],
)
def test_los_comandos_llegan_enteros_y_separados(texto: str, comandos: list[str]) -> None:
    ordenes = leer_ordenes(texto)
    assert [o.contenido for o in ordenes] == comandos
    assert {o.clase for o in ordenes} == {Clase.EJECUTAR}


@pytest.mark.parametrize(
    "texto",
    [
        "hola",
        "run the tests",
        "ejecuta date",
        "no ejecutes: nada",
        "el estado civil",
        "how are you",
        "cancel the last one please",
        "usa la clave 123",
        "tell me a story",
        "",
    ],
)
def test_lo_que_no_es_frase_no_se_toma_por_orden(texto: str) -> None:
    assert leer_ordenes(texto) == ()


def test_se_nota_que_faltan_los_dos_puntos() -> None:
    assert faltan_dos_puntos("ejecuta date")
    assert faltan_dos_puntos("run ls -la")
    assert not faltan_dos_puntos("hola")


@pytest.mark.parametrize(
    "texto",
    [
        "estado",
        "Status",
        "¿cómo va?",
        "como va",
        "¿Cómo van los agentes?",
        "how is it going?",
        "How's it going",
    ],
)
def test_hay_varias_maneras_de_preguntar_como_va(texto: str) -> None:
    assert [o.clase for o in leer_ordenes(texto)] == [Clase.ESTADO]


def test_usa_lleva_json_valores_entre_parentesis_o_nada() -> None:
    [con_json] = leer_ordenes('usa tool_a {"x": "a y ejecuta: b", "y": {"z": [1]}}')
    assert con_json.args == {"x": "a y ejecuta: b", "y": {"z": [1]}}
    [con_valores] = leer_ordenes('use tool_a(3, "dos (2)")')
    assert con_valores.args == [3, "dos (2)"]
    [sin_nada] = leer_ordenes("usa estado_enjambre")
    assert sin_nada.args == {}


@pytest.mark.parametrize("texto", ["usa t {mal}", "usa t {'a': 1}", "use t(1, dos)", "usa t {"])
def test_unos_argumentos_que_no_son_json_se_dicen(texto: str) -> None:
    [orden] = leer_ordenes(texto)
    assert orden.fallo == "json"


def test_dos_usa_seguidos_y_un_ejecuta_detras() -> None:
    ordenes = leer_ordenes('usa a {"k": 1} y usa b {"k": 2} y ejecuta: date')
    assert [(o.clase, o.herramienta or o.contenido) for o in ordenes] == [
        (Clase.USAR, "a"),
        (Clase.USAR, "b"),
        (Clase.EJECUTAR, "date"),
    ]


@pytest.mark.parametrize(
    "texto",
    [
        "mensaje a ejecutor-1: sigue",
        "Mensaje para ejecutor 1: sigue",
        "dile a ejecutor-1: sigue",
        "message to ejecutor-1: sigue",
        "tell ejecutor-1: sigue",
    ],
)
def test_un_mensaje_nombra_a_su_agente(texto: str) -> None:
    [orden] = leer_ordenes(texto)
    assert (orden.clase, orden.agente, orden.contenido) == (Clase.MENSAJE, "ejecutor-1", "sigue")


def test_un_mensaje_se_lleva_las_ordenes_de_su_linea() -> None:
    mensaje, otra = leer_ordenes("mensaje a a-1: ejecuta: date y ejecuta: ls\nejecuta: id")
    assert mensaje.contenido == "ejecuta: date y ejecuta: ls"
    assert otra.contenido == "id"


def test_a_una_frase_sin_contenido_le_falta_algo() -> None:
    assert [o.fallo for o in leer_ordenes("ejecuta:\nproblema:  ")] == ["vacia", "vacia"]


def test_un_texto_enorme_se_lee_en_un_momento() -> None:
    inicio = time.perf_counter()
    for relleno in (" " * 100_000, "y " * 50_000, "; y" * 30_000, "ejecuta " * 10_000):
        assert leer_ordenes(f"ejecuta: x{relleno}z")[0].contenido.endswith("z")
    assert time.perf_counter() - inicio < 2
