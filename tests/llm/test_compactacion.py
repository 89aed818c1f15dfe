"""Compactar: qué se queda, que ninguna ronda se rompe y que el resumen es honesto."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from prompts.avisos import directiva, notificacion
from servicios.llm.compactacion import Partes, Topes, es_resumen, partir
from servicios.llm.historial import aceptado, reparar
from servicios.llm.medidas_contexto import Contexto, medir
from servicios.llm.resumen import acotar, pedir_resumen, resumen_de_emergencia

TOPES = Topes(cola=400, directivas=200, resumen=20, peticion=2_000)
CONSOLA, PROBLEMA = "ejecutar_comando_consola", "reportar_problema"


def ronda(n: int, largo: int = 200, nombre: str = CONSOLA) -> list[BaseMessage]:
    llamada = {"name": nombre, "args": {"command": f"orden {n}"}, "id": f"c{n}"}
    return [
        AIMessage("", tool_calls=[llamada]),
        ToolMessage(f"salida {n} " + "x" * largo, tool_call_id=f"c{n}", name=nombre),
    ]


def historia(*rondas: Sequence[BaseMessage]) -> list[BaseMessage]:
    principio: list[BaseMessage] = [SystemMessage("eres"), HumanMessage("la tarea")]
    return principio + [m for r in rondas for m in r]


def compactada(mensajes: Sequence[BaseMessage], topes: Topes = TOPES) -> list[BaseMessage]:
    partes = partir(mensajes, topes)
    assert partes is not None
    return partes.con_resumen("en resumen")


def test_quedan_el_sistema_la_tarea_el_resumen_y_las_ultimas_rondas() -> None:
    antes = historia(*(ronda(n) for n in range(40)))
    despues = compactada(antes)
    assert despues[:2] == antes[:2]
    assert es_resumen(despues[2])
    assert despues[2].text.endswith("\nen resumen")
    assert despues[3:] == antes[-len(despues) + 3 :]
    assert len(despues) < 20
    assert isinstance(despues[3], AIMessage)


def test_lo_que_no_tiene_respuesta_se_queda_entero() -> None:
    pendiente = [HumanMessage(notificacion("a-1 terminó: todo")), HumanMessage("¿y bien?")]
    antes = historia(*(ronda(n) for n in range(40)), ronda(40, 8_000), pendiente)
    despues = compactada(antes)
    assert despues[-4:] == antes[-4:]


def test_una_ronda_abierta_se_queda_entera_aunque_ocupe_mas_que_su_parte() -> None:
    llamadas = [{"name": CONSOLA, "args": {"command": c}, "id": c} for c in "abc"]
    abierta = [
        AIMessage("", tool_calls=llamadas),
        ToolMessage("y" * 9_000, tool_call_id="a", name=CONSOLA),
        ToolMessage("z" * 9_000, tool_call_id="b", name=CONSOLA),
    ]
    despues = compactada(historia(*(ronda(n) for n in range(30)), abierta))
    assert despues[-3:] == abierta


def test_quedan_las_directivas_abiertas_y_no_las_que_ya_se_atendieron() -> None:
    vieja, nueva = (HumanMessage(directiva("master", t)) for t in ("usa /var", "usa /srv"))
    antes = historia(
        ronda(0),
        [*ronda(1, nombre=PROBLEMA), vieja],
        ronda(2),
        [*ronda(3, nombre=PROBLEMA), nueva],
        *(ronda(n) for n in range(4, 40)),
    )
    despues = compactada(antes)
    assert nueva in despues
    assert vieja not in despues
    otra_vez = compactada(despues + [m for n in range(50, 90) for m in ronda(n)])
    assert nueva in otra_vez
    assert sum(map(es_resumen, otra_vez)) == 1


def test_queda_la_ultima_peticion_de_la_persona_aunque_sea_vieja() -> None:
    lineas = [[HumanMessage(f"línea {n}"), *ronda(n)] for n in range(10)]
    antes = historia(*lineas, *(ronda(n) for n in range(10, 40)))
    despues = [m.text for m in compactada(antes)]
    assert "la tarea" in despues
    assert "línea 9" in despues
    assert "línea 8" not in despues


def test_sin_nada_que_ganar_no_se_compacta() -> None:
    assert partir([], TOPES) is None
    assert partir(historia([HumanMessage("y" * 90_000)]), TOPES) is None
    assert partir(historia(ronda(1, 90_000)), TOPES) is None
    assert partir(compactada(historia(*(ronda(n) for n in range(40)))), TOPES) is None


@pytest.mark.parametrize("semilla", range(300))
def test_compactar_nunca_rompe_una_ronda_ni_deja_huerfanas(semilla: int) -> None:
    azar = random.Random(semilla)
    antes = _al_azar(azar)
    topes = Topes(azar.randrange(2_000), azar.randrange(200), azar.randrange(50), 2_000)
    partes = partir(antes, topes)
    if partes is None:
        return
    despues = partes.con_resumen("r")
    # Reparar después de compactar no inventa ni quita nada que no hiciera falta antes.
    inventadas = [m for m in reparar(despues) if not any(m is d for d in despues)]
    de_antes = [m.text for m in reparar(antes) if not any(m is a for a in antes)]
    assert [m.text for m in inventadas] == de_antes[len(de_antes) - len(inventadas) :]
    enviados = {id(m) for m in reparar(antes)}
    perdidos = [m for m in despues if isinstance(m, ToolMessage) and id(m) in enviados]
    assert all(any(m is r for r in reparar(despues)) for m in perdidos)
    # Lo que aún no tiene respuesta, la tarea y el sistema siguen ahí, una vez y en orden.
    sin_contestar = antes[aceptado(antes) :]
    assert despues[len(despues) - len(sin_contestar) :] == sin_contestar
    assert [m for m in despues if not es_resumen(m)] == [
        m for m in antes if any(m is d for d in despues)
    ]
    assert antes[0] is despues[0]
    assert next(m for m in antes if isinstance(m, HumanMessage)) in despues


def _al_azar(azar: random.Random) -> list[BaseMessage]:
    """Una historia como las que hay: rondas de varias llamadas, avisos, y la última a medias."""
    mensajes = historia()
    for n in range(azar.randrange(1, 40)):
        cuantas = azar.randrange(4)
        ids = [f"c{n}-{i}" for i in range(cuantas)]
        nombre = azar.choice([CONSOLA, CONSOLA, CONSOLA, PROBLEMA])
        mensajes.append(
            AIMessage(f"t{n}", tool_calls=[{"name": nombre, "args": {}, "id": i} for i in ids])
        )
        for id_ in ids:
            largo = azar.randrange(1, 900)
            mensajes.append(ToolMessage("s" * largo, tool_call_id=id_, name=nombre))
        for _ in range(azar.randrange(3)):
            texto = azar.choice([directiva("master", f"d{n}"), notificacion(f"n{n}"), f"l{n}"])
            mensajes.append(HumanMessage(texto))
    quitar = azar.randrange(3)
    return mensajes[: len(mensajes) - quitar] if len(mensajes) > 6 else mensajes


# --- el resumen -------------------------------------------------------------------------


def _partes(*rondas: Sequence[BaseMessage]) -> Partes:
    partes = partir(historia(*rondas), TOPES)
    assert partes is not None
    return partes


@pytest.mark.parametrize(("cuantas", "largo"), [(20, 300), (60, 5_000), (900, 2_000)])
def test_la_peticion_de_resumen_cabe_siempre_y_son_datos(cuantas: int, largo: int) -> None:
    partes = _partes(*(ronda(n, largo) for n in range(cuantas)))
    peticion = pedir_resumen(partes, "ejecutor-1", "los puertos", TOPES)
    assert [type(m) for m in peticion] == [SystemMessage, HumanMessage]
    assert sum(map(medir, peticion)) <= TOPES.peticion + 50
    assert "ejecutor-1" in peticion[0].text
    assert "los puertos" in peticion[0].text
    lineas = [json.loads(linea) for linea in peticion[1].text.splitlines()]
    assert lineas[0] == {"quien": "persona", "texto": "la tarea", "se_conserva": True}
    assert lineas[1]["llamadas"][0]["nombre"] == CONSOLA
    assert {linea["quien"] for linea in lineas} <= {"persona", "modelo", "herramienta", "sistema"}


def test_el_resumen_de_emergencia_dice_lo_que_falta_y_donde_esta() -> None:
    primera = _partes(*(ronda(n) for n in range(40)))
    texto = resumen_de_emergencia(primera, "el modelo no respondió", TOPES)
    assert f"Faltan {len(primera.resumibles)} mensajes" in texto
    assert "bitácora" in texto
    assert f"{CONSOLA} × " in texto
    hablado = primera.con_resumen("el puerto es 8080")
    partes = partir(hablado + [m for n in range(40) for m in ronda(n)], TOPES)
    assert partes is not None
    segundo = resumen_de_emergencia(partes, "otra vez", TOPES)
    assert "Lo resumido antes: el puerto es 8080" in segundo


def test_un_resumen_largo_se_acota_y_lo_dice() -> None:
    assert acotar("corto", TOPES) == "corto"
    largo = acotar("palabra " * 500, TOPES)
    assert medir(HumanMessage(largo)) < 2 * TOPES.resumen
    assert "caracteres …]" in largo


# --- cuánto cabe ------------------------------------------------------------------------


def test_la_medida_se_corrige_con_lo_que_cobra_el_proveedor() -> None:
    contexto = Contexto(10_000, 500)
    assert contexto.tokens(1_500) == 2_000
    contexto.corregir(1_500, 4_000)
    assert contexto.tokens(1_500) == 4_000
    assert contexto.lleno(3_600)
    assert not contexto.lleno(3_400)
    contexto.corregir(1_500, 0)
    assert contexto.tokens(1_500) == 4_000, "cero es que no lo dijo"


def test_sin_saber_el_limite_se_supone_y_si_no_cabe_se_aprende() -> None:
    contexto = Contexto(0, 0)
    assert contexto.limite == 128_000
    contexto.no_cupo(8_000)
    assert contexto.limite == 7_200
    assert contexto.lleno(8_000)
