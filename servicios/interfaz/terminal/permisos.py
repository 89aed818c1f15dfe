"""Lo que hay por aprobar: cómo se enseña y cómo se responde.

petición (hecho) → `Bloques.contar` → un bloque;  `/si`, `/no` o una cifra → la cola de aprobaciones
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentes.eventos_permisos import Alcance
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.terminal.portada import SIN_AISLAMIENTO, sin_aislamiento
from servicios.interfaz.texto import cabeza, corto

if TYPE_CHECKING:
    from agentes.eventos_permisos import AprobacionPedida
    from servicios.herramientas.aprobaciones import Aprobaciones, Grupo
    from servicios.sistema import Sistema

RECORTADA = (10, 4_000)
ENTERA = (2_000, 100_000)
"""Líneas y caracteres que se enseñan de una orden: al salir la petición y con `/permisos`."""

PARA_LEERLA_S = 1.0
"""Segundos que ha de llevar en pantalla una petición para responderla sin decir su número: quien
escribía otra cosa cuando salió no la aprueba sin querer."""

CIFRAS = (
    "1 una vez · 2 esta clase para este agente · 3 para la sesión · 4 rechazar"
    " · 5 motivo: rechazar con un motivo"
)
CIFRAS_SIN_CLASE = "1 una vez · 4 rechazar · 5 motivo: rechazar con un motivo"

_ALCANCES = {"": Alcance.UNA_VEZ, "agente": Alcance.AGENTE, "sesion": Alcance.SESION}
_POR_CIFRA = {"1": Alcance.UNA_VEZ, "2": Alcance.AGENTE, "3": Alcance.SESION}
_CIFRA = re.compile(r"\s*(?:([1-5])|5[ \t:.]+(\S.*?))\s*", re.DOTALL)
_SI = re.compile(r"(\d{0,9})\s*(agente|sesion|)", re.IGNORECASE)
_CIFRAS_DE_NUMERO = 10
_NADA = "No hay nada por aprobar."


class Bloques:
    """Enseña cada petición una vez; de las que se le suman, solo lo que traen de nuevo."""

    def __init__(self, sistema: Sistema, papel: Papel) -> None:
        self._sistema = sistema
        self._papel = papel
        self._vistos: dict[int, tuple[set[str], set[str]]] = {}

    def contar(self, pedida: AprobacionPedida) -> None:
        """Una petición acaba de quedar escrita; si ya está respondida, no dice nada."""
        pendientes = {g.numero: g for g in self._sistema.aprobaciones.pendientes()}
        self._vistos = {n: vistos for n, vistos in self._vistos.items() if n in pendientes}
        grupo = pendientes.get(pedida.numero)
        if grupo is None:
            return
        if grupo.numero in self._vistos:
            self._sumar(pedida, grupo.numero)
            return
        self._vistos[grupo.numero] = (set(grupo.agentes), set(grupo.ordenes))
        ensenar(grupo, self._sistema, self._papel)

    def _sumar(self, pedida: AprobacionPedida, numero: int) -> None:
        agentes, ordenes = self._vistos[numero]
        if pedida.agente_id in agentes and pedida.orden in ordenes:
            return
        texto = f"la petición {numero} también es suya"
        self._papel.linea(Linea(texto, pedida.agente_id, Tono.AVISO, entera=True))
        if pedida.orden not in ordenes:
            _escribir_orden(pedida.orden, RECORTADA, self._papel)
        agentes.add(pedida.agente_id)
        ordenes.add(pedida.orden)


def ensenar(
    grupo: Grupo, sistema: Sistema, papel: Papel, topes: tuple[int, int] = RECORTADA
) -> None:
    """El bloque de una petición: quién, dónde, qué, por qué y cómo se responde."""
    verbo = "pide" if len(grupo.agentes) == 1 else "piden"
    quienes = ", ".join(grupo.agentes)
    titulo = f"Petición {grupo.numero}: {quienes} {verbo} permiso"
    papel.linea(Linea(titulo, tono=Tono.AVISO, entera=True))
    if sin_aislamiento(sistema):
        riesgo = f"  {SIN_AISLAMIENTO}: correría en esta máquina sin nada que la encierre"
        papel.linea(Linea(riesgo, tono=Tono.MAL, entera=True))
    donde = f"  carpeta: {corto(grupo.carpeta, 500)} · aislamiento: {grupo.aislamiento}"
    papel.linea(Linea(donde, entera=True))
    papel.linea(Linea(f"  por qué se pregunta: {corto(grupo.motivo, 500)}", entera=True))
    for orden in grupo.ordenes:
        _escribir_orden(orden, topes, papel)
    if grupo.clase:
        clase = f"  clase, en esa carpeta: {corto(' '.join(grupo.clase), 500)}"
        papel.linea(Linea(clase, tono=Tono.TENUE, entera=True))
    aprobaciones = sistema.aprobaciones
    papel.linea(Linea(f"  {_como_se_responde(grupo, len(aprobaciones.pendientes()))}", entera=True))
    plazo = f"  sin respuesta en {aprobaciones.plazo_s:g} s se deniega"
    papel.linea(Linea(plazo, tono=Tono.TENUE, entera=True))


def _escribir_orden(orden: str, topes: tuple[int, int], papel: Papel) -> None:
    primera, *demas = cabeza(orden, *topes)
    papel.linea(Linea(f"    $ {primera}", tono=Tono.FUERTE, entera=True))
    for linea in demas:
        papel.linea(Linea(f"      {linea}", tono=Tono.FUERTE, entera=True))


def _como_se_responde(grupo: Grupo, cuantas: int) -> str:
    n = grupo.numero
    if cuantas == 1:
        return CIFRAS if grupo.clase else CIFRAS_SIN_CLASE
    if grupo.clase:
        return f"/si {n} · /si {n} agente · /si {n} sesion · /no {n} [motivo]"
    return f"/si {n} · /no {n} [motivo]"


# --- responder ----------------------------------------------------------------------------


def listar(sistema: Sistema, papel: Papel) -> None:
    """Lo que hay por aprobar, con sus órdenes enteras."""
    grupos = sistema.aprobaciones.pendientes()
    for grupo in grupos:
        ensenar(grupo, sistema, papel, ENTERA)
    if not grupos:
        papel.linea(Linea(_NADA))


def aprobar(args: str, aprobaciones: Aprobaciones, papel: Papel) -> bool:
    """`/si [N] [agente|sesion]`; `False` si no está bien escrito.

    Lanza `ErrorEnjambre` si esa petición no está pendiente o no admite ese alcance.
    """
    partes = _SI.fullmatch(args)
    if partes is None:
        return False
    numero = _numero(partes[1], aprobaciones, papel)
    if numero is not None:
        aprobaciones.permitir(numero, _ALCANCES[partes[2].lower()])
    return True


def rechazar(args: str, aprobaciones: Aprobaciones, papel: Papel) -> None:
    """`/no [N] [motivo…]`. Lanza `ErrorEnjambre` si esa petición no está pendiente."""
    primera, _, resto = args.partition(" ")
    con_numero = primera.isdecimal() and len(primera) < _CIFRAS_DE_NUMERO
    numero = _numero(primera if con_numero else "", aprobaciones, papel)
    if numero is not None:
        aprobaciones.rechazar(numero, (resto if con_numero else args).strip())


def responder_cifra(linea: str, aprobaciones: Aprobaciones, papel: Papel) -> bool:
    """Una cifra sola responde a lo que haya por aprobar; `False` si la línea es para el Master.

    Lanza `ErrorEnjambre` si la petición no admite ese alcance.
    """
    partes = _CIFRA.fullmatch(linea)
    if partes is None or not aprobaciones.pendientes():
        return False
    cifra, motivo = partes.groups()
    if cifra == "5":
        papel.linea(Linea("Escribe el motivo detrás del 5, en la misma línea.", tono=Tono.AVISO))
        return True
    numero = _numero("", aprobaciones, papel)
    if numero is None:
        return True
    if cifra in _POR_CIFRA:
        aprobaciones.permitir(numero, _POR_CIFRA[cifra])
    else:
        aprobaciones.rechazar(numero, motivo or "")
    return True


def _numero(dicho: str, aprobaciones: Aprobaciones, papel: Papel) -> int | None:
    """La petición que se responde; sin decirla, la única que haya, si dio tiempo a leerla."""
    if dicho:
        return int(dicho)
    grupos = aprobaciones.pendientes()
    if len(grupos) == 1 and grupos[0].quieta_s >= PARA_LEERLA_S:
        return grupos[0].numero
    if not grupos:
        queja = _NADA
    elif len(grupos) == 1:
        queja = f"La petición {grupos[0].numero} acaba de salir: léela y repite la respuesta."
    else:
        numeros = ", ".join(str(g.numero) for g in grupos)
        queja = f"Hay {len(grupos)} peticiones ({numeros}): di cuál, como /si {grupos[0].numero}."
    papel.linea(Linea(queja, tono=Tono.AVISO, entera=True))
    return None
