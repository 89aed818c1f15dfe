"""La historia de un agente se rehace con sus filas: igual que la que se mandó, también con averías."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
)

from agentes.errores import ErrorBitacora
from agentes.eventos import MASTER
from agentes.respuestas import Uso
from prompts.avisos import RECUERDO, RETIRADO
from servicios.llm.historia_corrida import HistoriaCorrida, canonico, hash_de
from servicios.registros.lectura.historias import FilaHistoria, plegar_historia
from tests.apoyo import CONSOLA, REPORTAR, conversar, delegar, doble_de, enjambre
from tests.dobles.guion import Guion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto
from tests.registros.apoyo_historias import agentes_de, comprobar_historias, historia_de
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion

LLAMADA = {"name": CONSOLA, "args": {"command": "df"}, "id": "c1"}


def dicts(*mensajes: BaseMessage) -> list[dict[str, Any]]:
    return [message_to_dict(m) for m in mensajes]


def entra(id_: int, turno: int, *mensajes: BaseMessage, **mas: Any) -> FilaHistoria:
    detalles = {"turno": turno, "nuevos": dicts(*mensajes), "historia": "h", **mas}
    return FilaHistoria(id_, "llm_input", detalles, 1)


def sale(id_: int, entrada: int, mensaje: AIMessage, **mas: Any) -> FilaHistoria:
    llamadas = [{"id": ll["id"], "nombre": ll["name"], "error": None} for ll in mensaje.tool_calls]
    uso = {"entrada": 10, "salida": 2, "cacheados": 0}
    detalles = {"turno": 1, "respuesta": message_to_dict(mensaje), "llamadas": llamadas}
    return FilaHistoria(
        id_, "llm_output", {**detalles, "texto": mensaje.text, "uso": uso, **mas}, entrada
    )


def falla(id_: int, entrada: int, clase: str) -> FilaHistoria:
    detalles = {"turno": 1, "intentos": 1, "error": "x", "clase": clase}
    return FilaHistoria(id_, "llm_call", detalles, entrada)


def textos(mensajes: Iterable[BaseMessage]) -> list[str]:
    return [m.text for m in mensajes]


BASE = (
    entra(1, 1, SystemMessage("eres"), HumanMessage("haz")),
    sale(2, 1, AIMessage("voy", tool_calls=[LLAMADA])),
    entra(3, 2, ToolMessage("hecho", tool_call_id="c1", name=CONSOLA), HumanMessage("¿y?")),
)


def test_lo_que_se_sabe_de_una_historia() -> None:
    historia = plegar_historia(BASE)
    assert textos(historia.mensajes) == ["eres", "haz", "voy", "hecho", "¿y?"]
    assert (historia.turno, historia.decisiones, historia.entrada_abierta) == (2, 1, 3)
    assert historia.uso == Uso(10, 2, 0)
    assert historia.salida is not None
    assert (historia.salida.id, historia.salida.entrada, historia.salida.seguida) == (2, 1, True)
    assert historia.salida.llamadas[0].args == {"command": "df"}
    assert historia.recuerdos == 0


def test_los_recuerdos_se_cuentan_desde_la_ultima_respuesta_con_llamadas() -> None:
    filas = [*BASE, sale(4, 3, AIMessage("espero")), entra(5, 4, HumanMessage("ya acabó"))]
    assert plegar_historia(filas).recuerdos == 0
    filas += [sale(6, 5, AIMessage("a")), entra(7, 6, HumanMessage(RECUERDO))]
    assert plegar_historia([*filas, sale(8, 7, AIMessage("b"))]).recuerdos == 1
    llamando = AIMessage("", tool_calls=[LLAMADA])
    assert plegar_historia([*filas, sale(8, 7, llamando)]).recuerdos == 0


@pytest.mark.parametrize("clase", ["peticion", "bloqueo", "contexto"])
def test_lo_que_un_proveedor_no_admite_se_retira_y_lo_sabido_se_queda(clase: str) -> None:
    filas = [*BASE, falla(4, 3, clase)]
    historia = plegar_historia(filas)
    assert textos(historia.mensajes) == ["eres", "haz", "voy", "hecho", RETIRADO]
    assert (historia.entrada_abierta, historia.por_ver) == (None, None)
    sigue = entra(5, 3, *historia.mensajes[3:], HumanMessage("otra cosa"))
    seguida = plegar_historia([*filas, sigue])
    assert textos(seguida.mensajes) == ["eres", "haz", "voy", "hecho", RETIRADO, "otra cosa"]


def test_lo_que_falla_por_otra_cosa_sigue_en_la_historia() -> None:
    filas = [*BASE, falla(4, 3, "conexion")]
    historia = plegar_historia(filas)
    assert textos(historia.mensajes)[-1] == "¿y?"
    assert (historia.entrada_abierta, historia.por_ver) == (None, 3)
    filas += [entra(5, 3), sale(6, 5, AIMessage("ya"))]
    assert plegar_historia(filas).por_ver is None


def test_un_reintento_no_es_un_fallo() -> None:
    reintento = FilaHistoria(4, "llm_call", {"espera_s": 1.0, "clase": "peticion"}, 3)
    assert plegar_historia([*BASE, reintento]).entrada_abierta == 3


def test_una_compactacion_cambia_la_historia_y_su_llamada_no_entra() -> None:
    resumen = HumanMessage("en resumen")
    compactada = {"mensajes": dicts(SystemMessage("eres"), HumanMessage("haz"), resumen)}
    historia = plegar_historia(
        [
            *BASE,
            sale(4, 3, AIMessage("ya")),
            entra(5, 3, HumanMessage("resume"), proposito="compactar"),
            sale(6, 5, AIMessage("en resumen"), proposito="compactar"),
            FilaHistoria(7, "history_compaction", compactada, 5),
            entra(8, 4, HumanMessage("sigue")),
        ]
    )
    assert textos(historia.mensajes) == ["eres", "haz", "en resumen", "sigue"]
    assert (historia.turno, historia.decisiones, historia.uso) == (4, 2, Uso(30, 6, 0))


def test_si_falla_la_llamada_de_compactar_la_historia_no_cambia() -> None:
    pide = entra(5, 3, HumanMessage("resume"), proposito="compactar")
    historia = plegar_historia([*BASE, pide, falla(6, 5, "contexto")])
    assert textos(historia.mensajes)[-1] == "¿y?"
    assert historia.entrada_abierta == 3


def test_una_fila_sin_sus_mensajes_se_rechaza() -> None:
    with pytest.raises(ErrorBitacora, match=r"fila 9 \(llm_input\)"):
        plegar_historia([FilaHistoria(9, "llm_input", {"nuevos": [{"role": "user"}]}, None)])


def test_las_firmas_de_pensamiento_sobreviven() -> None:
    firmado = AIMessage("", tool_calls=[LLAMADA], additional_kwargs={"firma": {"c1": "abc"}})
    historia = plegar_historia([BASE[0], sale(2, 1, firmado)])
    assert historia.mensajes[-1].additional_kwargs == {"firma": {"c1": "abc"}}


async def test_la_sesion_de_ejemplo_se_pliega_entera(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await grabar_sesion(gestor)
    historia = historia_de(ruta, "ejecutor-1")
    esperada = ["adelante", "respuesta 1 de ejecutor-1", "adelante", "respuesta 2 de ejecutor-1"]
    assert textos(historia.mensajes) == esperada


@pytest.mark.parametrize("proveedor", ["openai", "gemini"])
async def test_con_averias_la_historia_plegada_es_la_que_se_mando(
    proveedor: str, tmp_path: Path
) -> None:
    pasos = {
        "Master": [
            Respuesta(error=Error(400, "Invalid argument")),
            delegar("mira el disco", dice="voy\0 con esto"),
            texto("en marcha"),
            Respuesta(error=Error(401, "Unauthorized")),
            Respuesta(error=Error(400, "Invalid argument")),
            texto("hecho"),
        ],
        "ejecutor-1": [
            llamar(CONSOLA, {"command": "echo hola"}),
            llamar(REPORTAR, {"resultado": "ok"}),
        ],
    }
    async with (
        doble_de(proveedor, Guion(pasos)) as doble,
        enjambre(doble, tmp_path, proveedor=proveedor) as sistema,
    ):
        for linea in ("no pasa", "mira \ud83d", "cómo va", "y esto", "fin"):
            await conversar(sistema, linea)
    ruta = tmp_path / "data" / "swarm.db"
    assert comprobar_historias(ruta) >= 8
    assert {a for _, a in agentes_de(ruta)} >= {MASTER, "ejecutor-1"}
    assert RETIRADO in textos(historia_de(ruta, MASTER).mensajes)


def test_cada_mensaje_se_mira_una_vez_y_lo_cambiado_se_vuelve_a_mirar() -> None:
    miradas: list[str] = []

    def medir(mensaje: BaseMessage) -> int:
        miradas.append(mensaje.text)
        return 1

    corrida = HistoriaCorrida(medir)
    historia: list[BaseMessage] = [HumanMessage(str(n)) for n in range(4)]
    assert corrida.seguir(historia) == 0
    historia.append(HumanMessage("4"))
    assert corrida.seguir(historia) == 4
    assert miradas == ["0", "1", "2", "3", "4"]
    entera, tamano = corrida.hash, corrida.tamano
    historia[2:] = [HumanMessage("otro")]
    assert corrida.seguir(historia) == 2
    assert miradas[5:] == ["otro"]
    assert (tamano, corrida.tamano) == (5, 3)
    assert corrida.hash == hash_de(historia) != entera


def test_el_canonico_no_depende_de_lo_que_cambia_cada_vez() -> None:
    uno = AIMessage("hola", id="run-1", response_metadata={"model_name": "x"})
    assert canonico(uno) == canonico(AIMessage("hola"))
    assert canonico(uno) != canonico(HumanMessage("hola"))
    enorme = AIMessage("", tool_calls=[{**LLAMADA, "args": {"n": 2**80}}])
    assert canonico(enorme) == canonico(
        AIMessage("", tool_calls=[{**LLAMADA, "args": {"n": hex(2**80)}}])
    )
