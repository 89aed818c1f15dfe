"""Los tipos de agente: un archivo malo se nombra con su clave y los demás se cargan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentes.definicion import CLAVES_OPCIONALES, Existencias, cargar_definiciones
from agentes.errores import ErrorConfiguracion, ErrorPlantilla
from agentes.perfil_consola import Aprobacion, Espacio, PerfilConsola, Red, Regla, Veredicto
from agentes.presupuesto import Presupuesto, Recurso
from servicios.llm.preajustes import PREAJUSTES

BUENO: dict[str, Any] = {
    "agent_type": "bueno",
    "rol": "r",
    "objetivo": "o",
    "instruction_prompt_file": "p.md",
    "available_tools": ["consola", "reportar_resultado_final"],
}


def leer_prompt(nombre: str) -> str:
    if nombre != "p.md":
        raise ErrorPlantilla(f"no se puede leer prompts/{nombre}")
    return 'Eres {agent_name} y usas llaves {así} {"json": 1}'


def comprobar_modelo(texto: str) -> None:
    if not texto.startswith("demo"):
        raise ErrorConfiguracion(f"no se sabe qué modelo es «{texto}»")


HAY = Existencias({"consola", "reportar_resultado_final"}, leer_prompt, comprobar_modelo)


def escribir(carpeta: Path, nombre: str, **cambios: Any) -> None:
    datos = {k: v for k, v in {**BUENO, **cambios}.items() if v is not ...}
    (carpeta / nombre).write_text(json.dumps(datos), encoding="utf-8")


@pytest.mark.parametrize(
    ("cambios", "clave"),
    [
        ({"rol": ...}, "«rol»: falta"),
        ({"agent_type": ...}, "«agent_type»: falta"),
        ({"available_tools": ...}, "«available_tools»: falta"),
        ({"sobra": 1}, "«sobra»: clave desconocida"),
        ({"rol": 3}, "«rol»: ha de ser texto"),
        ({"rol": "  "}, "«rol»: está vacía"),
        ({"available_tools": "consola"}, "«available_tools»: ha de ser una lista"),
        ({"available_tools": ["volar"]}, "no existe la herramienta «volar»"),
        ({"available_tools": [1]}, "«available_tools»: solo nombres"),
        ({"available_tools": ["consola"]}, "falta reportar_resultado_final"),
        ({"available_tools": ["consola"] * 2}, "repetidas"),
        ({"max_iterations": True}, "«max_iterations»: ha de ser un entero"),
        ({"max_iterations": 0}, "«max_iterations»: ha de ser mayor que cero"),
        ({"limite_comando_s": "2"}, "«limite_comando_s»: ha de ser un número"),
        ({"model": "nadie:x"}, "«model»: no se sabe qué modelo es «nadie:x»"),
        ({"modelos_respaldo": "demo"}, "«modelos_respaldo»: ha de ser una lista"),
        ({"modelos_respaldo": [3]}, "«modelos_respaldo»: solo «proveedor:modelo» (texto)"),
        ({"modelos_respaldo": [" "]}, "«modelos_respaldo»: solo «proveedor:modelo» (texto)"),
        ({"modelos_respaldo": ["demo"] * 2}, "«modelos_respaldo»: hay un modelo repetido"),
        (
            {"model": "demo", "modelos_respaldo": ["demo"]},
            "«modelos_respaldo»: hay un modelo repetido",
        ),
        (
            {"modelos_respaldo": ["nadie:x"]},
            "«modelos_respaldo»: no se sabe qué modelo es «nadie:x»",
        ),
        ({"instruction_prompt_file": "no.md"}, "«instruction_prompt_file»: no se puede leer"),
        ({"agent_type": "../../x"}, "«agent_type»: solo letras"),
        ({"agent_type": "bueno"}, "«agent_type»: «bueno» ya existe"),
    ],
)
def test_un_archivo_malo_nombra_archivo_y_clave(
    tmp_path: Path, cambios: dict[str, Any], clave: str
) -> None:
    escribir(tmp_path, "a_bueno.json")
    escribir(tmp_path, "malo.json", **{"agent_type": "malo", **cambios})
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert list(validas) == ["bueno"]
    assert len(errores) == 1
    assert errores[0].startswith("agentes_json/malo.json: ")
    assert clave in errores[0]
    assert "\n" not in errores[0]


@pytest.mark.parametrize(
    ("contenido", "dice"),
    [
        (b'{"agent_type": ', "JSON roto en la línea 1"),
        (b"[1, 2]", "ha de ser un objeto"),
        ('{"rol": "ñ"}'.encode("latin-1"), "no está en UTF-8"),
        (b" " * 10_000_000, "pasa de 1 MiB"),
        (b'{"rol": "a", "rol": "b"}', "«rol»: clave repetida"),
        (b"[" * 100_000, "JSON que no se puede leer"),
        (b"", "JSON roto"),
    ],
)
def test_un_archivo_ilegible_no_impide_cargar_los_demas(
    tmp_path: Path, contenido: bytes, dice: str
) -> None:
    escribir(tmp_path, "bueno.json")
    (tmp_path / "malo.json").write_bytes(contenido)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert list(validas) == ["bueno"]
    assert len(errores) == 1
    assert errores[0].startswith("agentes_json/malo.json")
    assert dice in errores[0]


GIT_STATUS = {"decision": "permitir", "orden": ["git", "status"]}


@pytest.mark.parametrize(
    ("cambios", "dice"),
    [
        (
            {"espacio": "ajeno"},
            "«espacio»: «ajeno» no vale; los valores que hay: propio, proyecto,",
        ),
        ({"red": "toda"}, "«red»: «toda» no vale; los valores que hay: ninguna, lista, libre"),
        ({"red": True}, "«red»: ha de ser texto"),
        ({"evidencias": "orden"}, "«evidencias»: ha de ser una lista"),
        ({"evidencias": ["fe"]}, "«fe» no es una clase de evidencia; las que hay: archivo, orden,"),
        ({"evidencias": [["orden"]]}, "no es una clase de evidencia"),
        ({"evidencias": ["sql", "sql"]}, "«evidencias»: hay clases repetidas"),
        ({"aprobacion": "nunca"}, "en_aislamiento_libre, estricta, nunca_preguntar"),
        ({"limite_memoria_mb": "1"}, "«limite_memoria_mb»: ha de ser un entero"),
        ({"limite_procesos": 0}, "«limite_procesos»: ha de ser mayor que cero"),
        ({"max_trabajos": 1.5}, "«max_trabajos»: ha de ser un entero"),
        ({"vida_trabajo_s": -1}, "«vida_trabajo_s»: ha de ser mayor que cero"),
        ({"reglas": GIT_STATUS}, "«reglas»: ha de ser una lista"),
        ({"reglas": ["git status"]}, "«reglas»: elemento 1: ha de ser {"),
        ({"reglas": [GIT_STATUS, {**GIT_STATUS, "x": 1}]}, "«reglas»: elemento 2: ha de ser {"),
        ({"reglas": [{**GIT_STATUS, "decision": "sí"}]}, "permitir, preguntar, denegar"),
        ({"reglas": [{**GIT_STATUS, "decision": []}]}, "permitir, preguntar, denegar"),
        ({"reglas": [{**GIT_STATUS, "orden": []}]}, "«orden»: ha de ser una lista de palabras"),
        ({"reglas": [{**GIT_STATUS, "orden": "git status"}]}, "«orden»: ha de ser una lista"),
        ({"reglas": [{**GIT_STATUS, "orden": ["git", ""]}]}, "«orden»: solo palabras"),
        ({"reglas": [{**GIT_STATUS, "orden": ["git push"]}]}, "un elemento por argumento"),
        ({"reglas": [{**GIT_STATUS, "orden": ["git*"]}]}, "un elemento por argumento"),
        ({"reglas": [GIT_STATUS, GIT_STATUS]}, "«reglas»: hay elementos repetidos"),
        ({"red": "lista"}, "«red_destinos»: hace falta al menos un"),
        ({"red": "lista", "red_destinos": []}, "«red_destinos»: hace falta al menos un"),
        ({"red_destinos": ["a.es:443"]}, "«red_destinos»: solo vale con «red»: «lista»"),
        ({"red": "libre", "red_destinos": []}, "solo vale con «red»: «lista», y es «libre»"),
        *(
            ({"red": "lista", "red_destinos": [malo]}, "«red_destinos»: elemento 1: ha de ser")
            for malo in (
                "a.es",
                "a.es:0",
                "a.es:70000",
                "*:443",
                "*a.es:1",
                "http://a:1",
                "-a:1",
                1,
            )
        ),
        ({"variables": ["1A"]}, "«variables»: elemento 1: «1A» no es un nombre de variable"),
        ({"variables": ["A=1"]}, "no es un nombre de variable"),
        *(
            ({"variables": ["TZ", mala]}, f"«variables»: elemento 2: «{mala}» no se puede pasar")
            for mala in (
                *("PATH", "LD_PRELOAD", "PYTHONPATH", "BASH_ENV", "IFS", "HOME"),
                *("GITHUB_TOKEN", "MI_CLAVE", "DB_PASSWORD", "PGPASSWORD", "SSH_AUTH_SOCK"),
                *("aws_secret_access_key", "GEMINI_API_KEY", "MYSQL_PWD", "SENTRY_DSN"),
                *("MY_PAT", "GITHUB_PAT", "SWARM_CANARIO", "SESSION", "DATABASE_URL"),
                *("NODE_OPTIONS", "GIT_SSH_COMMAND", "PERL5OPT", "RUBYOPT"),
                *(p.variable_clave for p in PREAJUSTES.values() if p.variable_clave),
            )
        ),
    ],
)
def test_una_consola_mala_nombra_la_clave_y_lo_que_admite(
    tmp_path: Path, cambios: dict[str, Any], dice: str
) -> None:
    escribir(tmp_path, "malo.json", **cambios)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert validas == {}
    (error,) = errores
    assert error.startswith("agentes_json/malo.json: ")
    assert dice in error
    assert "\n" not in error


def test_sin_claves_de_consola_el_perfil_es_el_seguro(tmp_path: Path) -> None:
    escribir(tmp_path, "b.json")
    validas, _ = cargar_definiciones(tmp_path, HAY)
    perfil = validas["bueno"].consola
    assert perfil == PerfilConsola()
    assert (perfil.espacio, perfil.red) == (Espacio.PROPIO, Red.NINGUNA)
    assert perfil.aprobacion is Aprobacion.EN_AISLAMIENTO_LIBRE


NINGUN_COMANDO = {Recurso.COMANDOS: 0}


@pytest.mark.parametrize(
    ("presupuesto", "dice"),
    [
        ({"euros": 3}, "«euros» no es un recurso; los que hay: tokens, usd,"),
        ({"tokens": -1}, "tokens: ha de ser un número desde 0"),
        ({"tokens": 10**400}, "tokens: ha de ser un número desde 0, y razonable"),
        ({"tokens": 1.5}, "tokens: ha de ser un número entero"),
        ({"usd": "1"}, "«usd» ha de ser un número"),
        ({"usd": True}, "«usd» ha de ser un número"),
        ({"solo": 3}, "«solo» ha de ser un objeto"),
        ({"solo": {"solo": {}}}, "«solo» no es un recurso"),
    ],
)
def test_un_presupuesto_malo_nombra_lo_que_admite(
    tmp_path: Path, presupuesto: dict[str, Any], dice: str
) -> None:
    escribir(tmp_path, "malo.json", presupuesto=presupuesto)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert validas == {}
    (error,) = errores
    assert error.startswith("agentes_json/malo.json: «presupuesto»: ")
    assert dice in error


PERFIL: dict[str, Any] = {
    "limite_comando_s": 1.5,
    "limite_salida": 500,
    "limite_memoria_mb": 64,
    "limite_procesos": 7,
    "limite_archivo_mb": 8,
    "limite_espacio_mb": 9,
    "max_trabajos": 1,
    "vida_trabajo_s": 30,
}


def test_las_claves_opcionales_llegan(tmp_path: Path) -> None:
    textos = {"espacio": "proyecto", "red": "lista", "aprobacion": "estricta"}
    listas = {
        "red_destinos": ["PyPI.org:443", "*.ejemplo.es:8080"],
        "reglas": [GIT_STATUS, {"decision": "denegar", "orden": ["git"]}],
        "variables": ["EDITOR_X", "lc_x"],
    }
    todas = {**PERFIL, **textos, **listas}
    modelos = {"model": "demo", "modelos_respaldo": ["demo:a", "demo:b"]}
    propias = {**modelos, "max_iterations": 3, "evidencias": ["orden", "cualquiera"]}
    propias |= {"presupuesto": {"tokens": 9000, "usd": 0.5, "solo": {"comandos": 0}}}
    assert {*propias, *todas} == CLAVES_OPCIONALES.keys()
    escribir(tmp_path, "b.json", **propias, **todas)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert errores == []
    tipo = validas["bueno"]
    assert (tipo.model, tipo.max_iterations) == ("demo", 3)
    assert tipo.presupuesto == Presupuesto({Recurso.TOKENS: 9000, Recurso.USD: 0.5}, NINGUN_COMANDO)
    assert tipo.modelos_respaldo == ("demo:a", "demo:b")
    assert tipo.evidencias == ("orden", "cualquiera")
    assert tipo.consola == PerfilConsola(
        **PERFIL,
        espacio=Espacio.PROYECTO,
        red=Red.LISTA,
        aprobacion=Aprobacion.ESTRICTA,
        red_destinos=("pypi.org:443", "*.ejemplo.es:8080"),
        reglas=(
            Regla(Veredicto.PERMITIR, ("git", "status")),
            Regla(Veredicto.DENEGAR, ("git",)),
        ),
        variables=("EDITOR_X", "lc_x"),
    )
