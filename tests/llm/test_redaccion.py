"""Ningún secreto llega al cable ni a la pantalla según se escribe."""

from __future__ import annotations

import itertools
import random

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agentes.respuestas import LlamadaHerramienta, Uso
from servicios.consola.secretos.secretos import Secretos
from servicios.llm.colector import Recogido
from servicios.llm.flujo import Razon
from servicios.llm.redaccion import HistoriaLimpia, TextoVivo, sin_secretos

SECRETO = "tok_987654321abc"
TAPADO = "[secreto:MI_TOKEN]"
REDACTAR = Secretos.desde({"MI_TOKEN": SECRETO}, {}, ()).redactar


def test_una_historia_sin_secretos_es_la_misma() -> None:
    historia = [SystemMessage("eres"), HumanMessage("hola"), AIMessage("qué")]
    assert HistoriaLimpia(REDACTAR).tomar(historia, 0) is historia


def test_lo_que_dice_la_persona_o_una_herramienta_sale_tapado_y_no_cambia_mas() -> None:
    limpia = HistoriaLimpia(REDACTAR)
    historia = [
        HumanMessage(f"usa {SECRETO}"),
        AIMessage(""),
        ToolMessage(f'{{"salida":"{SECRETO}"}}', tool_call_id="a"),
        HumanMessage([{"type": "text", "text": f"bloque {SECRETO}"}]),
    ]
    antes = limpia.tomar(historia, 0)
    assert [m.text for m in antes] == [
        f"usa {TAPADO}",
        "",
        f'{{"salida":"{TAPADO}"}}',
        f"bloque {TAPADO}",
    ]
    assert antes[2].tool_call_id == "a"  # type: ignore[attr-defined]
    historia.append(HumanMessage("más"))
    despues = limpia.tomar(historia, 4)
    assert all(a is b for a, b in zip(antes, despues, strict=False))
    assert despues[-1] is historia[-1]
    assert SECRETO in historia[0].text


def _recogido(texto: str, *llamadas: LlamadaHerramienta) -> Recogido:
    propias = [{"name": ll.nombre, "args": ll.args, "id": ll.id} for ll in llamadas]
    return Recogido(AIMessage(texto, tool_calls=propias), texto, llamadas, Razon.COMPLETA, Uso())


def test_una_respuesta_sin_secretos_es_la_misma() -> None:
    recogido = _recogido("hola", LlamadaHerramienta("a", "leer_reporte", {"agent_id": "x-1"}))
    assert sin_secretos(recogido, REDACTAR) is recogido


def test_de_una_respuesta_solo_queda_entero_lo_que_se_ejecuta() -> None:
    orden = LlamadaHerramienta("a", "ejecutar_comando_consola", {"command": f"echo {SECRETO}"})
    tarea = LlamadaHerramienta(
        "b", "delegate_task", {"agent_type": "x", "task_description": f"usa {SECRETO}"}
    )
    limpio = sin_secretos(_recogido(f"va {SECRETO}", orden, tarea), REDACTAR)
    assert (limpio.texto, limpio.mensaje.text) == (f"va {TAPADO}", f"va {TAPADO}")
    assert limpio.llamadas[0] == orden
    assert limpio.llamadas[1].args["task_description"] == f"usa {TAPADO}"
    assert SECRETO not in str(limpio.mensaje.model_dump())
    assert [ll["id"] for ll in limpio.mensaje.tool_calls] == ["a", "b"]


@pytest.mark.parametrize("largo", [1, 3, 7, 200])
@pytest.mark.parametrize(
    "texto",
    [
        "una frase corriente, con ñ y 日本語 sin espacios. Fin",
        f"clave {SECRETO} y sigue; otra vez {SECRETO}",
        "password = hunter2hunter y ya",
        "x" * 1_000,
        f"fin {SECRETO}",
    ],
)
def test_el_texto_vivo_acaba_siendo_el_texto_tapado(texto: str, largo: int) -> None:
    vivo = TextoVivo(REDACTAR)
    trozos = ["".join(t) for t in itertools.zip_longest(*[iter(texto)] * largo, fillvalue="")]
    visto = [vivo.tomar(trozo) for trozo in trozos]
    a_medias = "".join(visto)
    assert SECRETO[:8] not in a_medias
    assert a_medias + vivo.acabar() == REDACTAR(texto)


def test_el_texto_vivo_no_espera_mas_que_una_palabra() -> None:
    vivo = TextoVivo(str)
    assert [vivo.tomar(t) for t in ("Ho", "la, qu", "é tal", " es", "tás")] == [
        "",
        "Hola, ",
        "qué ",
        "tal ",
        "está",
    ]


_PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + f"{'abcDEF0123456789' * 3}Mi/+\n" * 4
_LARGO = "".join(random.Random(3).choices("abcDEF0123456789", k=600))
_FRASE = "caballo correcto grapa 77 x"
_CONOCIDOS = Secretos.desde({}, {"FRASE": _FRASE, "LARGO": _LARGO}, ())


@pytest.mark.parametrize(
    "texto",
    [
        f"es {_FRASE} y ya",
        f"es {_LARGO} y ya",
        f"es {_FRASE.encode().hex(' ')} y ya",
        f"es {_FRASE.encode().hex(':')} y ya",
        f"clave: {_PEM}-----END RSA PRIVATE KEY----- y ya",
        f"clave: {_PEM}",
        'contraseña: "mi clave secreta 12" y ya',
        "Authorization: Bearer abcdefgh12345 y ya",
    ],
)
def test_un_secreto_no_se_ve_por_mas_que_se_parta_el_texto_vivo(texto: str) -> None:
    azar = random.Random(7)
    for _ in range(40):
        vivo = TextoVivo(_CONOCIDOS.redactar, _CONOCIDOS.retener)
        cortes = sorted(azar.sample(range(1, len(texto)), azar.choice([2, len(texto) // 2])))
        trozos = [texto[a:b] for a, b in itertools.pairwise([0, *cortes, len(texto)])]
        visto = "".join([*map(vivo.tomar, trozos), vivo.acabar()])
        assert visto == _CONOCIDOS.redactar(texto)
