"""Cómo se cuenta en una línea lo que se pide y lo que se decide."""

from __future__ import annotations

from typing import Any

import pytest

from agentes.eventos_llamada import HerramientaTerminada
from agentes.eventos_permisos import Alcance, AprobacionPedida, AprobacionResuelta, Quien
from agentes.perfil_consola import Veredicto
from servicios.interfaz.lineas import Tono, linea_de


def _resuelta(decision: Veredicto, quien: Quien, **cambios: Any) -> AprobacionResuelta:
    campos: dict[str, Any] = {"motivo": "", "alcance": Alcance.UNA_VEZ, "espera_ms": 0, **cambios}
    return AprobacionResuelta(
        agente_id="a-1",
        op="o",
        numero=1,
        orden="x",
        clase=("x",),
        decision=decision,
        quien=quien,
        **campos,
    )


def test_las_lineas_de_lo_pedido_y_lo_decidido() -> None:
    pedida = AprobacionPedida(
        agente_id="a-1",
        op="o",
        numero=4,
        orden="rm\nx",
        clase=(),
        motivo="borra",
        aislamiento="local",
        carpeta="/",
    )
    linea = linea_de(pedida)
    assert linea is not None
    assert (linea.texto, linea.tono) == ("pide permiso (4) · $ rm x · borra", Tono.AVISO)
    si = linea_de(_resuelta(Veredicto.PERMITIR, Quien.USUARIO, alcance=Alcance.SESION))
    no = linea_de(_resuelta(Veredicto.DENEGAR, Quien.PLAZO, motivo="nadie respondió"))
    assert si is not None
    assert no is not None
    assert (si.texto, no.texto) == (
        "permitida para la sesión · $ x",
        "denegada · $ x · nadie respondió",
    )
    assert linea_de(_resuelta(Veredicto.PERMITIR, Quien.REGLA)) is None


@pytest.mark.parametrize(
    ("ok", "detalles", "fin"),
    [
        (True, {"trabajo": "t1", "permiso": "permitir"}, "en segundo plano como t1"),
        (False, {"permiso": "denegar"}, "denegada"),
    ],
)
def test_un_trabajo_no_acaba_cuando_empieza(ok: bool, detalles: dict[str, str], fin: str) -> None:
    hecho = HerramientaTerminada(
        agente_id="a-1",
        op="o",
        intento=1,
        tool="iniciar_trabajo",
        ok=ok,
        ms=3,
        cierre="resultado",
        resultado="texto",
        detalles_propios={"command": "sleep 1", **detalles},
    )
    linea = linea_de(hecho)
    assert linea is not None
    assert linea.texto == f"$ sleep 1 → {fin}"
