"""Las reglas muerden: cada una encuentra su falta en una muestra y deja pasar lo bueno."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arquitectura import forma, importes, nombres
from tests.arquitectura.casa import arriba, carpetas_sin_espejo, ignorado
from tests.arquitectura.importes import Importe, leer_importes

NUESTROS = {"main", "agentes.eventos", "servicios.sistema", "servicios.llm", "servicios.llm.flujo"}


@pytest.mark.parametrize(
    "fuente",
    [
        "import servicios.llm.flujo",
        "from servicios.llm import flujo",
        "from servicios.llm.flujo import Razon",
        "from __future__ import annotations\nif X:\n    from servicios.llm.flujo import Razon",
        "def f():\n    from servicios.llm import flujo",
        "import importlib\nimportlib.import_module('servicios.llm.flujo')",
        "__import__('servicios.llm.flujo')",
        "await asyncio.to_thread(importlib.import_module, 'servicios.llm.flujo')",
    ],
)
def test_se_ve_todo_importe(fuente: str) -> None:
    assert [i.a for i in leer_importes("main", fuente, NUESTROS)] == ["servicios.llm.flujo"]


def test_un_paquete_no_es_su_submodulo_ni_lo_ajeno_es_nuestro() -> None:
    fuente = "import json\nfrom servicios.llm import Algo\nprint('servicios.sistema')"
    assert [i.a for i in leer_importes("main", fuente, NUESTROS)] == ["servicios.llm"]


@pytest.mark.parametrize(
    ("desde", "a", "bien"),
    [
        ("servicios.llm.flujo", "agentes.eventos", True),
        ("servicios.conversacion", "servicios.gestor_enjambre", True),
        ("main", "servicios.interfaz.headless", True),
        ("servicios.interfaz.headless", "servicios.sistema", True),
        ("agentes.eventos", "servicios.llm", False),
        ("prompts.avisos", "servicios.buzon", False),
        ("servicios.llm.flujo", "servicios.herramientas.registro", False),
        ("servicios.gestor_logs", "servicios.conversacion", False),
        ("servicios.pipelines.x", "servicios.sistema", False),
        ("servicios.orquestador_master", "servicios.gestor_enjambre", False),
        ("servicios.bucle_logico_agente", "servicios.gestor_enjambre", False),
        ("servicios.jerarquia.rol", "servicios.runtime.puertos", False),
        ("servicios.interfaz.web", "main", False),
        ("servicios.sistema", "servicios.interfaz.terminal", False),
    ],
)
def test_pisos_y_vecindades(desde: str, a: str, *, bien: bool) -> None:
    assert (importes.faltas(Importe(desde, a, 1)) == []) is bien


def test_un_modulo_de_servicios_sin_piso_no_pasa() -> None:
    assert importes.ala("servicios.llm.demo.gramatica") == "servicios.llm"
    for modulo in ("servicios.utilidades", "otra_cosa"):
        with pytest.raises(KeyError):
            importes.ala(modulo)


def test_los_circulos_se_ven() -> None:
    ida, vuelta = Importe("agentes.a", "agentes.b", 1), Importe("agentes.b", "agentes.a", 9)
    assert importes.circulo([ida]) == []
    assert set(importes.circulo([ida, vuelta])) == {"agentes.a", "agentes.b"}
    cara = Importe("servicios.ejecutor_consola", "servicios.consola.salida", 1)
    al_reves = Importe("servicios.consola.proceso", "servicios.ejecutor_consola", 1)
    assert importes.circulo([cara, al_reves]) == []
    assert importes.circulo_de_alas([cara]) == []
    assert importes.circulo_de_alas([cara, al_reves]) != []


def test_relativos_e_internos_se_ven() -> None:
    assert importes.relativos("import a\nfrom . import b\nfrom .c import d") == [2, 3]
    assert importes.internos("import a\nif X:\n    import b\ndef f():\n    import c") == [5]


def test_tamanos() -> None:
    cuerpo = "def f():\n" + "    x = 1\n" * 40
    assert forma.funciones_largas(cuerpo) == ["1 f (41 líneas)"]
    assert forma.funciones_largas("def f():\n" + "    x = 1\n" * 39) == []
    assert forma.funciones_largas("class A:\n    async " + cuerpo.replace("\n", "\n    ").rstrip())
    assert forma.lineas("a\nb\n") == forma.lineas("a\nb") == 2


@pytest.mark.parametrize(
    "captura",
    [
        "try:\n        x()\n    except:\n        pass",
        "try:\n        x()\n    except Exception:\n        pass",
        "try:\n        x()\n    except builtins.BaseException as e:\n        y(e)",
        "try:\n        x()\n    except (OSError, Exception):\n        return",
        "with suppress(Exception):\n        x()",
        "with contextlib.suppress(BaseException):\n        x()",
    ],
)
def test_las_capturas_amplias_se_ven(captura: str) -> None:
    assert [f for f, _ in forma.capturas_amplias(f"def f():\n    {captura}\n")] == ["f"]


def test_las_capturas_justas_pasan() -> None:
    traduce = "try:\n    x()\nexcept Exception as e:\n    raise Otro from e"
    assert forma.capturas_amplias(traduce) == []
    assert forma.capturas_amplias("try:\n    x()\nexcept (OSError, ValueError):\n    pass") == []
    assert forma.capturas_amplias("with suppress(OSError):\n    x()") == []


def test_las_escrituras_y_aserciones_se_ven() -> None:
    assert forma.escrituras("x = 1\nprint(x)\nsys.stderr.write('a')\nconsola.print(x)") == [2, 3]
    assert forma.aserciones("x = 1\nassert x") == [2]


@pytest.mark.parametrize(
    "fuente",
    ["año = 1", "def f(señal): ...", "class Sesión: ...", "x.tamaño", "f(niño=1)", "import a as ñ"],
)
def test_las_letras_raras_se_ven(fuente: str) -> None:
    assert nombres.fuera_de_ascii(fuente) != []


def test_la_prosa_con_acentos_pasa() -> None:
    assert nombres.fuera_de_ascii('"""Sesión del año."""\nx = "ñ"  # señal') == []


def test_un_nombre_perdido_se_ve() -> None:
    fuente = "class A:\n    async def f(self): ...\ndef g(): ..."
    assert nombres.perdidos(fuente, {"A": ("f",), "g": ()}) == []
    assert nombres.perdidos(fuente, {"A": ("f", "h"), "B": (), "g": ()}) == ["B", "A.h"]


def test_esquemas_estados_y_columnas_se_leen() -> None:
    fuente = (
        'X = _esquema("ver", "Mira.", cosa=_texto("a"), **{})\nclass E:\n    A = "a"\n    B = "b"'
    )
    assert nombres.esquemas(fuente)["ver"] == ("cosa",)
    assert nombres.valores_de_clase(fuente, "E") == ("a", "b")
    sql = "CREATE TABLE t (\n    id INTEGER,\n    nombre TEXT NOT NULL,\n    UNIQUE (id)\n)"
    assert nombres.columnas(sql, "t") == {"id", "nombre"}
    assert nombres.columnas(sql, "otra") == set()


def test_arriba_solo_cuenta_lo_que_git_guarda(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("# nota\n/data/\n.env\n*.pyc\n", encoding="utf-8")
    for nombre in ("data", ".git", "vacia", "llena"):
        (tmp_path / nombre).mkdir()
    for nombre in (".env", "a.pyc", "intruso.txt", "llena/x", "data/swarm.db"):
        (tmp_path / nombre).touch()
    assert arriba(tmp_path) == {".gitignore", "intruso.txt", "llena"}
    assert not ignorado("nota", ["# nota", ""])


def test_una_carpeta_de_pruebas_sin_espejo_se_ve() -> None:
    producto = ["agentes/eventos.py", "servicios/llm/flujo.py", "servicios/buzon.py", "main.py"]
    pruebas = ["tests/test_a.py", "tests/agentes/a.py", "tests/llm/x.py", "tests/dobles/y.py"]
    assert carpetas_sin_espejo(pruebas, producto) == set()
    assert carpetas_sin_espejo([*pruebas, "tests/varios/z.py"], producto) == {"varios"}
