"""La reparación de historias: lo que sale lo acepta un proveedor estricto."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from prompts.avisos import MARCA
from servicios.llm.historial import INTERRUMPIDA, adaptar, reparar


def pide(*ids: str) -> AIMessage:
    llamadas = [{"name": "x", "args": {}, "id": i, "type": "tool_call"} for i in ids]
    return AIMessage("", tool_calls=llamadas)


def responde(id_: str, texto: str = "ok") -> ToolMessage:
    return ToolMessage(texto, tool_call_id=id_)


SISTEMA = SystemMessage("eres")
HOLA = HumanMessage("hola")


def es_valida(historia: list[BaseMessage]) -> bool:
    """Comprobación escrita aparte: recorre la historia con las reglas del proveedor."""
    pendientes: list[str] = []
    for i, mensaje in enumerate(historia):
        if isinstance(mensaje, ToolMessage):
            if not pendientes or pendientes.pop(0) != mensaje.tool_call_id:
                return False
            continue
        if pendientes or (isinstance(mensaje, SystemMessage) and i > 0):
            return False
        if not mensaje.content and not getattr(mensaje, "tool_calls", None):
            return False
        if isinstance(mensaje, AIMessage):
            pendientes = [str(ll["id"]) for ll in mensaje.tool_calls]
    return not pendientes and isinstance(historia[-1], HumanMessage | ToolMessage)


def test_una_historia_valida_queda_igual() -> None:
    historia = [SISTEMA, HOLA, pide("a", "b"), responde("a"), responde("b")]
    assert reparar(historia) == historia
    assert all(x is y for x, y in zip(reparar(historia), historia, strict=True))


def test_una_llamada_sin_respuesta_recibe_la_verdad() -> None:
    reparada = reparar([SISTEMA, HOLA, pide("a", "b"), responde("b", "dos"), HOLA])
    assert [m.content for m in reparada[3:5]] == [INTERRUMPIDA, "dos"]
    assert es_valida(reparada)


def test_las_respuestas_vuelven_al_orden_de_las_llamadas() -> None:
    reparada = reparar([SISTEMA, HOLA, pide("a", "b"), responde("b"), responde("a")])
    ids = [m.tool_call_id for m in reparada if isinstance(m, ToolMessage)]
    assert ids == ["a", "b"]


@pytest.mark.parametrize(
    "historia",
    [
        [SISTEMA, responde("z"), HOLA],
        [SISTEMA, HOLA, pide("a"), responde("a"), responde("a", "otra vez")],
        [SISTEMA, HOLA, AIMessage(""), HumanMessage("  ")],
        [SISTEMA, HOLA, SystemMessage("aviso tardío")],
        [SISTEMA, HOLA, AIMessage("respondí")],
        [SISTEMA],
        [SISTEMA, HOLA, pide("a"), HOLA, responde("a")],
        [SISTEMA, HOLA, pide("a"), AIMessage("sigo"), HOLA],
    ],
)
def test_cada_defecto_se_repara(historia: list[BaseMessage]) -> None:
    assert not es_valida(historia)
    assert es_valida(reparar(historia))


def test_un_sistema_tardio_entra_como_notificacion_en_su_sitio() -> None:
    reparada = reparar([SISTEMA, HOLA, SystemMessage("terminó"), HumanMessage("¿y?")])
    assert isinstance(reparada[2], HumanMessage)
    assert reparada[2].text == f"{MARCA} terminó"


def test_adaptar_admite_texto_sistema_y_mensajes() -> None:
    assert adaptar("hola") == HOLA
    assert adaptar(SystemMessage(f"{MARCA} x")).text == f"{MARCA} x"
    assert adaptar(HOLA) is HOLA


def test_diez_mil_historias_al_azar_salen_validas() -> None:
    azar = random.Random(7)
    piezas: list[Callable[[], BaseMessage]] = [
        lambda: HOLA,
        lambda: HumanMessage(""),
        lambda: AIMessage("texto"),
        lambda: AIMessage(""),
        lambda: pide(*azar.sample("abcd", azar.randint(1, 3))),
        lambda: responde(azar.choice("abcd")),
        lambda: SystemMessage("tarde"),
    ]
    for _ in range(10_000):
        historia = [azar.choice(piezas)() for _ in range(azar.randint(0, 9))]
        assert es_valida(reparar([SISTEMA, *historia])), historia
