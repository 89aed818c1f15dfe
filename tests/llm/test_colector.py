"""El colector estricto: nada cortado, roto o ajeno llega a ejecutarse."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.respuestas import Uso
from prompts.tool_definitions import EJECUTAR_COMANDO_CONSOLA, LEER_REPORTE
from servicios.llm.colector import NOMBRE_INVALIDO, Colector, Recogido, Validadores
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

CONSOLA = "ejecutar_comando_consola"
COMPLETA = Fin(Razon.COMPLETA, "tool_calls")


def recoger(*trozos: Trozo, unido: AIMessage | None = None) -> Recogido:
    colector = Colector(Validadores([EJECUTAR_COMANDO_CONSOLA, LEER_REPORTE]))
    for trozo in trozos:
        colector.tomar(trozo)
    colector.tomar(MensajeUnido(unido or AIMessage("")))
    return colector.cerrar()


def orden(crudo: str, *, fin: Fin = COMPLETA, nombre: str = CONSOLA) -> Recogido:
    return recoger(InicioLlamada(0, "a", nombre), TrozoArgumentos(0, crudo), fin)


def test_junta_los_argumentos_partidos_letra_a_letra() -> None:
    crudo = json.dumps({"command": "echo «ñ»"})
    trozos = [TrozoArgumentos(0, letra) for letra in crudo]
    recogido = recoger(InicioLlamada(0, "a", CONSOLA), *trozos, COMPLETA)
    assert recogido.llamadas[0].args == {"command": "echo «ñ»"}
    assert recogido.llamadas[0].error is None


@pytest.mark.parametrize("fin", [Fin(Razon.LONGITUD, "length"), Fin(Razon.OTRA, "MALFORMED")])
def test_una_orden_de_una_respuesta_cortada_no_vale_aunque_parezca_entera(fin: Fin) -> None:
    llamada = orden('{"command": "rm -rf /dato"}', fin=fin).llamadas[0]
    assert llamada.error is not None
    assert "se cortó" in llamada.error
    assert llamada.args == {}


@pytest.mark.parametrize(
    ("crudo", "dice"),
    [
        ('{"command": "rm -rf /datos/tmp/bu', "no son JSON"),
        ("{'command': 1}", "no son JSON"),
        ('"ls -la"', "objeto JSON"),
        ("[1]", "objeto JSON"),
        ("7", "objeto JSON"),
        ("null", "objeto JSON"),
        ("", "command"),
        ("{}", "command"),
        ('{"command": 5}', "command"),
        ('{"command": ""}', "command"),
        ('{"command": "ls", "otra": 1}', "otra"),
        ('{"command": "ls"} {"command": "rm"}', "no son JSON"),
        ("[" * 20_000, "no son JSON"),
    ],
)
def test_argumentos_que_no_valen_no_se_ejecutan_y_se_explican(crudo: str, dice: str) -> None:
    llamada = orden(crudo).llamadas[0]
    assert llamada.args == {}
    assert llamada.error is not None
    assert dice in llamada.error


def test_una_herramienta_que_no_tiene_nombra_las_que_hay() -> None:
    llamada = orden("{}", nombre="borrar_todo").llamadas[0]
    assert llamada.error is not None
    assert "leer_reporte" in llamada.error


@pytest.mark.parametrize("nombre", ["", "con espacios", "ñ", "x" * 65])
def test_un_nombre_imposible_no_vuelve_al_proveedor(nombre: str) -> None:
    recogido = orden("{}", nombre=nombre)
    assert recogido.llamadas[0].nombre == NOMBRE_INVALIDO
    assert recogido.mensaje.tool_calls[0]["name"] == NOMBRE_INVALIDO


def test_ids_repetidos_o_ausentes_se_inventan_distintos() -> None:
    recogido = recoger(
        InicioLlamada(0, "a", CONSOLA),
        TrozoArgumentos(0, '{"command": "1"}'),
        InicioLlamada(1, "a", CONSOLA),
        TrozoArgumentos(1, '{"command": "2"}'),
        InicioLlamada(2, None, CONSOLA),
        TrozoArgumentos(2, '{"command": "3"}'),
        COMPLETA,
    )
    ids = [ll.id for ll in recogido.llamadas]
    assert ids[0] == "a"
    assert len(set(ids)) == 3
    assert [ll.args["command"] for ll in recogido.llamadas] == ["1", "2", "3"]
    assert [ll["id"] for ll in recogido.mensaje.tool_calls] == ids


def test_dos_llamadas_con_el_mismo_indice_no_se_mezclan() -> None:
    recogido = recoger(
        InicioLlamada(0, "a", CONSOLA),
        TrozoArgumentos(0, '{"command": "1"}'),
        InicioLlamada(0, "b", CONSOLA),
        TrozoArgumentos(0, '{"command": "2"}'),
        COMPLETA,
    )
    assert [ll.args for ll in recogido.llamadas] == [{"command": "1"}, {"command": "2"}]


def test_una_cabecera_repetida_no_parte_la_llamada() -> None:
    recogido = recoger(
        InicioLlamada(0, "a", CONSOLA),
        TrozoArgumentos(0, '{"command": '),
        InicioLlamada(0, "a", CONSOLA),
        TrozoArgumentos(0, '"1"}'),
        COMPLETA,
    )
    assert [ll.args for ll in recogido.llamadas] == [{"command": "1"}]


def test_el_mensaje_persiste_entero_con_las_llamadas_leidas_aqui() -> None:
    unido = AIMessage(
        "voy",
        additional_kwargs={"firma": {"a": "s"}},
        tool_calls=[{"name": CONSOLA, "args": {"command": "rm -rf /dato"}, "id": "a"}],
    )
    recogido = recoger(
        TrozoTexto("voy"),
        InicioLlamada(0, "a", CONSOLA),
        TrozoArgumentos(0, '{"command": "rm -rf /dato'),
        Fin(Razon.LONGITUD, "length"),
        unido=unido,
    )
    assert recogido.mensaje.additional_kwargs == {"firma": {"a": "s"}}
    assert recogido.mensaje.tool_calls[0]["args"] == {}


def test_sin_fin_es_un_corte_pasajero() -> None:
    with pytest.raises(ErrorModeloPasajero, match="a medias") as fallo:
        recoger(TrozoTexto("hola"))
    assert fallo.value.clase == "cortada"


def test_vacia_es_pasajera_y_bloqueada_no() -> None:
    with pytest.raises(ErrorModeloPasajero) as vacia:
        recoger(TrozoTexto("  "), Fin(Razon.COMPLETA, "stop"))
    assert vacia.value.clase == "vacia"
    with pytest.raises(ErrorModelo, match="SAFETY") as bloqueo:
        recoger(Fin(Razon.BLOQUEO, "SAFETY"))
    assert not isinstance(bloqueo.value, ErrorModeloPasajero)


def test_texto_y_uso_llegan() -> None:
    recogido = recoger(
        TrozoTexto("ho"),
        TrozoTexto("la"),
        UsoFlujo(Uso(3, 2, 1)),
        Fin(Razon.COMPLETA, "stop"),
    )
    assert (recogido.texto, recogido.uso) == ("hola", Uso(3, 2, 1))
