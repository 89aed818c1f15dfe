"""Lo que hay por aprobar: cómo se enseña y cómo se responde.

petición (hecho) → `Bloques.contar` → un bloque;  `/si`, `/no` o una cifra → la cola de aprobaciones
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentes.errores import ErrorEnjambre
from agentes.eventos_permisos import Alcance
from servicios.interfaz.lineas import SIN_AISLAMIENTO, Linea, Tono
from servicios.interfaz.terminal.papel import Papel, plegar
from servicios.interfaz.texto import corto, recortado, sin_huecos

if TYPE_CHECKING:
    from agentes.eventos_permisos import AprobacionPedida
    from servicios.herramientas.aprobaciones import Aprobaciones
    from servicios.herramientas.solicitudes import Grupo
    from servicios.sistema import Sistema

MARGEN = "  │ "
"""Delante de cada línea de pantalla de lo que no es nuestro."""

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
            _escribir_orden(pedida.orden, self._papel)
        agentes.add(pedida.agente_id)
        ordenes.add(pedida.orden)


def ensenar(grupo: Grupo, sistema: Sistema, papel: Papel, *, entera: bool = False) -> None:
    """El bloque de una petición: quién, dónde, qué, por qué y cómo se responde.

    Sin `entera`, de lo muy largo se enseñan el principio y el final.
    """
    verbo = "pide" if len(grupo.agentes) == 1 else "piden"
    quienes = ", ".join(grupo.agentes)
    titulo = f"Petición {grupo.numero}: {quienes} {verbo} permiso"
    papel.linea(Linea(titulo, tono=Tono.AVISO, entera=True))
    if not sistema.aislamiento.encierra:
        riesgo = f"  {SIN_AISLAMIENTO}: correría en esta máquina sin nada que la encierre"
        papel.linea(Linea(riesgo, tono=Tono.MAL, entera=True))
    _escribir(f"carpeta: {corto(grupo.carpeta, 500)}", papel)
    _escribir(f"aislamiento: {grupo.aislamiento}", papel)
    if grupo.modo:
        _escribir(f"cómo: {grupo.modo}", papel, Tono.AVISO)
    _escribir(f"por qué se pregunta: {corto(grupo.motivo, 500)}", papel)
    for orden in grupo.ordenes:
        _escribir_orden(orden, papel, entera=entera)
    if len(grupo.clases) > 1:
        _escribir("clases, en esa carpeta: cada una de esas órdenes, tal cual", papel, Tono.TENUE)
    elif grupo.clases:
        clase = sin_huecos(" ".join(grupo.clases[0]))
        vista = clase if entera else recortado(clase)
        _escribir(f"clase, en esa carpeta: {vista}", papel, Tono.TENUE)
    aprobaciones = sistema.aprobaciones
    papel.linea(Linea(f"  {_como_se_responde(grupo, len(aprobaciones.pendientes()))}", entera=True))
    plazo = f"  sin respuesta en {aprobaciones.plazo_s:g} s se deniega"
    papel.linea(Linea(plazo, tono=Tono.TENUE, entera=True))


def _escribir_orden(orden: str, papel: Papel, *, entera: bool = False) -> None:
    limpia = sin_huecos(orden)
    _escribir(f"$ {limpia if entera else recortado(limpia)}", papel, Tono.FUERTE)


def _escribir(texto: str, papel: Papel, tono: Tono = Tono.NORMAL) -> None:
    """Cada línea de pantalla con su margen: nada de lo ajeno empieza donde empieza lo nuestro."""
    for linea in plegar(texto, MARGEN):
        papel.linea(Linea(linea, tono=tono, entera=True))


def _se_ve_entera(grupo: Grupo) -> bool:
    """Si su bloque enseña sin recortar sus órdenes y sus clases."""
    textos = [sin_huecos(texto) for texto in (*grupo.ordenes, *map(" ".join, grupo.clases))]
    return all(recortado(texto) == texto for texto in textos)


def _como_se_responde(grupo: Grupo, cuantas: int) -> str:
    n = grupo.numero
    if not _se_ve_entera(grupo):
        alcances = f" · /si {n} agente · /si {n} sesion" if grupo.clases else ""
        return f"no se ve entera: /permisos {n} · después, /si {n}{alcances} · /no {n} [motivo]"
    if cuantas == 1:
        return CIFRAS if grupo.clases else CIFRAS_SIN_CLASE
    if grupo.clases:
        return f"/si {n} · /si {n} agente · /si {n} sesion · /no {n} [motivo]"
    return f"/si {n} · /no {n} [motivo]"


# --- responder ----------------------------------------------------------------------------


def listar(dicho: str, sistema: Sistema, papel: Papel) -> bool:
    """`/permisos [N]`: lo que hay por aprobar, o solo la N, entero; `False` si está mal escrito.

    Lanza `ErrorEnjambre` si esa petición no está pendiente.
    """
    grupos = sistema.aprobaciones.pendientes()
    if dicho:
        if not _es_numero(dicho):
            return False
        grupos = tuple(g for g in grupos if g.numero == int(dicho))
        if not grupos:
            raise ErrorEnjambre(f"la petición {int(dicho)} no está pendiente")
    for grupo in grupos:
        ensenar(grupo, sistema, papel, entera=True)
    if not grupos:
        papel.linea(Linea(_NADA))
    return True


def _es_numero(dicho: str) -> bool:
    return dicho.isdecimal() and len(dicho) < _CIFRAS_DE_NUMERO


def aprobar(args: str, aprobaciones: Aprobaciones, papel: Papel) -> bool:
    """`/si [N] [agente|sesion]`; `False` si no está bien escrito.

    Lanza `ErrorEnjambre` si esa petición no está pendiente o no admite ese alcance.
    """
    partes = _SI.fullmatch(args)
    if partes is None:
        return False
    numero = _numero(partes[1], aprobaciones, papel, aprueba=True)
    if numero is not None:
        aprobaciones.permitir(numero, _ALCANCES[partes[2].lower()])
    return True


def rechazar(args: str, aprobaciones: Aprobaciones, papel: Papel) -> None:
    """`/no [N] [motivo…]`. Lanza `ErrorEnjambre` si esa petición no está pendiente."""
    primera, _, resto = args.partition(" ")
    con_numero = _es_numero(primera)
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
    numero = _numero("", aprobaciones, papel, aprueba=cifra in _POR_CIFRA)
    if numero is None:
        return True
    if cifra in _POR_CIFRA:
        aprobaciones.permitir(numero, _POR_CIFRA[cifra])
    else:
        aprobaciones.rechazar(numero, motivo or "")
    return True


def _numero(
    dicho: str, aprobaciones: Aprobaciones, papel: Papel, *, aprueba: bool = False
) -> int | None:
    """La petición que se responde; sin decirla, la única que haya, si dio tiempo a leerla.

    Para aprobarla sin decirla tiene además que haberse visto entera; y diciéndola, que no acabe de
    crecer con otra orden.
    """
    grupos = aprobaciones.pendientes()
    if dicho:
        n = int(dicho)
        creciendo = any(
            g.numero == n and len(g.ordenes) > 1 and g.quieta_s < PARA_LEERLA_S for g in grupos
        )
        if not (aprueba and creciendo):
            return n
        queja = f"A la petición {n} se le acaba de sumar otra orden: léela y repite la respuesta."
        papel.linea(Linea(queja, tono=Tono.AVISO, entera=True))
        return None
    if len(grupos) == 1 and grupos[0].quieta_s >= PARA_LEERLA_S:
        n = grupos[0].numero
        if not aprueba or _se_ve_entera(grupos[0]):
            return n
        queja = f"La petición {n} no se ve entera: léela con /permisos {n} y responde /si {n}."
    elif not grupos:
        queja = _NADA
    elif len(grupos) == 1:
        queja = f"La petición {grupos[0].numero} acaba de salir: léela y repite la respuesta."
    else:
        numeros = ", ".join(str(g.numero) for g in grupos)
        queja = f"Hay {len(grupos)} peticiones ({numeros}): di cuál, como /si {grupos[0].numero}."
    papel.linea(Linea(queja, tono=Tono.AVISO, entera=True))
    return None
