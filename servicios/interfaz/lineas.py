"""De los hechos a lo que se cuenta en cualquier cara: una línea por hecho, con el agente delante."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch

from agentes.eventos import (
    MASTER,
    USUARIO,
    AgenteLanzado,
    AgenteTerminado,
    Espera,
    EstadoAgente,
    Evento,
    FalloInterno,
    FalloMaster,
    MensajeEncolado,
    ProblemaReportado,
)
from agentes.eventos_linea import ProblemaOmitido, TurnoInterrumpido, VueltaDetectada
from agentes.eventos_llamada import (
    HerramientaTerminada,
    HistoriaCompactada,
    LlamadaReintentada,
    ModeloRelevado,
)
from agentes.eventos_mando import Mando, MandoDado
from agentes.eventos_permisos import Alcance, AprobacionPedida, AprobacionResuelta, Quien
from agentes.eventos_presupuesto import PresupuestoAvisado
from agentes.perfil_consola import Veredicto
from agentes.pruebas import COMPROBAR
from servicios.interfaz.texto import corto


class Tono(StrEnum):
    """De qué humor es una línea; su valor es el estilo con que se pinta."""

    NORMAL = ""
    BIEN = "green"
    AVISO = "yellow"
    MAL = "red"
    TENUE = "bright_black"
    FUERTE = "bold"


SIN_AISLAMIENTO = "SIN AISLAMIENTO"
RIESGO = (
    f"{SIN_AISLAMIENTO}: las órdenes de los agentes se ejecutan en esta máquina,"
    " sin nada que las encierre."
)
"""Lo que se dice al abrir si nada encierra las órdenes, sea cual sea la cara."""

TOPE_PROBLEMA = 20_000
"""Caracteres de un problema que se enseñan según llega."""


@dataclass(frozen=True, slots=True)
class Linea:
    """Una línea para la persona; `agente` va delante. Con `entera` no se corta al ancho."""

    texto: str
    agente: str = ""
    tono: Tono = Tono.NORMAL
    entera: bool = False


FINALES = {
    EstadoAgente.COMPLETED: ("terminó", Tono.BIEN),
    EstadoAgente.FAILED: ("falló", Tono.MAL),
    EstadoAgente.MAX_ITERATIONS: ("llegó a su límite de pasos", Tono.MAL),
    EstadoAgente.CANCELLED: ("cancelado", Tono.AVISO),
}
"""Estado final → cómo se cuenta."""

_ALCANCES = {
    Alcance.UNA_VEZ: "una vez",
    Alcance.AGENTE: "para este agente",
    Alcance.SESION: "para la sesión",
}

_MANDOS = {
    Mando.PAUSAR: "se le manda pausar",
    Mando.PASO: "se le deja dar un paso",
    Mando.REANUDAR: "se le manda seguir",
}


_AVISO = 80
_DAR_MAS = "¿das más? /presupuesto [ID] tokens=+5000 (o usd, segundos, comandos, agentes)"


@singledispatch
def linea_de(evento: Evento) -> Linea | None:
    """La línea de un hecho, o `None` si no merece una."""
    del evento
    return None


@linea_de.register
def _(evento: AgenteLanzado) -> Linea:
    por = "" if evento.superior == MASTER else f" por {evento.superior}"
    return Linea(f"lanzado{por} · {corto(evento.tarea)}", evento.agente_id, Tono.NORMAL)


@linea_de.register
def _(evento: HerramientaTerminada) -> Linea | None:
    datos = evento.detalles_propios
    tono = Tono.NORMAL if evento.ok else Tono.AVISO
    if evento.tool == COMPROBAR:
        return Linea(corto(evento.resultado), evento.agente_id, Tono.BIEN if evento.ok else tono)
    if "command" in datos:
        fin = _fin_de_orden(evento)
        return Linea(f"$ {corto(str(datos['command']))} → {fin}", evento.agente_id, tono)
    if evento.ok:
        return None
    return Linea(f"{evento.tool}: {corto(evento.resultado)}", evento.agente_id, tono)


def _fin_de_orden(evento: HerramientaTerminada) -> str:
    datos = evento.detalles_propios
    if evento.cierre != "resultado":
        return evento.cierre
    if "trabajo" in datos:
        return f"en segundo plano como {datos['trabajo']}"
    if "return_code" not in datos:
        return "denegada" if datos.get("permiso") == Veredicto.DENEGAR else "no empezó"
    motivo = str(datos.get("motivo", "ok"))
    detalle = "" if motivo == "ok" else f", {motivo.replace('_', ' ')}"
    return f"código {datos.get('return_code')}{detalle} ({evento.ms / 1000:.1f} s)"


@linea_de.register
def _(evento: AprobacionPedida) -> Linea:
    texto = f"pide permiso ({evento.numero}) · $ {corto(evento.orden)} · {corto(evento.motivo)}"
    return Linea(texto, evento.agente_id, Tono.AVISO)


@linea_de.register
def _(evento: AprobacionResuelta) -> Linea | None:
    if evento.quien is Quien.REGLA:
        return None
    if evento.decision is Veredicto.PERMITIR:
        texto = f"permitida {_ALCANCES[evento.alcance]} · $ {corto(evento.orden)}"
        return Linea(texto, evento.agente_id, Tono.BIEN)
    texto = f"denegada · $ {corto(evento.orden)} · {corto(evento.motivo)}"
    return Linea(texto, evento.agente_id, Tono.AVISO)


@linea_de.register
def _(evento: ProblemaReportado) -> Linea:
    """Entero y letra por letra: es lo que la persona ha de poder leer aunque nadie se lo cuente."""
    texto = evento.descripcion
    if len(texto) > TOPE_PROBLEMA:
        faltan = len(texto) - TOPE_PROBLEMA
        texto = f"{texto[:TOPE_PROBLEMA]}\n[… {faltan} caracteres más: está entero en la bitácora]"
    return Linea(f"problema · {texto}", evento.agente_id, Tono.AVISO, entera=True)


@linea_de.register
def _(evento: ProblemaOmitido) -> Linea:
    return Linea(evento.mensaje, tono=Tono.AVISO, entera=True)


@linea_de.register
def _(evento: VueltaDetectada) -> Linea:
    texto = f"da vueltas · {evento.mensaje}"
    return Linea(texto, evento.agente_id, Tono.AVISO, entera=True)


@linea_de.register
def _(evento: AgenteTerminado) -> Linea:
    verbo, tono = FINALES[evento.estado]
    detalle = corto(evento.error or evento.resultado)
    texto = f"{verbo} · {detalle}" if detalle not in {"", verbo} else verbo
    return Linea(texto, evento.agente_id, tono)


@linea_de.register
def _(evento: LlamadaReintentada) -> Linea:
    texto = (
        f"espera {evento.espera_s:.1f} s y reintenta (van {evento.intento}) · {corto(evento.error)}"
    )
    return Linea(texto, evento.agente_id, Tono.AVISO)


@linea_de.register
def _(evento: ModeloRelevado) -> Linea:
    texto = f"{evento.de} no contesta ({corto(evento.error)}): sigue con {evento.a}"
    return Linea(texto, evento.agente_id, Tono.AVISO, entera=True)


@linea_de.register
def _(evento: HistoriaCompactada) -> Linea:
    return Linea(
        f"historia compactada · de {evento.antes} a {evento.despues} tokens", evento.agente_id
    )


@linea_de.register
def _(evento: MensajeEncolado) -> Linea:
    en_cola = " · en cola" if evento.de == USUARIO else ""
    return Linea(f"← {evento.de}{en_cola} · {corto(evento.texto)}", evento.agente_id)


@linea_de.register
def _(evento: MandoDado) -> Linea:
    por = "" if evento.de == USUARIO else f" · por {evento.de}"
    return Linea(f"{_MANDOS[evento.mando]}{por}", evento.agente_id, Tono.AVISO)


@linea_de.register
def _(evento: PresupuestoAvisado) -> Linea:
    if evento.cuenta:
        ultimo = ": se le deja un último turno" if evento.parte > _AVISO else ""
        texto = f"presupuesto al {evento.parte} %{ultimo} · {evento.texto}"
        return Linea(texto, evento.agente_id, Tono.AVISO, entera=True)
    texto = f"presupuesto agotado, queda en pausa · {evento.texto} · {_DAR_MAS}"
    return Linea(texto, evento.agente_id, Tono.MAL, entera=True)


@linea_de.register
def _(evento: FalloMaster) -> Linea:
    if evento.clase == Espera.PRESUPUESTO:
        texto = f"presupuesto agotado · {evento.error} · {_DAR_MAS}"
        return Linea(texto, evento.agente_id, Tono.MAL, entera=True)
    return Linea(evento.error, evento.agente_id, Tono.MAL, entera=True)


@linea_de.register
def _(evento: TurnoInterrumpido) -> Linea:
    return Linea(evento.motivo, evento.agente_id, Tono.AVISO, entera=True)


@linea_de.register
def _(evento: FalloInterno) -> Linea:
    return Linea(evento.error, evento.agente_id, Tono.MAL, entera=True)
