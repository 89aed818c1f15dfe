"""El cuerpo que sale por la red es el del cliente de langchain sin tocar, en todos los casos."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

from prompts.avisos import notificacion
from prompts.tool_definitions import ESQUEMAS, HERRAMIENTAS_AGENTE
from servicios.llm.adaptador import ModeloAdaptado
from servicios.llm.cliente_gemini import FuenteGemini
from servicios.llm.cliente_openai import FuenteOpenAI
from servicios.llm.destino import Destino
from tests.llm.grabador import GEMINI_HOLA, OPENAI_HOLA, Grabador, grabar, sse

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FIRMAS = "__gemini_function_call_thought_signatures__"


def llamada(id_: str, nombre: str = "ejecutar_comando_consola", **args: Any) -> dict[str, Any]:
    return {"name": nombre, "args": args, "id": id_, "type": "tool_call"}


SISTEMA = SystemMessage("Eres un agente.\nCuida las tildes: ñ, ü, 漢字, 🐝")
TAREA = HumanMessage("Haz esto: «á»")
DOS = AIMessage("", tool_calls=[llamada("a", command="ls"), llamada("b", command="pwd", n=None)])
RESPUESTAS_DOS = [
    ToolMessage('{"salida": "x", "codigo": 0}', tool_call_id="a"),
    ToolMessage("Error: no existe", tool_call_id="b", status="error", name="con_nombre"),
]
FIRMADO = AIMessage(
    [
        {"type": "thinking", "thinking": "pienso…", "signature": "ZmlybWE="},
        {"type": "text", "text": "voy", "extras": {"signature": "b3RyYQ=="}, "index": 1},
    ],
    tool_calls=[llamada("f", command="id", x=1.0), llamada("g", command="ls")],
    additional_kwargs={FIRMAS: {"f": "c2VjcmV0YQ=="}},
    response_metadata={"model_provider": "google_genai"},
)

HISTORIAS: dict[str, list[BaseMessage]] = {
    "sistema y persona": [SISTEMA, TAREA],
    "sin sistema": [TAREA],
    "notificación": [SISTEMA, TAREA, AIMessage("vale"), HumanMessage(notificacion("acabó"))],
    "dos seguidas de la persona": [SISTEMA, TAREA, HumanMessage("y otra", name="ana")],
    "texto del modelo": [SISTEMA, TAREA, AIMessage("Hecho 🐝"), HumanMessage("gracias")],
    "llamadas en paralelo": [SISTEMA, TAREA, DOS, *RESPUESTAS_DOS],
    "texto y llamada": [
        SISTEMA,
        TAREA,
        AIMessage("Miro.", tool_calls=[llamada("c", "reportar_problema")]),
        ToolMessage("apuntado", tool_call_id="c"),
        HumanMessage("directiva"),
    ],
    "rondas pasadas y activa": [
        SISTEMA,
        TAREA,
        DOS,
        *RESPUESTAS_DOS,
        AIMessage("listo"),
        HumanMessage("otra cosa"),
        AIMessage("", tool_calls=[llamada("d", command="date")]),
        ToolMessage("[1, 2]", tool_call_id="d"),
        AIMessage("", tool_calls=[llamada("e", command="ls 漢字")]),
        ToolMessage("", tool_call_id="e"),
    ],
    "firmas de pensamiento": [
        SISTEMA,
        TAREA,
        FIRMADO,
        ToolMessage("uid=0", tool_call_id="f"),
        ToolMessage("nada", tool_call_id="g"),
    ],
    "firmas ya pasadas": [
        SISTEMA,
        TAREA,
        FIRMADO,
        ToolMessage("uid=0", tool_call_id="f"),
        ToolMessage("nada", tool_call_id="g"),
        AIMessage(
            [{"type": "text", "text": "soy root"}],
            response_metadata={"model_provider": "google_genai"},
        ),
        HumanMessage("sigue"),
    ],
    "razonamiento ajeno": [
        SISTEMA,
        TAREA,
        AIMessage(
            [{"type": "reasoning", "reasoning": "mmm"}, {"type": "text", "text": "sí"}],
            additional_kwargs={"reasoning_content": "mmm", "refusal": None},
            response_metadata={"model_provider": "openai"},
        ),
        HumanMessage("¿seguro?"),
    ],
    "imagen de la persona": [
        SISTEMA,
        HumanMessage(
            [
                {"type": "text", "text": "¿qué ves?"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
            ]
        ),
    ],
}


def en_camello(valor: Any) -> Any:
    """El SDK de Google deja `mime_type` sin pasar a `mimeType`; su API acepta los dos nombres."""
    if isinstance(valor, dict):
        return {("mimeType" if k == "mime_type" else k): en_camello(v) for k, v in valor.items()}
    return [en_camello(v) for v in valor] if isinstance(valor, list) else valor


async def grabado(modelo: ModeloAdaptado, historia: list[BaseMessage], g: Grabador) -> Any:
    herramientas = (*HERRAMIENTAS_AGENTE, ESQUEMAS["leer_reporte"])
    _ = [trozo async for trozo in modelo.emitir(historia, herramientas)]
    return g.cuerpos[-1]


async def grabado_de_langchain(
    cliente: BaseChatModel, historia: list[BaseMessage], g: Grabador
) -> Any:
    herramientas = [*HERRAMIENTAS_AGENTE, ESQUEMAS["leer_reporte"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # el cliente de Google hereda de donde aiohttp no quiere
        _ = [trozo async for trozo in cliente.bind_tools(herramientas).astream(historia)]
    return g.cuerpos[-1]


@pytest.mark.parametrize("nombre", HISTORIAS)
@pytest.mark.parametrize("modelo", ["gpt-4o-mini", "o3", "gpt-5-codex"])
async def test_openai_manda_lo_mismo_que_chat_openai(modelo: str, nombre: str) -> None:
    historia = HISTORIAS[nombre]
    async with grabar(sse(OPENAI_HOLA, done=True)) as g:
        url = f"{g.url}/v1"
        # Uno propio: el que reparte langchain se guarda por dirección, y los puertos se repiten.
        http = httpx2.AsyncClient()
        plano = ChatOpenAI(
            http_async_client=http,
            model=modelo,
            api_key="k",  # type: ignore[arg-type]
            base_url=url,
            use_responses_api=False,
            stream_usage=True,
            max_retries=0,
        )
        esperado = await grabado_de_langchain(plano, historia, g)
        await http.aclose()
        propio = ModeloAdaptado(FuenteOpenAI(Destino("openai", modelo, url), "k"), "puerta")
        primera = await grabado(propio, historia, g)
        segunda = await grabado(propio, historia, g)
        await propio.cerrar()

    assert esperado["messages"]
    assert primera == esperado
    assert segunda == esperado, "la segunda vez sale de lo guardado y ha de ser igual"
    assert g.rutas == ["/v1/chat/completions"] * 3


@pytest.mark.parametrize("nombre", HISTORIAS)
@pytest.mark.parametrize("modelo", ["gemini-2.5-flash", "gemini-3.5-flash", "gemini-4-argon"])
async def test_gemini_manda_lo_mismo_que_su_cliente(modelo: str, nombre: str) -> None:
    historia = HISTORIAS[nombre]
    async with grabar(sse(GEMINI_HOLA)) as g:
        propio = ModeloAdaptado(FuenteGemini(Destino("gemini", modelo, g.url), "k"), "puerta")
        primera = await grabado(propio, historia, g)
        segunda = await grabado(propio, historia, g)
        await propio.cerrar()
        plano = ChatGoogleGenerativeAI(
            model=modelo, api_key="k", base_url=g.url, temperature=None, max_retries=1
        )
        esperado = en_camello(await grabado_de_langchain(plano, historia, g))
        await plano.aclose()

    assert esperado["contents"]
    assert primera == esperado
    assert segunda == esperado, "la segunda vez sale de lo guardado y ha de ser igual"
    assert set(g.rutas) == {f"/v1beta/models/{modelo}:streamGenerateContent"}


async def test_la_historia_que_crece_se_manda_como_entera() -> None:
    """Lo guardado de un turno sirve en los siguientes aunque la ronda activa haya cambiado."""
    historia = HISTORIAS["rondas pasadas y activa"]
    async with grabar(sse(GEMINI_HOLA)) as g:
        destino = Destino("gemini", "gemini-3.5-flash", g.url)
        creciendo: dict[str, Any] = {}
        viejo = ModeloAdaptado(FuenteGemini(destino, "k"), "puerta")
        for hasta in (2, 5, 7, 9, 11):
            creciendo = await grabado(viejo, historia[:hasta], g)
            nuevo = ModeloAdaptado(FuenteGemini(destino, "k"), "puerta")
            assert creciendo == await grabado(nuevo, historia[:hasta], g)
            await nuevo.cerrar()
        await viejo.cerrar()
    llamadas = [p for c in creciendo["contents"] for p in c["parts"] if "functionCall" in p]
    assert [("thoughtSignature" in p) for p in llamadas] == [False, False, True, True]
