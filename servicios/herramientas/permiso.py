"""El permiso de una orden: se analiza, se aplica el modo de su tipo y, si toca, se pregunta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agentes.eventos_permisos import Alcance, Quien
from agentes.perfil_consola import Aprobacion, PerfilConsola, Red, Regla, Veredicto
from agentes.respuestas import Operacion
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.solicitudes import Resolucion, Solicitud
from servicios.registros.escritura.apuntes import ApunteFila

_TOPE_ORDEN = 500


class Decision(Protocol):
    """Lo que se decide de una orden antes de aplicar ningún modo."""

    @property
    def veredicto(self) -> Veredicto:
        """Permitir, preguntar o denegar."""
        ...

    @property
    def motivo(self) -> str:
        """Por qué, en una frase."""
        ...

    @property
    def clase(self) -> tuple[str, ...]:
        """La orden analizada; vacía si no se pudo."""
        ...


Decidir = Callable[[str, tuple[Regla, ...]], Decision]
"""De una orden y las reglas de un tipo de agente a la decisión; nunca lanza."""


class Lugar(Protocol):
    """Lo que el permiso necesita saber del aislamiento."""

    @property
    def nombre(self) -> str:
        """`bwrap`, `landlock`, `docker` o `local`."""
        ...

    @property
    def encierra(self) -> bool:
        """Si impide de verdad salir de la plaza."""
        ...


@dataclass(frozen=True, slots=True)
class Dictamen:
    """Si una orden se ejecuta. `motivo` va a la bitácora; `aviso` lo lee el agente denegado."""

    permitida: bool
    motivo: str
    aviso: str = ""
    detalles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aparte:
    """Dónde empieza y cómo corre una orden que no sigue a la anterior; los lee una persona."""

    carpeta: str
    modo: str


def aplicar_modo(
    veredicto: Veredicto, aprobacion: Aprobacion, *, encierra: bool, red: Red
) -> Veredicto:
    """Lo que queda de una decisión en el modo de un tipo; lo denegado lo está en todos.

    Una orden que se preguntaría corre sin preguntar solo si nada puede salir de donde corre.
    """
    if veredicto is not Veredicto.PREGUNTAR:
        return veredicto
    match aprobacion:
        case Aprobacion.NUNCA_PREGUNTAR:
            return Veredicto.DENEGAR
        case Aprobacion.EN_AISLAMIENTO_LIBRE if encierra and red is Red.NINGUNA:
            return Veredicto.PERMITIR
        case _:
            return Veredicto.PREGUNTAR


class Permiso:
    """Decide cada orden de cada agente; vale para la herramienta de consola y para los trabajos.

    `carpeta_de` dice dónde empezaría la próxima orden de un agente, como lo lee una persona.
    """

    def __init__(
        self,
        decidir: Decidir,
        aprobaciones: Aprobaciones,
        lugar: Lugar,
        carpeta_de: Callable[[str, PerfilConsola], str],
    ) -> None:
        self._decidir = decidir
        self._aprobaciones = aprobaciones
        self._lugar = lugar
        self._carpeta_de = carpeta_de

    async def pedir(
        self,
        orden: str,
        agente_id: str,
        uso: Operacion,
        perfil: PerfilConsola,
        aparte: Aparte | None = None,
    ) -> Dictamen:
        """Vuelve cuando se sabe si la orden se ejecuta; puede esperar a la persona.

        `aparte` es dónde y cómo correría, si no es donde quedó la orden anterior. Lanza
        `ErrorBitacora` si la decisión no se pudo guardar.
        """
        decision = self._decidir(orden, perfil.reglas)
        efectivo = aplicar_modo(
            decision.veredicto, perfil.aprobacion, encierra=self._lugar.encierra, red=perfil.red
        )
        if efectivo is Veredicto.PERMITIR:
            return _permitida(_por_que_pasa(decision, self._lugar.nombre))
        solicitud = Solicitud(
            agente_id=agente_id,
            op=uso.op,
            orden=orden,
            clase=decision.clase,
            motivo=decision.motivo,
            aislamiento=_donde(self._lugar, perfil),
            carpeta=aparte.carpeta if aparte else self._carpeta_de(agente_id, perfil),
            modo=aparte.modo if aparte else "",
            causa=ApunteFila.firme(uso.fila),
        )
        return await self._resolver(solicitud, decision, efectivo)

    async def _resolver(
        self, solicitud: Solicitud, decision: Decision, efectivo: Veredicto
    ) -> Dictamen:
        orden = solicitud.orden
        if efectivo is Veredicto.DENEGAR:
            motivo = _por_que_no(decision)
            prohibida = decision.veredicto is Veredicto.DENEGAR
            hecha = await self._aprobaciones.denegar(solicitud, motivo, prohibida=prohibida)
            return _denegada(orden, motivo, hecha)
        resolucion = await self._aprobaciones.pedir(solicitud)
        if resolucion.permitida:
            return _permitida(_quien_dijo_si(resolucion))
        return _denegada(orden, _quien_dijo_no(resolucion, decision.motivo), resolucion)


def _permitida(motivo: str) -> Dictamen:
    detalles = {"permiso": Veredicto.PERMITIR.value, "permiso_motivo": motivo}
    return Dictamen(True, motivo, detalles=detalles)


def _denegada(orden: str, motivo: str, resolucion: Resolucion) -> Dictamen:
    aviso = (
        f"Orden denegada: «{orden[:_TOPE_ORDEN]}». Motivo: {motivo}. No se ejecutó nada."
        " No lo intentes de otra forma ni lo rodees; si lo necesitas, usa reportar_problema."
    )
    detalles = {
        "permiso": Veredicto.DENEGAR.value,
        "permiso_motivo": motivo,
        "permiso_quien": resolucion.quien.value,
    }
    return Dictamen(False, motivo, aviso, detalles)


def _donde(lugar: Lugar, perfil: PerfilConsola) -> str:
    red = perfil.red if lugar.encierra else "abierta"
    return f"{lugar.nombre} · espacio {perfil.espacio} · red {red}"


def _por_que_pasa(decision: Decision, aislamiento: str) -> str:
    if decision.veredicto is Veredicto.PERMITIR:
        return decision.motivo
    return f"{decision.motivo}; se permite porque {aislamiento} la encierra y no tiene red"


def _por_que_no(decision: Decision) -> str:
    if decision.veredicto is Veredicto.DENEGAR:
        return decision.motivo
    return f"{decision.motivo}, y este tipo de agente nunca pregunta"


def _quien_dijo_si(resolucion: Resolucion) -> str:
    if resolucion.quien is Quien.REGLA:
        de = "este agente" if resolucion.alcance is Alcance.AGENTE else "la sesión"
        return f"la persona aprobó antes esta clase de orden para {de}"
    return f"la persona la aprobó ({resolucion.alcance})"


def _quien_dijo_no(resolucion: Resolucion, preguntada_por: str) -> str:
    match resolucion.quien:
        case Quien.USUARIO if resolucion.motivo:
            return f"la persona la rechazó: {resolucion.motivo}"
        case Quien.USUARIO:
            return f"la persona la rechazó ({preguntada_por})"
        case Quien.PLAZO:
            return f"{resolucion.motivo} ({preguntada_por})"
        case _:
            return resolucion.motivo
