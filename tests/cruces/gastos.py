"""Ningún presupuesto se pasa por más de lo que estaba en marcha."""

from __future__ import annotations

from agentes.presupuesto import Recurso
from servicios.llm.presupuestos.tesoreria import LA_SESION
from servicios.sistema import Sistema
from tests.cruces.comprobaciones import Vivido
from tests.cruces.mezcla import Mezcla
from tests.cruces.modelo import MAX_AGENTES, MAX_SALIDA, USO_MAXIMO, Pedida

_SEGUNDOS = 5.0
"""Lo que dura como mucho lo que estaba en marcha al acabarse el tiempo."""

_PRECIO = 2e-6


def comprobar_gastos(
    sistema: Sistema, mezcla: Mezcla, vivido: Vivido, pedidas: list[Pedida]
) -> None:
    """Se llama con el sistema vivo. Lanza `AssertionError`."""
    a_la_vez = min(*mezcla.puestos, MAX_AGENTES) + 1
    mayor = max((len(str(p.peticion.cuerpo)) // 3 for p in pedidas), default=0)
    una = max(mayor, USO_MAXIMO) + MAX_SALIDA
    de_mas = {
        Recurso.TOKENS: a_la_vez * una,
        Recurso.USD: a_la_vez * una * _PRECIO,
        Recurso.SEGUNDOS: _SEGUNDOS,
        Recurso.COMANDOS: 0,
        Recurso.AGENTES: 0,
    }
    hechos = {
        Recurso.COMANDOS: len(vivido.marcas()),
        Recurso.AGENTES: vivido.leer("SELECT count(*) FROM agent_runs")[0][0],
    }
    for cuenta, recurso, usado in sistema.contaduria.cuentas():
        tope = cuenta.topes[recurso]
        visto = hechos.get(recurso, 0) if cuenta.nombre == LA_SESION else 0
        pasado = max(usado, visto) - tope
        assert pasado <= de_mas[recurso], f"{cuenta.nombre}: {recurso} {usado}, {visto} de {tope}"
