"""El detector de vueltas: qué se repite, a las cuántas, y qué no es una vuelta."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from prompts.avisos import RECUERDO, VACIA, aviso_de_vueltas, directiva
from servicios.llm.vueltas import Patron, Umbrales, Vuelta, mirar

Turno = tuple[str, str, str]
"""Herramienta, argumento y resultado."""

_MARCAS = itertools.count()

INICIO: list[BaseMessage] = [SystemMessage("eres"), HumanMessage("haz")]


def consola(orden: str, salida: str = "", error: str = "", codigo: int = 0) -> Turno:
    """Una orden tal como la lee el modelo: con marcas distintas cada vez."""
    marca = f"m{next(_MARCAS)}"
    datos = {"inicio_datos": marca, "salida": salida, "error": error, "codigo": codigo}
    return "ejecutar_comando_consola", orden, json.dumps({**datos, "fin_datos": marca})


class Agente:
    """Una historia que crece turno a turno, con lo que el vigía dijo en cada uno."""

    def __init__(self) -> None:
        self.historia = list(INICIO)
        self.pasos: list[tuple[int, Vuelta]] = []

    def turno(self, *llamadas: Turno) -> None:
        n = len(self.historia)
        pedidas = [
            {"name": nombre, "args": {"x": arg}, "id": f"c{n}-{i}", "type": "tool_call"}
            for i, (nombre, arg, _) in enumerate(llamadas)
        ]
        self.historia.append(AIMessage("", tool_calls=pedidas))
        self.historia += [
            ToolMessage(resultado, tool_call_id=f"c{n}-{i}", name=nombre)
            for i, (nombre, _, resultado) in enumerate(llamadas)
        ]
        self.mirar()

    def mirar(self) -> None:
        vuelta = mirar(self.historia, Umbrales())
        if vuelta is not None:
            self.pasos.append((vuelta.paso, vuelta))
            self.historia.append(HumanMessage(aviso_de_vueltas(str(vuelta), vuelta.paso)))

    def turnos(self, turnos: Sequence[Turno]) -> Agente:
        for turno in turnos:
            self.turno(turno)
        return self

    @property
    def resumen(self) -> list[tuple[int, Patron, int]]:
        return [(paso, v.patron, v.veces) for paso, v in self.pasos]


def test_la_misma_llamada_con_lo_mismo_va_por_pasos() -> None:
    agente = Agente().turnos([consola("ls", "a") for _ in range(10)])
    assert agente.resumen == [
        (1, Patron.REPETIDA, 4),
        (2, Patron.REPETIDA, 6),
        (3, Patron.REPETIDA, 8),
    ]
    assert "ejecutar_comando_consola «ls»" in str(agente.pasos[0][1])


def test_muchas_iguales_en_un_turno_cuentan_todas() -> None:
    agente = Agente()
    agente.turno(*(consola("ls", "a") for _ in range(7)))
    assert agente.resumen == [(2, Patron.REPETIDA, 7)]


@pytest.mark.parametrize("letras", ["AB", "ABC"])
def test_el_vaiven_va_por_pasos(letras: str) -> None:
    vueltas = [consola(letra, f"sale {letra}") for letra in letras * 8]
    agente = Agente().turnos(vueltas)
    assert [(p, patron) for p, patron, _ in agente.resumen] == [
        (1, Patron.CICLO),
        (2, Patron.CICLO),
        (3, Patron.CICLO),
    ]
    assert [veces for *_, veces in agente.resumen] == [3, 5, 7]


def test_los_errores_seguidos_van_por_pasos() -> None:
    malas = [consola(f"orden{n}", error=f"orden{n}: no existe", codigo=127) for n in range(15)]
    assert Agente().turnos(malas).resumen == [
        (1, Patron.ERRORES, 6),
        (2, Patron.ERRORES, 10),
        (3, Patron.ERRORES, 14),
    ]


def test_un_acierto_corta_la_racha_de_errores() -> None:
    malas = [consola(f"orden{n}", error="no", codigo=1) for n in range(30)]
    malas[5::5] = [consola(f"buena{n}", "sí") for n in range(5)]
    assert Agente().turnos(malas).resumen == []


def test_las_negativas_de_un_esquema_son_errores() -> None:
    malas = [("delegate_task", f"x{n}", f"Error: falta algo {n}") for n in range(6)]
    assert Agente().turnos(malas).resumen == [(1, Patron.ERRORES, 6)]


SIN_VUELTAS = {
    "treinta archivos": [consola(f"cat f{n}", f"lo de f{n}") for n in range(30)],
    "treinta archivos iguales": [consola(f"cat f{n}", "vacío") for n in range(30)],
    "un sondeo que cambia": [consola("cat estado", f"{n} %") for n in range(30)],
    "la misma orden, otra salida": [consola("date", f"a las {n}") for n in range(30)],
    "pruebas que van mejor": [
        consola("pytest", "", f"{30 - n} fallos", codigo=1) for n in range(30)
    ],
    "respuestas que no son fallos": [consola(f"test -f f{n}", codigo=1) for n in range(30)],
    "editar y probar": [
        t
        for n in range(15)
        for t in (consola(f"sed -i {n} f", ""), consola("pytest", f"fallan {15 - n}", codigo=1))
    ],
    "un trabajo que sigue vivo": [
        t
        for _ in range(15)
        for t in (
            consola("sleep 30"),
            ("leer_trabajo", "t1", json.dumps({"trabajo": "t1", "vivo": True, "salida": ""})),
        )
    ],
    "tres lentas iguales": [consola("sleep 600 && make") for _ in range(3)],
}


@pytest.mark.parametrize("caso", SIN_VUELTAS)
def test_no_es_una_vuelta(caso: str) -> None:
    assert Agente().turnos(SIN_VUELTAS[caso]).resumen == []


def test_una_directiva_empieza_de_cero() -> None:
    agente = Agente().turnos([consola("ls", "a") for _ in range(3)])
    agente.historia.append(HumanMessage(directiva("master", "mira otra vez")))
    agente.turnos([consola("ls", "a") for _ in range(3)])
    assert agente.resumen == []
    agente.turno(consola("ls", "a"))
    assert agente.resumen == [(1, Patron.REPETIDA, 4)]


def test_el_mismo_problema_con_la_misma_directiva_es_un_vaiven_entre_dos() -> None:
    agente = Agente()
    for _ in range(8):
        agente.turno(("reportar_problema", "no puedo", "Problema entregado; espera la directiva."))
        agente.historia.append(HumanMessage(directiva("jefe-1", "inténtalo otra vez")))
    assert [p for p, *_ in agente.resumen] == [1, 2, 3]
    assert agente.resumen[0][1] is Patron.CICLO


def test_lo_que_dice_el_sistema_no_rompe_ni_hace_vueltas() -> None:
    agente = Agente().turnos([consola("ls", "a") for _ in range(3)])
    agente.historia.append(HumanMessage(RECUERDO))
    agente.turno(consola("ls", "a"))
    assert agente.resumen == [(1, Patron.REPETIDA, 4)]


def test_las_respuestas_vacias_van_por_pasos() -> None:
    agente = Agente().turnos([consola("ls", "a")])
    for _ in range(3):
        agente.historia.append(HumanMessage(VACIA))
        agente.mirar()
    assert [p for p, *_ in agente.resumen] == [1, 2, 3]
    agente.historia.append(HumanMessage(directiva("master", "sigue")))
    agente.historia.append(HumanMessage(VACIA))
    agente.mirar()
    assert agente.resumen[-1] == (1, Patron.VACIAS, 1)


def test_es_funcion_de_la_historia() -> None:
    agente = Agente().turnos([consola("ls", "a") for _ in range(9)])
    rehecha = [type(m).model_validate(m.model_dump()) for m in agente.historia]
    for corte in range(1, len(rehecha) + 1):
        assert mirar(rehecha[:corte], Umbrales()) == mirar(agente.historia[:corte], Umbrales())


def test_los_umbrales_se_pueden_cambiar() -> None:
    agente = Agente().turnos([consola("ls", "a"), consola("ls", "a")])
    assert mirar(agente.historia, Umbrales(repetida=(2, 3, 4))) is not None
