"""`abrir_sistema()`: una sesión entera, con sus piezas de verdad.

Monta de abajo arriba y cierra al revés: conversación, agentes, consola, modelos y, la última,
la bitácora.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from agentes.definicion import DefinicionAgente
from agentes.eventos import (
    Apunte,
    Evento,
)
from agentes.guardado import SesionGuardada
from agentes.presupuesto import Presupuesto, Topes
from servicios.ajustes import Ajustes
from servicios.buzon import BusEventos
from servicios.cargar_llm import Modelos
from servicios.consola.aislamientos.aislamiento import Aislamiento
from servicios.conversacion import Conversacion
from servicios.gestor_enjambre import GestorEnjambre
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.orden_persona import OrdenesPersona
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.aparte import Aparte
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.preajustes import ReferenciaModelo
from servicios.llm.presupuestos.contaduria import Contaduria
from servicios.montaje import Nucleo, montar
from servicios.orquestador_master import OrquestadorMaster
from servicios.piezas_vivas import Cierre, Deseo, PiezasVivas, abrir_piezas_vivas
from servicios.registros.lectura.consultas import Consultas
from servicios.registros.lectura.sesiones import nueva_sesion
from servicios.registros.reanudacion.cerrojo import tomar_sesion
from servicios.reloj import Reloj, RelojReal


@dataclass(frozen=True, slots=True)
class Sistema:
    """Lo que ve una cara. `rechazos` son las líneas de los tipos de agente que no valen.

    `anotar` guarda un hecho de la propia cara, `redactar` quita los secretos de un texto y `retener`
    dice cuánto del final de uno a medias no se puede enseñar todavía;
    `guardada` es la sesión tal como estaba, si se reanuda; `interlocutores`, los del Master y los
    de los agentes vivos, por su id; `ordenes` ejecuta las de la persona y `aparte` contesta lo que
    pregunta al margen; `contaduria` pone los presupuestos.
    """

    ajustes: Ajustes
    sesion: str
    modelos: Modelos
    cambiar_modelo: Callable[[str], Awaitable[str]]
    aislamiento: Aislamiento
    aprobaciones: Aprobaciones
    tipos: dict[str, DefinicionAgente]
    registro: RegistroHerramientas
    rechazos: tuple[str, ...]
    bus: BusEventos
    conversacion: Conversacion
    master: OrquestadorMaster
    gestor: GestorEnjambre
    consultas: Consultas
    anotar: Callable[[Evento], Apunte]
    redactar: Callable[[str], str]
    retener: Callable[[str], int]
    interlocutores: Mapping[str, Interlocutor]
    ordenes: OrdenesPersona
    aparte: Aparte
    contaduria: Contaduria
    cierre: Cierre
    guardada: SesionGuardada | None

    @property
    def modelo(self) -> str:
        """El general, `proveedor:modelo`."""
        return self.modelos.general


@asynccontextmanager
async def abrir_sistema(
    ajustes: Ajustes,
    referencia: ReferenciaModelo,
    cara: str,
    reloj: Reloj | None = None,
    reanudar: str | None = None,
    presupuesto: Topes | None = None,
) -> AsyncIterator[Sistema]:
    """Abre una sesión entera y la cierra al salir del bloque; `reanudar` es la que se sigue.

    `presupuesto` son los topes que se ponen a la sesión; los que no nombra se quedan como estaban.

    Lanza `ErrorConfiguracion`, `ErrorBitacora` o `ErrorConsola`, en una línea que dice el remedio.
    """
    ajustes.crear_datos()
    async with AsyncExitStack() as pila:
        cierre = Cierre()
        sesion = reanudar or nueva_sesion()
        pila.enter_context(tomar_sesion(ajustes.datos, sesion))
        base = await abrir_piezas_vivas(
            pila, ajustes, referencia, reloj or RelojReal(), Deseo(sesion, reanudar, cara, cierre)
        )
        de_tipos = [tipo.presupuesto for tipo in base.manos.tipos.values()]
        cuentas = base.guardada.cuentas if base.guardada else ()
        base.contaduria.abrir(cuentas, [Presupuesto(presupuesto or {}), *de_tipos])
        apertura = base.anotar_apertura(cara)
        cierre.abierta = True
        await apertura
        if presupuesto:
            await base.contaduria.poner_en_sesion(presupuesto)
        await base.recoger_restos()
        ordenes = await pila.enter_async_context(base.ordenes_persona())
        nucleo = await pila.enter_async_context(
            montar(base.piezas(), base.guardada, base.bitacora.fallo)
        )
        yield _como_se_ve(base, nucleo, ordenes, cierre)


def _como_se_ve(
    base: PiezasVivas, nucleo: Nucleo, ordenes: OrdenesPersona, cierre: Cierre
) -> Sistema:
    """Lo que se enseña a una cara de lo montado."""
    bitacora, manos = base.bitacora, base.manos
    return Sistema(
        ajustes=base.ajustes,
        sesion=bitacora.sesion,
        modelos=base.modelos,
        cambiar_modelo=base.cambiar_modelo,
        aislamiento=manos.consola.aislamiento,
        aprobaciones=manos.aprobaciones,
        tipos=manos.tipos,
        registro=manos.registro,
        rechazos=manos.rechazos,
        bus=base.bus,
        conversacion=nucleo.conversacion,
        master=nucleo.master,
        gestor=nucleo.gestor,
        consultas=base.consultas,
        interlocutores=base.interlocutores,
        ordenes=ordenes,
        aparte=base.aparte(),
        contaduria=base.contaduria,
        anotar=bitacora.anotar,
        redactar=base.guardia.secretos.redactar,
        retener=base.guardia.secretos.retener,
        cierre=cierre,
        guardada=base.guardada,
    )
