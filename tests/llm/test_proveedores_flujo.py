"""De lo que manda un servidor a los trozos neutrales, por HTTP y con los clientes de verdad."""

from __future__ import annotations

import gc
import json
import time
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)

from agentes.respuestas import Uso
from prompts.tool_definitions import ESQUEMAS, HERRAMIENTAS_AGENTE
from servicios.llm.colector import Colector, Validadores
from servicios.llm.conversiones import PorMensaje
from servicios.llm.destino import Destino
from servicios.llm.flujo import (
    Fin,
    InicioLlamada,
    MensajeUnido,
    Razon,
    Trozo,
    TrozoArgumentos,
    TrozoTexto,
    UsoFlujo,
)
from servicios.llm.proveedores import abrir_modelo
from tests.llm.grabador import (
    GEMINI_HOLA,
    HOLA,
    OPENAI_HOLA,
    candidato,
    de_tipo,
    delta,
    grabar,
    pieza,
    sse,
    trozos_de,
)

ORDEN = {"command": "rm -rf /datos/tmp/búsqueda"}


def recogido(trozos: list[Trozo]) -> AIMessage:
    """El mensaje que el colector guarda de esos trozos."""
    esquema = {"name": "x", "description": "", "parameters": {"type": "object"}}
    colector = Colector(Validadores([esquema]))
    for trozo in trozos:
        colector.tomar(trozo)
    return colector.cerrar().mensaje


@pytest.mark.parametrize(
    ("proveedor", "eventos"), [("openai", OPENAI_HOLA), ("gemini", GEMINI_HOLA)]
)
async def test_un_texto(proveedor: str, eventos: list[dict[str, Any]]) -> None:
    *antes, unido = await trozos_de(proveedor, eventos)
    cruda = "stop" if proveedor == "openai" else "STOP"
    assert antes == [
        TrozoTexto("ho"),
        TrozoTexto("la"),
        Fin(Razon.COMPLETA, cruda),
        UsoFlujo(Uso(7, 2, 0)),
    ]
    assert isinstance(unido, MensajeUnido)
    assert type(unido.mensaje) is AIMessage
    assert unido.mensaje.text == "hola"


async def test_openai_llamadas_en_paralelo_con_argumentos_crudos() -> None:
    crudo = json.dumps(ORDEN)
    trozos = await trozos_de(
        "openai",
        [
            delta(role="assistant", content="Miro."),
            delta(tool_calls=[pieza(0, "", id="a", name="ejecutar_comando_consola")]),
            delta(tool_calls=[pieza(0, crudo[:9])]),
            delta(tool_calls=[pieza(1, "{}", id="b", name="reportar_problema")]),
            delta(tool_calls=[pieza(0, crudo[9:])]),
            delta(fin="tool_calls"),
        ],
    )
    assert de_tipo(trozos, InicioLlamada, TrozoArgumentos, Fin) == [
        InicioLlamada(0, "a", "ejecutar_comando_consola"),
        TrozoArgumentos(0, crudo[:9]),
        InicioLlamada(1, "b", "reportar_problema"),
        TrozoArgumentos(1, "{}"),
        TrozoArgumentos(0, crudo[9:]),
        Fin(Razon.COMPLETA, "tool_calls"),
    ]


async def test_openai_servidores_descuidados() -> None:
    """Sin `index` ni `id`, y dos llamadas con el mismo índice: ninguna se pierde ni se mezcla."""
    sin_indice = await trozos_de(
        "openai",
        [
            delta(
                tool_calls=[pieza(None, "{}", name="uno"), pieza(None, "{}", name="dos")],
                fin="stop",
            )
        ],
    )
    assert de_tipo(sin_indice, InicioLlamada) == [
        InicioLlamada(0, None, "uno"),
        InicioLlamada(1, None, "dos"),
    ]
    repetido = await trozos_de(
        "openai",
        [
            delta(
                tool_calls=[
                    pieza(0, "{}", id="a", name="uno"),
                    pieza(0, '{"x"', id="b", name="dos"),
                ]
            )
        ],
    )
    assert de_tipo(repetido, InicioLlamada, TrozoArgumentos) == [
        InicioLlamada(0, "a", "uno"),
        TrozoArgumentos(0, "{}"),
        InicioLlamada(0, "b", "dos"),
        TrozoArgumentos(0, '{"x"'),
    ]


async def test_un_final_limpio_a_medias_no_trae_fin() -> None:
    openai = await trozos_de(
        "openai", [delta(tool_calls=[pieza(0, '{"command": "rm -rf /dato', id="a", name="x")])]
    )
    gemini = await trozos_de("gemini", [candidato({"text": "a med"})])
    assert de_tipo([*openai, *gemini], Fin) == []
    assert len(de_tipo([*openai, *gemini], MensajeUnido)) == 2


@pytest.mark.parametrize(
    ("proveedor", "cruda", "razon"),
    [
        ("openai", "stop", Razon.COMPLETA),
        ("openai", "tool_calls", Razon.COMPLETA),
        ("openai", "length", Razon.LONGITUD),
        ("openai", "content_filter", Razon.BLOQUEO),
        ("openai", "inventada", Razon.OTRA),
        ("gemini", "STOP", Razon.COMPLETA),
        ("gemini", "MAX_TOKENS", Razon.LONGITUD),
        ("gemini", "SAFETY", Razon.BLOQUEO),
        ("gemini", "PROHIBITED_CONTENT", Razon.BLOQUEO),
        ("gemini", "MALFORMED_FUNCTION_CALL", Razon.OTRA),
    ],
)
async def test_las_razones_del_fin(proveedor: str, cruda: str, razon: Razon) -> None:
    evento = (
        delta(fin=cruda, content="x")
        if proveedor == "openai"
        else candidato({"text": "x"}, fin=cruda)
    )
    assert de_tipo(await trozos_de(proveedor, [evento]), Fin) == [Fin(razon, cruda)]


async def test_gemini_bloquea_la_peticion() -> None:
    trozos = await trozos_de("gemini", [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}])
    assert de_tipo(trozos, Fin) == [Fin(Razon.BLOQUEO, "PROHIBITED_CONTENT")]


async def test_gemini_llamadas_y_uso_que_crece() -> None:
    uso = {"promptTokenCount": 10, "totalTokenCount": 12, "cachedContentTokenCount": 4}
    trozos = await trozos_de(
        "gemini",
        [
            {**candidato({"text": "Miro."}), "usageMetadata": {**uso, "candidatesTokenCount": 2}},
            {
                **candidato(
                    {"functionCall": {"name": "ejecutar_comando_consola", "args": ORDEN}},
                    {"functionCall": {"name": "reportar_problema", "args": {}}},
                    fin="STOP",
                ),
                "usageMetadata": {**uso, "candidatesTokenCount": 9, "totalTokenCount": 19},
            },
        ],
    )
    una, otra = de_tipo(trozos, InicioLlamada)
    assert isinstance(una, InicioLlamada)
    assert isinstance(otra, InicioLlamada)
    assert (una.nombre, otra.nombre) == ("ejecutar_comando_consola", "reportar_problema")
    assert una.indice != otra.indice
    argumentos = {t.indice: t.crudo for t in trozos if isinstance(t, TrozoArgumentos)}
    assert json.loads(argumentos[una.indice]) == ORDEN
    assert json.loads(argumentos[otra.indice]) == {}
    assert de_tipo(trozos, UsoFlujo)[-1] == UsoFlujo(Uso(10, 9, 4))


async def test_las_firmas_de_pensamiento_vuelven_tras_guardar_el_mensaje() -> None:
    firma, otra = "ZmlybWEtMQ==", "ZmlybWEtMg=="
    eventos = [
        candidato({"text": "pienso", "thought": True, "thoughtSignature": otra}),
        candidato(
            {"functionCall": {"name": "x", "args": {}}, "thoughtSignature": firma},
            {"functionCall": {"name": "x", "args": {}}},
            fin="STOP",
        ),
    ]
    async with grabar(sse(eventos)) as g:
        modelo = abrir_modelo(Destino("gemini", "gemini-3.5-flash", g.url), "k", "puerta")
        entero = recogido([t async for t in modelo.emitir(HOLA, HERRAMIENTAS_AGENTE)])
        (leido,) = messages_from_dict(json.loads(json.dumps(messages_to_dict([entero]))))
        assert isinstance(leido, AIMessage)
        respuestas = [ToolMessage("ok", tool_call_id=ll["id"]) for ll in leido.tool_calls]
        historia = [*HOLA, leido, *respuestas]
        _ = [t async for t in modelo.emitir(historia, HERRAMIENTAS_AGENTE)]
        await modelo.cerrar()
    partes = g.cuerpos[1]["contents"][1]["parts"]
    assert [p.get("thoughtSignature") for p in partes] == [otra, firma, None]


async def test_unir_muchos_trozos_no_cuesta_el_cuadrado() -> None:
    """Sumar trozo a trozo 16 KB de argumentos tarda segundos; unirlos una vez, milésimas."""
    cabecera = delta(tool_calls=[pieza(0, '{"command": "', id="a", name="x")])
    cuerpo = [delta(tool_calls=[pieza(0, "abcd")]) for _ in range(4000)]
    cierre = delta(tool_calls=[pieza(0, '"}')], fin="tool_calls")
    antes = time.process_time()
    trozos = await trozos_de("openai", [cabecera, *cuerpo, cierre])
    assert time.process_time() - antes < 3
    assert recogido(trozos).tool_calls[0]["args"] == {"command": "abcd" * 4000}


@pytest.mark.parametrize("fin", ["tool_calls", "length"])
async def test_un_trozo_enorme_no_para_el_bucle(fin: str) -> None:
    """Langchain busca el final de un JSON a medias quitando letras: 40 KB le llevan un segundo."""
    grande = pieza(0, '{"command": "' + "a" * 60_000, id="a", name="x")
    antes = time.process_time()
    await trozos_de("openai", [delta(tool_calls=[grande]), delta(fin=fin)])
    assert time.process_time() - antes < 1


async def test_el_modelo_de_demostracion_entra_por_la_misma_puerta() -> None:
    modelo = abrir_modelo(Destino("demo", "demo"), "sin-clave", "puerta")
    orden = HumanMessage("ejecuta: echo hola")
    trozos = [t async for t in modelo.emitir([orden], [*ESQUEMAS.values()])]
    await modelo.cerrar()
    assert [t.razon for t in trozos if isinstance(t, Fin)] == [Razon.COMPLETA]
    assert len(de_tipo(trozos, UsoFlujo)) == 1
    assert isinstance(trozos[-1], MensajeUnido)


def test_lo_convertido_no_retiene_mensajes_ni_se_confunde() -> None:
    guardadas: PorMensaje[str] = PorMensaje(tope=3)
    mensaje = HumanMessage("")
    for n in range(100):
        mensaje = HumanMessage(f"mensaje {n}")
        assert guardadas.obtener(mensaje, lambda n=n: f"conversión {n}") == f"conversión {n}"  # type: ignore[misc]
        assert guardadas.obtener(mensaje, lambda: "otra") == f"conversión {n}"
    del mensaje
    gc.collect()
    assert len(guardadas) == 0
    vivos = [HumanMessage("igual") for _ in range(5)]
    for numero, vivo in enumerate(vivos):
        guardadas.obtener(vivo, lambda numero=numero: str(numero))  # type: ignore[misc]
    assert len(guardadas) == 3
    assert guardadas.obtener(vivos[4], lambda: "otra") == "4"
    assert guardadas.obtener(vivos[0], lambda: "otra") == "otra"
