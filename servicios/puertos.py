"""Los puertos del núcleo: lo poco que un agente y el gestor saben del mundo.

Son protocolos pequeños, con datos llanos, para que quien está a cada lado no conozca al otro.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentes.acciones import AccionPedida
from agentes.clase_agente import Agente
from agentes.decisiones import InterlocutorDeAgente
from agentes.definicion import DefinicionAgente, Encargo
from agentes.eventos import Apunte, Espera, EstadoAgente, Evento
from agentes.guardado import HistoriaGuardada, PausaGuardada
from agentes.mensajes import Aviso, ClaseAviso, Directiva
from agentes.presupuesto import Presupuesto
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from servicios.herramientas.evidencias.verificador import Veredicto
from servicios.llm.presupuestos.avisos import Revisor
from servicios.llm.vueltas import Umbrales

Anotar = Callable[[Evento, Apunte | None], Apunte]
"""Encola un hecho con su causa; esperar lo que devuelve es esperar a que esté guardado."""

Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]
"""Recibe la fila de su intención, que es la causa de todo lo que haga, y su operación."""


class Puerta(Protocol):
    """Por donde pasa todo efecto: intención guardada, ejecutar, cierre."""

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """El resultado de una llamada y la fila de su cierre."""
        ...


# --- lo que sabe un agente ---------------------------------------------------------------


class Reportes(Protocol):
    """A quién cuenta el agente cómo va. Nunca esperan."""

    def report_agent_status(
        self, agent_id: str, status: EstadoAgente, result: str, causa: Apunte
    ) -> None:
        """El agente terminó: con su resultado o con el motivo."""
        ...

    def report_agent_problem(self, agent_id: str, descripcion: str, causa: Apunte) -> None:
        """El agente pide ayuda y queda en pausa."""
        ...

    def avisar(self, agent_id: str, clase: ClaseAviso, texto: str, causa: Apunte) -> None:
        """Algo que el superior ha de saber del agente, que sigue."""
        ...

    def se_detuvo(self, agent_id: str) -> None:
        """El agente acaba de pararse: quizá ya no se mueva nadie."""
        ...

    def tiene_hijos_en_marcha(self, agent_id: str) -> bool:
        """Si alguno de los suyos puede avisarle sin que él haga nada."""
        ...


class Superior(Reportes, Protocol):
    """Quien lo lanzó: recibe sus reportes y ejecuta lo que pide."""

    async def ejecutar(self, pedida: AccionPedida) -> str:
        """Ejecuta una acción y devuelve lo que ha de leer quien la pidió."""
        ...


class Herramientas(Protocol):
    """Lo que el agente sabe hacer."""

    async def ejecutar(
        self, nombre: str, args: dict[str, Any], agente_id: str, operacion: Operacion
    ) -> ResultadoHerramienta:
        """Ejecuta una herramienta; un fallo vuelve como valor."""
        ...


class Verificador(Protocol):
    """Quien comprueba lo que un agente afirma al acabar."""

    async def revisar(self, llamada: LlamadaHerramienta, turno: int, causa: Apunte) -> Veredicto:
        """Si su reporte se entrega, con qué pruebas, y qué ha de leer él."""


class Presupuestos(Revisor, Protocol):
    """Lo que se puede gastar: lo dicen unas cuentas de verdad o una grabación."""

    def abrir(self, agente_id: str, superior: str, presupuesto: Presupuesto) -> None:
        """La cuenta de uno que nace, bajo la de su superior."""
        ...

    def negar_agente(self, superior: str) -> str:
        """Gasta un agente más o, si no se puede, dice por qué."""
        ...


class Puesto(Protocol):
    """El sitio que ocupa quien está en marcha, de los pocos que hay."""

    def cedido(self, agente: Agente, causa: Apunte) -> AbstractAsyncContextManager[None]:
        """Es para otro mientras dure el bloque; se sale cuando se vuelve a tener uno."""
        ...


class Congelador(Protocol):
    """Quien detiene lo que un agente tiene en marcha, y lo deja seguir; repetirlo no cambia nada."""

    async def congelar(self, agente_id: str) -> int:
        """Lo suyo se detiene y lo que fuera a empezar espera; dice cuántas órdenes son."""
        ...

    async def descongelar(self, agente_id: str) -> None:
        """Lo suyo sigue."""
        ...


@dataclass(frozen=True, slots=True)
class LimitesAgente:
    """`max_iterations` en llamadas al modelo; los topes, en caracteres de notificación.

    `umbrales` son las repeticiones con que se da por hecho que da vueltas.
    """

    max_iterations: int = 20
    tope_resumen: int = 12_000
    tope_aviso: int = 4_000
    umbrales: Umbrales = field(default_factory=Umbrales)


@dataclass(frozen=True, slots=True)
class PuertosAgente:
    """El mundo de un agente."""

    anotar: Anotar
    interlocutor: InterlocutorDeAgente
    puerta: Puerta
    herramientas: Herramientas
    verificador: Verificador
    superior: Superior
    puesto: Puesto
    congelador: Congelador
    presupuestos: Presupuestos


# --- lo que sabe el gestor ---------------------------------------------------------------


class Paradas(Protocol):
    """Lo que detiene a un agente, visto desde quien lo manda."""

    @property
    def mandada(self) -> str:
        """Quién mandó la pausa que sigue en pie, o nadie."""
        ...

    @property
    def da_un_paso(self) -> bool:
        """Si se le dejó dar un paso y no lo ha acabado."""
        ...

    @property
    def espera_directiva(self) -> bool:
        """Si contó un problema y nadie le ha contestado."""
        ...

    @property
    def espera_a_los_suyos(self) -> bool:
        """Si espera a un hijo y aún no le ha llegado nada."""
        ...

    @property
    def esta_quieto(self) -> bool:
        """Si está en pausa y no tiene con qué seguir."""
        ...

    @property
    def se_queda(self) -> bool:
        """Si sigue en pausa en la próxima vida de la sesión."""
        ...

    def pausar(self, de: str, orden: Apunte) -> None:
        """En pausa desde ahora."""
        ...

    def dar_paso(self, orden: Apunte) -> None:
        """Una llamada al modelo, sus herramientas y otra vez en pausa."""
        ...

    def reanudar(self, orden: Apunte) -> None:
        """Sigue por donde iba."""
        ...

    def retomar(self, pausa: PausaGuardada) -> None:
        """La pausa que tenía en otra vida."""
        ...

    async def acordar(self) -> None:
        """Vuelve cuando su consola está como él."""
        ...


class Bucle(Protocol):
    """Un agente con lo que lo mueve."""

    agente: Agente

    @property
    def paradas(self) -> Paradas:
        """Lo que lo detiene."""
        ...

    def inject_message_and_resume(self, mensaje: Directiva | Aviso) -> None:
        """Deja un mensaje en su buzón; si estaba en pausa, sigue."""
        ...

    async def run(self) -> None:
        """Hasta un estado final."""
        ...

    def terminar(self, estado: EstadoAgente, texto: str, causa: Apunte | None = None) -> None:
        """Anota el final y lo cuenta; solo la primera vez vale."""
        ...


@dataclass(slots=True)
class Vivo:
    """Un agente en marcha. `avisar` si su final se cuenta; `se_queda` si sigue en otra vida.

    `motivo` y `parado_por` dicen quién lo paró, si lo paró alguien.
    """

    bucle: Bucle
    tarea: asyncio.Task[None]
    avisar: bool = True
    se_queda: bool = False
    motivo: str = "cancelado"
    parado_por: Apunte | None = None


class Motor(Protocol):
    """Donde corren los agentes."""

    def lanzar(
        self, bucle: Bucle, causa: Apunte, al_acabar: Callable[[], None]
    ) -> asyncio.Task[None]:
        """Pone un agente en marcha, o en cola; `al_acabar` se llama pase lo que pase."""
        ...


class Crear(Protocol):
    """Quien construye un agente y su bucle, sin arrancarlo."""

    def __call__(
        self,
        encargo: Encargo,
        superior: Superior,
        causa: Apunte,
        historia: HistoriaGuardada | None = None,
    ) -> Bucle:
        """Con `historia`, el agente sigue por donde se cortó."""
        ...


@dataclass(frozen=True, slots=True)
class PuertosGestor:
    """De qué vive el gestor.

    `modelo_de` dice con qué modelo piensa un tipo; `siguiente_numero`, el de un agente nuevo de un
    tipo, que se lanza por esa causa; `leer_reporte` da el último reporte de un
    agente, `olvidar` recibe a cada uno que acaba, `esperas` dice a quiénes hace esperar el sistema
    o la persona, `en_cola`, el puesto de uno y por qué espera, `profundidad`, los niveles que hay, y
    `negar_agente`, por qué no se puede pagar uno más.
    """

    anotar: Anotar
    crear: Crear
    motor: Motor
    modelo_de: Callable[[DefinicionAgente], str]
    siguiente_numero: Callable[[str, Apunte | None], Awaitable[int]]
    leer_reporte: Callable[[str], Awaitable[str | None]]
    entregar_al_master: Callable[[Aviso], None]
    olvidar: Callable[[str], None]
    esperas: Callable[[], Mapping[str, Espera]]
    en_cola: Callable[[str], tuple[int, str] | None]
    profundidad: int
    negar_agente: Callable[[str], str]
