"""`/coste`: lo que lleva gastado cada uno, de la bitácora y sin llamar a ningún modelo."""

from __future__ import annotations

from typing import Any

from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.presupuesto import TITULOS
from servicios.interfaz.presupuesto import filas as filas_de_topes
from servicios.interfaz.terminal.ordenes.bitacora import leer
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.registros.auditoria.filtros import Filtro
from servicios.registros.auditoria.preguntas import costes

FILAS = 60
_AMBITOS = {"agente": "", "rama": "con los suyos", "sesion": "todos"}


async def ver_costes(escena: Escena, _: str) -> bool:
    """Llamadas, tokens y dinero por agente, por rama y de la sesión; lo más caro primero."""
    sistema, papel = escena.sistema, escena.papel
    hoja = await leer(sistema, lambda base: costes(base, sistema.sesion, Filtro(limite=FILAS)))
    objetos = list(hoja.objetos())
    if not objetos:
        papel.linea(Linea("Todavía no se ha llamado a ningún modelo."))
        return True
    solos = {o["agente_id"]: o for o in objetos if o["ambito"] == "agente"}
    sin_precio = any(o["coste"] is None for o in solos.values())
    filas = [_fila(o, sin_precio) for o in objetos if not _repite(o, solos)]
    titulos = ("agente", "de", "llamadas", "entrada", "en caché", "salida", "dinero")
    papel.tabla(titulos, filas, entera=True)
    if sin_precio:
        nota = "«?» es que no se sabe el precio de sus modelos; «≥», el de alguno."
        papel.linea(Linea(nota, tono=Tono.TENUE, entera=True))
    if topes := filas_de_topes(sistema):
        papel.tabla(TITULOS, topes, entera=True)
    if hoja.nota:
        resto = "Hay más: python main.py auditar costes"
        papel.linea(Linea(resto, tono=Tono.TENUE, entera=True))
    return True


def _repite(objeto: dict[str, Any], solos: dict[str, dict[str, Any]]) -> bool:
    """Si es la rama de quien no lanzó a nadie: dice lo mismo que su fila."""
    solo = solos.get(objeto["agente_id"])
    return (
        objeto["ambito"] == "rama" and solo is not None and solo["llamadas"] == objeto["llamadas"]
    )


def _fila(objeto: dict[str, Any], sin_precio: bool) -> tuple[str, ...]:
    coste = objeto["coste"]
    minimo = "≥ " if sin_precio and objeto["ambito"] != "agente" else ""
    return (
        str(objeto["agente_id"] or "sesión"),
        _AMBITOS[objeto["ambito"]],
        str(objeto["llamadas"]),
        str(objeto["tokens_in"]),
        str(objeto["tokens_cached"]),
        str(objeto["tokens_out"]),
        "?" if coste is None else f"{minimo}{coste:.4f} $",
    )
