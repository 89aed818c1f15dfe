"""Qué contesta el modelo: se deduce de la historia que recibe, y nada más.

Tras una muerte la misma petición llega otra vez y ha de contestarse igual, así que aquí no se
gasta ningún paso. Lo que nombra cada cosa (órdenes, problemas, reportes) no se repite nunca.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.apoyo import CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR
from tests.dobles.fallos import fallo
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Llamada, Respuesta, llamada, respuesta, texto
from tests.larga.encargos import Encargo, leer, oleada, orden
from tests.larga.plan import Plan

OLEADA = re.compile(r"^oleada (\d+)$", re.MULTILINE)
CHARLA = re.compile(r"¿cómo va\? \[(\d+)\]|^pegado \[(\d+)\]", re.MULTILINE)
APARTE = re.compile(r"al margen (\d+)")
DESPEDIDA = "y con esto acabamos"
FINAL = "esto ha sido todo"
_LANZADO = re.compile(r"Lanzado ([\w-]+)[.,]")
_ACABADO = re.compile(
    r"([\w-]+) \([^)]*\) (?:terminó su tarea|falló|llegó a su límite|fue cancelado)"
)
_PROBLEMA = re.compile(r"(problema|persona)\[(([\w-]+)\.\d+)\]")


def hecha(numero: int) -> str:
    """Lo que dice el Master cuando acaba una oleada."""
    return f"OLEADA {numero} HECHA"


@dataclass(frozen=True)
class Vista:
    """Una petición, leída una vez. Las llamadas que no valieron vuelven sin argumentos."""

    agente: str
    dicho: str
    contestado: str
    pedidas: list[tuple[str, dict[str, Any]]]
    lanzados: list[str]
    primero: str
    hechos: int

    @classmethod
    def de(cls, peticion: Peticion) -> Vista:
        """La de esa petición."""
        mensajes = peticion.mensajes
        turnos = [[ll for ll in m.llamadas if ll[1]] for m in mensajes if m.llamadas]
        propios = [t for t in turnos if t and t[0][0] != MENSAJE]
        return cls(
            agente=peticion.agente,
            dicho="\n".join(m.texto for m in mensajes if m.rol == "user"),
            contestado="\n".join(m.texto for m in mensajes if m.rol == "assistant"),
            pedidas=[ll for turno in turnos for ll in turno],
            lanzados=[
                hallado[1]
                for m in mensajes
                if m.rol == "tool" and (hallado := _LANZADO.search(m.texto))
            ],
            primero=mensajes[0].texto,
            hechos=len(propios),
        )

    @property
    def acabados(self) -> set[str]:
        """De quién se sabe ya que acabó."""
        return set(_ACABADO.findall(self.dicho))

    def por_contestar(self, clase: str) -> list[tuple[str, str]]:
        """Los problemas de los suyos que nadie ha contestado: quién y cuál."""
        escritos = "\n".join(
            str(args["message_content"]) for nombre, args in self.pedidas if nombre == MENSAJE
        )
        return [
            (quien, cual)
            for que, cual, quien in dict.fromkeys(_PROBLEMA.findall(self.dicho))
            if que == clase and directiva(cual) not in escritos
        ]


def directiva(problema: str) -> str:
    """Lo que contesta un superior a ese problema."""
    return f"directiva[{problema}]"


def reporte(agente_id: str) -> str:
    """Con lo que acaba ese agente."""
    return f"hecho[{agente_id}]"


class GuionLargo:
    """Los modelos de la carrera: el del Master y el de todos los demás."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def master(self, peticion: Peticion) -> Respuesta:
        """Reparte las oleadas, contesta problemas y dice cómo va todo."""
        vista = Vista.de(peticion)
        if not peticion.herramientas:
            return texto(f"contesto [{APARTE.findall(vista.dicho)[-1]}]")
        encargos = [e for k in OLEADA.findall(vista.dicho) for e in oleada(int(k), self._plan)]
        if faltan := encargos[sum(nombre == DELEGAR for nombre, _ in vista.pedidas) :]:
            return respuesta("reparto", [_delegacion(e) for e in faltan])
        return _contestar(vista) or texto(_como_va(vista, encargos))

    def agente(self, peticion: Peticion) -> Respuesta:
        """El turno que le toca según su plan; después, su reporte."""
        vista = Vista.de(peticion)
        if contesta := _contestar(vista):
            return contesta
        pasos, paso = vista.hechos, 0
        for turno in leer(vista.primero).turnos:
            if turno == "w":
                if pasos == 0 and len(vista.acabados & set(vista.lanzados)) < len(vista.lanzados):
                    return texto("espero a los míos")
                continue
            if pasos == 0:
                return self._turno(turno, f"{vista.agente}.{paso}")
            pasos, paso = pasos - 1, paso + 1
        return respuesta(llamadas=[llamada(REPORTAR, {"resultado": reporte(vista.agente)})])

    def _turno(self, turno: str | list[Encargo], nombre: str) -> Respuesta:
        if isinstance(turno, list):
            return respuesta(llamadas=[_delegacion(e) for e in turno])
        if turno == "x":
            return fallo("filtro", texto="no puedo seguir por ahí")
        return respuesta(llamadas=[self._pedida(ll, nombre, k) for k, ll in enumerate(turno)])

    def _pedida(self, letra: str, nombre: str, numero: int) -> Llamada:
        if letra in "pq":
            clase = "problema" if letra == "p" else "persona"
            return llamada(PROBLEMA, {"descripcion_problema": f"{clase}[{nombre}]"})
        texto_orden = orden(letra, f"{nombre}.{numero}", self._plan.orden_s)
        return llamada(CONSOLA, {"command": texto_orden})


def _delegacion(encargo: Encargo) -> Llamada:
    return llamada(DELEGAR, {"agent_type": encargo.tipo, "task_description": encargo.tarea})


def _contestar(vista: Vista) -> Respuesta | None:
    pendientes = vista.por_contestar("problema")
    if not pendientes:
        return None
    mensajes = [{"agent_id": a, "message_content": directiva(cual)} for a, cual in pendientes]
    return respuesta(llamadas=[llamada(MENSAJE, m) for m in mensajes])


def _como_va(vista: Vista, encargos: list[Encargo]) -> str:
    """Un texto: las oleadas que acaban, quién pregunta y lo que dijo la persona."""
    partes = [f"van {len(vista.acabados & set(vista.lanzados))} de {len(vista.lanzados)}"]
    por_oleada: dict[int, list[str]] = {}
    for encargo, agente_id in zip(encargos, vista.lanzados, strict=True):
        por_oleada.setdefault(int(encargo.nombre[1:].partition(".")[0]), []).append(agente_id)
    for numero, agentes in por_oleada.items():
        if set(agentes) <= vista.acabados and hecha(numero) not in vista.contestado:
            partes.append(hecha(numero))
    preguntan = [p for p in vista.por_contestar("persona") if p[0] not in vista.acabados]
    partes += [f"{quien} te pregunta {cual}" for quien, cual in preguntan]
    oidas = [a or b for a, b in CHARLA.findall(vista.dicho)]
    partes += [f"oído [{n}]" for n in oidas if f"oído [{n}]" not in vista.contestado]
    if DESPEDIDA in vista.dicho:
        partes.append(FINAL)
    return " · ".join(partes)
