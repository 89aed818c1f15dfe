"""Abrir modelos: cada clave a su empresa, conexiones repartidas y nada abierto al cerrar."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from langchain_core.messages import HumanMessage

from agentes.errores import ErrorConfiguracion
from servicios.ajustes import Ajustes
from servicios.cargar_llm import cargar_llm
from servicios.llm.cliente_openai import POR_FRAGMENTO
from servicios.llm.flujo import ModeloLLM
from servicios.llm.preajustes import PREAJUSTES, ReferenciaModelo, resolver_modelo
from tests.llm.grabador import GEMINI_HOLA, OPENAI_HOLA, grabar, sse

COMPATIBLES = [p for p in PREAJUSTES if p not in {"gemini", "openai", "demo"}]
DE_OPENAI = {
    "OPENAI_API_KEY": "sk-de-openai",
    "OPENAI_ORG_ID": "org-de-openai",
    "OPENAI_PROJECT_ID": "proj-de-openai",
    "OPENAI_CUSTOM_HEADERS": "X-Interna: cabecera-de-openai",
    "OPENAI_PROXY": "http://127.0.0.1:9",
}
AJENAS = {
    "LANGSMITH_GATEWAY": "http://127.0.0.1:9",
    "LANGSMITH_API_KEY": "lsv2_ajena",
    "LANGSMITH_TRACING": "true",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


def con_entorno(
    carpeta: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> Ajustes:
    for preajuste in PREAJUSTES.values():
        for nombre in (preajuste.variable_clave, preajuste.variable_url, "GEMINI_API_KEY"):
            if nombre:
                monkeypatch.delenv(nombre, raising=False)
    for nombre, valor in variables.items():
        monkeypatch.setenv(nombre, valor)
    return Ajustes.leer(carpeta)


def abrir(texto: str, ajustes: Ajustes) -> ModeloLLM:
    referencia = resolver_modelo(texto, ajustes)
    assert referencia is not None
    return cargar_llm(referencia, ajustes)


async def preguntar(modelo: ModeloLLM) -> None:
    _ = [trozo async for trozo in modelo.emitir([HumanMessage("hola")], ())]


@pytest.mark.parametrize("proveedor", COMPATIBLES)
async def test_un_preajuste_manda_su_clave_y_nada_de_la_cuenta_de_openai(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proveedor: str
) -> None:
    preajuste = PREAJUSTES[proveedor]
    async with grabar(sse(OPENAI_HOLA, done=True)) as g:
        variables = {**DE_OPENAI, **AJENAS, str(preajuste.variable_url): f"{g.url}/v1"}
        if preajuste.variable_clave:
            variables[preajuste.variable_clave] = f"clave-de-{proveedor}"
        modelo = abrir(f"{proveedor}:m", con_entorno(tmp_path, monkeypatch, variables))
        await preguntar(modelo)
        await modelo.cerrar()
    cabeceras = g.cabeceras[0]
    propia = f"clave-de-{proveedor}" if preajuste.variable_clave else "sin-clave"
    assert cabeceras["authorization"] == f"Bearer {propia}"
    assert "de-openai" not in str(cabeceras)


async def test_openai_manda_la_clave_y_la_organizacion_de_su_cuenta(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with grabar(sse(OPENAI_HOLA, done=True)) as g:
        variables = {**AJENAS, **DE_OPENAI, "OPENAI_BASE_URL": f"{g.url}/v1"}
        modelo = abrir("gpt-5-codex", con_entorno(tmp_path, monkeypatch, variables))
        await preguntar(modelo)
        await modelo.cerrar()
    assert g.cabeceras[0]["authorization"] == "Bearer sk-de-openai"
    assert g.cabeceras[0]["openai-organization"] == "org-de-openai"
    assert g.rutas == ["/v1/chat/completions"]
    assert g.cuerpos[0]["stream_options"] == {"include_usage": True}
    assert "temperature" not in g.cuerpos[0]


async def test_gemini_va_a_su_direccion_diga_lo_que_diga_el_entorno(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with grabar(sse(GEMINI_HOLA)) as g:
        variables = {**AJENAS, "GEMINI_API_KEY": "AIza-1", "GOOGLE_GEMINI_BASE_URL": g.url}
        modelo = abrir("gemini-3.5-flash", con_entorno(tmp_path, monkeypatch, variables))
        await preguntar(modelo)
        await modelo.cerrar()
    assert g.cabeceras[0]["x-goog-api-key"] == "AIza-1"
    assert g.rutas == ["/v1beta/models/gemini-3.5-flash:streamGenerateContent"]
    assert "temperature" not in g.cuerpos[0]["generationConfig"]


@pytest.mark.parametrize("proveedor", [p for p in PREAJUSTES if PREAJUSTES[p].variable_clave])
def test_sin_clave_se_dice_cual_falta(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proveedor: str
) -> None:
    ajustes = con_entorno(tmp_path, monkeypatch, {})
    with pytest.raises(ErrorConfiguracion) as caso:
        cargar_llm(ReferenciaModelo(proveedor, "m"), ajustes)
    assert str(PREAJUSTES[proveedor].variable_clave) in str(caso.value)
    assert "\n" not in str(caso.value)


def test_una_clave_con_caracteres_imposibles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ajustes = con_entorno(tmp_path, monkeypatch, {"OPENAI_API_KEY": "sk-“pegada”"})
    with pytest.raises(ErrorConfiguracion, match="OPENAI_API_KEY") as caso:
        cargar_llm(ReferenciaModelo("openai", "m"), ajustes)
    assert "pegada" not in str(caso.value)


def test_una_direccion_de_preajuste_que_no_vale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ajustes = con_entorno(tmp_path, monkeypatch, {"OLLAMA_BASE_URL": "127.0.0.1:11434"})
    with pytest.raises(ErrorConfiguracion, match="OLLAMA_BASE_URL"):
        cargar_llm(ReferenciaModelo("ollama", "m"), ajustes)


async def test_un_servidor_propio_puede_no_pedir_clave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with grabar(sse(OPENAI_HOLA, done=True)) as g:
        ajustes = con_entorno(tmp_path, monkeypatch, {"OPENAI_BASE_URL": f"{g.url}/v1/"})
        modelo = abrir("llama3:8b", ajustes)
        await preguntar(modelo)
        await modelo.cerrar()
    assert g.cuerpos[0]["model"] == "llama3:8b"
    assert g.cabeceras[0]["authorization"] == "Bearer sin-clave"


async def test_la_puerta_distingue_claves_sin_ensenarlas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puertas = set()
    for clave in ("sk-una", "sk-otra", "sk-una"):
        ajustes = con_entorno(tmp_path, monkeypatch, {"OPENAI_API_KEY": clave})
        modelo = abrir("openai:m", ajustes)
        puertas.add(modelo.puerta)
        await modelo.cerrar()
    assert len(puertas) == 2
    assert "sk-" not in str(puertas)


async def test_muchas_llamadas_a_la_vez_se_reparten_y_reaprovechan_conexiones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_la_vez = POR_FRAGMENTO * 2 + 5
    dentro = asyncio.Semaphore(0)
    adelante = asyncio.Event()

    async def esperar(peticion: web.Request) -> web.StreamResponse:
        dentro.release()
        await adelante.wait()
        return await sse(OPENAI_HOLA, done=True)(peticion)

    async with grabar(esperar) as g:
        ajustes = con_entorno(tmp_path, monkeypatch, {"OPENAI_BASE_URL": f"{g.url}/v1"})
        modelo = abrir("openai:m", ajustes)
        async with asyncio.timeout(20), asyncio.TaskGroup() as grupo:
            for _ in range(a_la_vez):
                grupo.create_task(preguntar(modelo))
            for _ in range(a_la_vez):
                await dentro.acquire()
            adelante.set()
        for _ in range(5):
            await preguntar(modelo)
        await modelo.cerrar()
        assert len(g.cuerpos) == a_la_vez + 5
        assert len(g.conexiones) == a_la_vez


@pytest.mark.parametrize("proveedor", ["openai", "gemini"])
async def test_cancelar_corta_la_conexion_y_el_modelo_sigue_sirviendo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proveedor: str
) -> None:
    trozos = OPENAI_HOLA if proveedor == "openai" else GEMINI_HOLA
    cortada = asyncio.Event()
    empezada = asyncio.Event()

    async def colgarse_una_vez(peticion: web.Request) -> web.StreamResponse:
        if empezada.is_set():
            return await sse(trozos)(peticion)
        empezada.set()
        respuesta = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await respuesta.prepare(peticion)
        try:
            while True:
                await respuesta.write(b": sigo\n\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            cortada.set()
            raise

    async with grabar(colgarse_una_vez) as g:
        ruta = {"openai": ("OPENAI_BASE_URL", "/v1"), "gemini": ("GOOGLE_GEMINI_BASE_URL", "")}
        variable, cola = ruta[proveedor]
        ajustes = con_entorno(tmp_path, monkeypatch, {variable: g.url + cola})
        modelo = abrir(f"{proveedor}:m", ajustes)
        tarea = asyncio.create_task(preguntar(modelo))
        async with asyncio.timeout(10):
            await empezada.wait()
            tarea.cancel()
            with pytest.raises(asyncio.CancelledError):
                await tarea
            await cortada.wait()
            await preguntar(modelo)
        await modelo.cerrar()


@pytest.mark.parametrize(
    ("modelo", "configurado", "cabe"),
    [
        ("openai:gpt-5-mini", "0", 272_000),
        ("gemini:gemini-2.5-flash", "0", 1_048_576),
        ("openai:uno-sin-ficha", "0", 0),
        ("demo", "0", 0),
        ("openai:gpt-5-mini", "9000", 9_000),
    ],
)
async def test_lo_que_cabe_en_una_peticion_lo_dice_el_ajuste_o_la_ficha_del_modelo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modelo: str, configurado: str, cabe: int
) -> None:
    claves = {"OPENAI_API_KEY": "sk-x", "GOOGLE_API_KEY": "x", "ENJAMBRE_CONTEXTO": configurado}
    abierto = abrir(modelo, con_entorno(tmp_path, monkeypatch, claves))
    assert abierto.contexto == cabe
    await abierto.cerrar()
