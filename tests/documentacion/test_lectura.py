"""El Markdown se lee bien: lo que no se lee no se comprueba."""

from __future__ import annotations

import pytest

from tests.documentacion.lectura import Manual, codigos, diferencias, leer_bloques, leer_tablas

TEXTO = """# Título: uno

Mira [esto](a.md) y [lo otro](#dos-y-más), `make chat`, `servicios/ajustes.py` y ENJAMBRE_DATOS.

<!-- tabla: cosas -->
| A | B |
|---|---|
| `x\\|y` | uno |
| `z`, `w` | |

| sin | ancla |
|---|---|
| no | cuenta |

<!-- ejemplo: uno -->
```json
{"a": 1}
```

```sh
make test
MODEL=ollama:llama3:8b main.py
```

## Dos y más

texto
### Dentro
más
## Tres
"""
MANUAL = Manual("README.es.md", TEXTO)


def test_se_leen_las_tablas_con_ancla_y_solo_esas() -> None:
    assert MANUAL.tablas == {"cosas": [["`x|y`", "uno"], ["`z`, `w`", ""]]}
    assert MANUAL.columna("cosas", 0) == [["x|y"], ["z", "w"]]


def test_una_tabla_repetida_o_vacia_no_pasa() -> None:
    tabla = "<!-- tabla: t -->\n| a |\n|---|\n| b |\n"

    with pytest.raises(ValueError, match="repetida"):
        leer_tablas(tabla + tabla)
    with pytest.raises(ValueError, match="vacía"):
        leer_tablas("<!-- tabla: t -->\n| a |\n|---|\n")


def test_se_leen_los_bloques_con_su_lenguaje_y_su_ancla() -> None:
    assert [(b.lenguaje, b.ancla) for b in MANUAL.bloques] == [
        ("json", "ejemplo: uno"),
        ("sh", ""),
    ]
    assert MANUAL.bloque("ejemplo: uno") == '{"a": 1}'
    assert MANUAL.en("sh") == ["make test\nMODEL=ollama:llama3:8b main.py"]


def test_un_bloque_sin_cerrar_no_cuenta() -> None:
    assert leer_bloques("```sh\nmake") == []


def test_se_leen_los_nombres() -> None:
    assert MANUAL.destinos_de_make == {"chat", "test"}
    assert MANUAL.rutas == {"servicios/ajustes.py"}
    assert MANUAL.variables == {"ENJAMBRE_DATOS"}
    assert MANUAL.modelos == {"ollama:llama3:8b"}
    assert codigos("`a` y `b c`") == ["a", "b c"]


def test_se_leen_los_enlaces_y_los_apartados() -> None:
    assert MANUAL.enlaces == ["a.md", "#dos-y-más"]
    assert MANUAL.apartados == {"título-uno", "dos-y-más", "dentro", "tres"}
    assert MANUAL.apartado("Two", "Dos y más").strip() == "texto\n### Dentro\nmás"
    assert not MANUAL.apartado("Cuatro")


def test_las_diferencias_dicen_lo_que_sobra_y_lo_que_falta() -> None:
    assert diferencias("x", ["a"], ["a"]) == []
    assert diferencias("x", ["a", "b"], ["a", "c"]) == ["x: sobra ['b'], falta ['c']"]
    assert diferencias("x", ["b", "a"], ["a", "b"]) == ["x: otro orden"]
    assert diferencias("x", "4", "5") == ["x: dice '4' y es '5'"]
