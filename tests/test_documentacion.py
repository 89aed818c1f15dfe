"""Los dos README y `.env.example` dicen lo que hace el código; y cada comprobación sabe fallar."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ
from servicios.registros.esquema.esquema import TABLAS
from servicios.registros.esquema.vistas import VISTAS
from tests.documentacion.comprobaciones import (
    COMPROBACIONES,
    Comprobacion,
    ejemplo_de_env,
    gemelos,
)
from tests.documentacion.lectura import Esquema, Manual, diferencias
from tests.registros.sesion_de_ejemplo import bitacora

NOMBRES = ("README.md", "README.es.md")
MANUALES = {nombre: Manual(nombre, (RAIZ / nombre).read_text("utf-8")) for nombre in NOMBRES}
TABLAS_DEL_MANUAL = tuple(MANUALES["README.md"].tablas)


@pytest.fixture
async def esquema(tmp_path: Path) -> Esquema:
    """Lo que hay de verdad en una base recién creada."""
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta):
        pass
    with closing(sqlite3.connect(ruta)) as db:
        nombres = db.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            " AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            n: [c[1] for c in db.execute(f"PRAGMA table_info({n})").fetchall()] for (n,) in nombres
        }


def quejas(manual: Manual, esquema: Esquema) -> list[str]:
    """Todas las de un manual, también contra su gemelo."""
    (otro,) = [m for m in MANUALES.values() if m.nombre != manual.nombre]
    propias = [queja for mirar in COMPROBACIONES for queja in mirar(manual, esquema)]
    return propias + gemelos(manual, otro)


@pytest.mark.parametrize("comprobacion", COMPROBACIONES, ids=lambda c: str(c.__name__))
@pytest.mark.parametrize("nombre", NOMBRES)
async def test_el_manual_dice_lo_que_hace_el_codigo(
    nombre: str, comprobacion: Comprobacion, esquema: Esquema
) -> None:
    assert comprobacion(MANUALES[nombre], esquema) == []


def test_los_dos_manuales_son_gemelos() -> None:
    assert gemelos(*MANUALES.values()) == []


def test_el_ejemplo_de_env_tiene_todas_las_variables_y_sus_valores() -> None:
    assert ejemplo_de_env((RAIZ / ".env.example").read_text("utf-8")) == []


async def test_cada_tabla_y_cada_vista_de_la_base_esta_declarada(esquema: Esquema) -> None:
    assert diferencias("declaradas", sorted(esquema), sorted({**TABLAS, **VISTAS})) == []


# --- las comprobaciones saben fallar ----------------------------------------------------


@pytest.mark.parametrize("tabla", TABLAS_DEL_MANUAL)
@pytest.mark.parametrize("nombre", NOMBRES)
async def test_quitar_o_inventar_una_fila_se_nota(
    nombre: str, tabla: str, esquema: Esquema
) -> None:
    lineas = MANUALES[nombre].texto.split("\n")
    primera = lineas.index(f"<!-- tabla: {tabla} -->") + 3
    celdas = lineas[primera].count("|") - lineas[primera].count("\\|") - 1
    inventada = "| " + " | ".join(["`inventado`"] * celdas) + " |"
    sin_fila = [*lineas[:primera], *lineas[primera + 1 :]]
    con_otra = [*lineas[:primera], inventada, *lineas[primera:]]

    assert quejas(Manual(nombre, "\n".join(sin_fila)), esquema)
    assert quejas(Manual(nombre, "\n".join(con_otra)), esquema)


ROTURAS = (
    ("make chat", "make charla"),
    ("`ENJAMBRE_MAX_RONDAS` | `12`", "`ENJAMBRE_MAX_RONDAS` | `13`"),
    ("`NO_COLOR`", "`ENJAMBRE_COLOR`"),
    ("MODEL=groq", "MODEL=grokk"),
    ("`qwen3`", "`qwen2`"),
    ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1"),
    ("`/ver ID`", "`/ver`"),
    ("`Alt-Enter`", "`Shift-Enter`"),
    ("`problem: TEXT`", "`problem TEXT`"),
    ("`limite_salida` | ", "`limite_salida` | x"),
    ("`agent_id`, `desde`", "`agent_id`"),
    ("`130`", "`131`"),
    ("`jsonl`", "`yaml`"),
    ("`paused`", "`waiting`"),
    ("`llm_call`", "`llm_error`"),
    ("`fila`, `paso`", "`fila`, `escalon`"),
    ("`op`, `intento`, `hash`", "`op`, `hash`"),
    ("](LICENSE)", "](LICENCIA)"),
    ("](.env.example)", "](#ninguno)"),
    ("servicios/consola/", "servicios/concha/"),
    ("10001", "10002"),
    ("| `landlock` |", "| `landlook` |"),
    ("--aislamiento local", "--aislamiento nada"),
    ("`tuberia_retenida`", "`tuberia_rota`"),
    ("(`600`)", "(`601`)"),
    ("`propio`", "`suyo`"),
    ("`enjambre_datos`", "`otros_datos`"),
    ("`SWARM_CPUS` | `1`", "`SWARM_CPUS` | `2`"),
    ("make docker", "make contenedor"),
    ("`ENJAMBRE_AISLAMIENTO` | `auto`", "`ENJAMBRE_AISLAMIENTO` | `local`"),
    ("--salida json", "--salida yaml"),
    ("`--por`", "`--segun`"),
    ("`auditar errores`", "`auditar fallos`"),
    ("FROM v_comandos", "FROM v_ordenes"),
    ("\n- ", "\n- \n- "),
)


@pytest.mark.parametrize(("bueno", "roto"), ROTURAS, ids=[roto.strip() for _, roto in ROTURAS])
@pytest.mark.parametrize("nombre", NOMBRES)
async def test_una_mentira_pequena_se_nota(
    nombre: str, bueno: str, roto: str, esquema: Esquema
) -> None:
    texto = MANUALES[nombre].texto
    assert bueno in texto

    assert quejas(Manual(nombre, texto.replace(bueno, roto)), esquema)


@pytest.mark.parametrize(
    ("bueno", "roto"),
    [
        ("#XAI_API_KEY=", "#XAI_KEY="),
        ("#OPENAI_API_KEY=\n", ""),
        ("ENJAMBRE_REINTENTOS=4", "ENJAMBRE_REINTENTOS=5"),
        ("https://api.x.ai/v1", "https://api.x.ai/v2"),
    ],
)
def test_una_mentira_en_el_ejemplo_de_env_se_nota(bueno: str, roto: str) -> None:
    texto = (RAIZ / ".env.example").read_text("utf-8")
    assert bueno in texto

    assert ejemplo_de_env(texto.replace(bueno, roto))
