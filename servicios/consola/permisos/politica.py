"""La política de permisos: qué se hace con una orden antes de que corra.

Es una función pura. Ante la duda, pregunta; lo denegado no lo levanta nadie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentes.perfil_consola import Regla, Veredicto
from servicios.consola.permisos.arbol import Nodo, analizar
from servicios.consola.permisos.busqueda import Busqueda
from servicios.consola.permisos.caracteres import dudoso, prohibido
from servicios.consola.permisos.forma import aplanar
from servicios.consola.permisos.lexico import Linea, leer
from servicios.consola.permisos.negadas import motivo_de_negar
from servicios.consola.permisos.reglas import levanta, por_nombrarla, por_regla
from servicios.consola.permisos.tabla import motivo_para_preguntar

_MAXIMO_PALABRAS = 200
_MAXIMO_COMODINES = 20
_LARGO_MOTIVO = 160


@dataclass(frozen=True, slots=True)
class Decision:
    """Lo decidido sobre una orden.

    `motivo` es una línea que nombra la parte que decidió. `clase` es lo que se aprueba al aprobar
    «esta clase»: las fichas de toda la línea, con sus opciones, o el texto exacto si no se
    entiende entera. Dos órdenes con la misma clase hacen lo mismo.
    """

    veredicto: Veredicto
    motivo: str
    clase: tuple[str, ...]


def decidir(comando: str, reglas: Sequence[Regla] = ()) -> Decision:
    """Decide sobre `comando` (una línea de bash). No ejecuta nada y no lanza nunca.

    Denegar gana a preguntar, y preguntar a permitir. Cada regla compara sus argumentos, uno a
    uno, con los primeros de una orden simple ya analizada; ninguna levanta lo denegado.
    """
    exacta = (comando,)
    if malo := prohibido(comando):
        return _decision(Veredicto.DENEGAR, f"lleva el carácter prohibido {malo}", exacta)
    busqueda = Busqueda()
    raiz = analizar(comando, busqueda.limite)
    negada = motivo_de_negar(raiz, busqueda) if raiz is not None else ""
    negada = negada or por_regla(Veredicto.DENEGAR, busqueda.ordenes, reglas)
    if raiz is None or busqueda.incompleta:
        return _sin_leer(comando, negada, reglas)
    linea = _leer_entera(comando, raiz)
    clase = linea.fichas if isinstance(linea, Linea) else exacta
    if negada:
        return _decision(Veredicto.DENEGAR, negada, clase)
    if isinstance(linea, str):
        return _decision(Veredicto.PREGUNTAR, linea, clase)
    motivo = por_regla(Veredicto.PREGUNTAR, busqueda.ordenes, reglas) or _motivo(linea, reglas)
    if motivo:
        return _decision(Veredicto.PREGUNTAR, motivo, clase)
    return _decision(Veredicto.PERMITIR, f"solo lee: {' '.join(clase)}", clase)


def _sin_leer(comando: str, negada: str, reglas: Sequence[Regla]) -> Decision:
    """Lo que no se pudo mirar entero nunca se permite, y se deniega si nombra algo con regla."""
    negada = negada or por_nombrarla(comando, reglas)
    if negada:
        return _decision(Veredicto.DENEGAR, negada, (comando,))
    motivo = "es demasiado larga o enredada para analizarla"
    return _decision(Veredicto.PREGUNTAR, motivo, (comando,))


def _decision(veredicto: Veredicto, motivo: str, clase: tuple[str, ...]) -> Decision:
    una_linea = " ".join(motivo.split())
    if len(una_linea) > _LARGO_MOTIVO:
        una_linea = una_linea[: _LARGO_MOTIVO - 1] + "…"
    return Decision(veredicto, una_linea, clase)


def _leer_entera(comando: str, raiz: Nodo) -> Linea | str:
    """La línea, si las dos lecturas la entienden igual; si no, por qué hay que preguntar."""
    if raro := dudoso(comando):
        return f"lleva el carácter {raro}, que no se distingue a la vista"
    del_arbol = aplanar(raiz)
    if isinstance(del_arbol, str):
        return del_arbol
    linea = leer(comando)
    if isinstance(linea, str):
        return f"no se puede saber qué hará «{linea}»"
    if [list(orden) for orden in linea.ordenes] != del_arbol:
        return "se puede leer de más de una forma"
    palabras = [una for orden in linea.ordenes for una in orden]
    comodines = sum(una.comodin for una in palabras)
    if len(palabras) > _MAXIMO_PALABRAS or comodines > _MAXIMO_COMODINES:
        return "lleva demasiadas palabras"
    return linea


def _motivo(linea: Linea, reglas: Sequence[Regla]) -> str:
    """Por qué hay que preguntar alguna de sus órdenes; vacío si todas se permiten."""
    for orden in linea.ordenes:
        motivo = motivo_para_preguntar(orden)
        if motivo and not any(levanta(regla, orden) for regla in reglas):
            return motivo
    return ""
