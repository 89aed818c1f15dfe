"""Volver a correr una sesión grabada, sin red y sin ejecutar nada, y decir si hace lo mismo.

grabación → por cada proceso que la escribió: el núcleo de verdad sobre piezas grabadas → otra base
→ ¿mismo hash de eventos?, o el primer hecho distinto
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentes.definicion import DefinicionAgente, Existencias, cargar_definiciones
from agentes.errores import ErrorBitacora, ErrorConfiguracion, ErrorModelo
from agentes.eventos import MASTER, SISTEMA, USUARIO, Evento, SesionAbierta, SesionCerrada
from agentes.eventos_mando import Mando
from agentes.eventos_sesion import SesionBifurcada, SesionReanudada
from agentes.guardado import HistoriaGuardada, SesionGuardada
from prompts.plantillas import leer_prompt
from prompts.tool_definitions import ESQUEMAS
from servicios.ajustes import Ajustes
from servicios.gestor_logs import GestorLogs
from servicios.montaje import Nucleo, montar
from servicios.piezas_grabadas import PiezasGrabadas
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.reanudacion.reanudar import leer_sesion
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.canonico import FilaGrabada, hash_de_eventos, leer_filas
from servicios.registros.reproducir.diferencia import Diferencia, comparar
from servicios.registros.reproducir.guion import ErrorDivergencia, Guion
from servicios.registros.reproducir.paradas import corte_de, foco_de, hasta_parar
from servicios.registros.reproducir.tramos import cierra, tramos_de

ATASCO_S = 10.0
"""Segundos sin que pase nada con los que se da por apartada de lo grabado."""

# Una línea entra en el buzón cuando está guardada: pudo adelantarla lo que llegó detrás.
_LLEGADAS = """
    SELECT destinatario, id, entregado_en FROM notices WHERE session = ?1
    UNION ALL SELECT para, id, entregado_en FROM messages WHERE session = ?1
    ORDER BY entregado_en NULLS LAST, id"""
_MODELO = "SELECT modelo FROM sessions WHERE id = ?"
_DEL_SISTEMA: dict[str, type[Evento]] = {
    "system_init": SesionAbierta,
    "session_resume": SesionReanudada,
    "session_fork": SesionBifurcada,
    "system_exit": SesionCerrada,
}
_DE_APERTURA = _DEL_SISTEMA.keys() - {"system_exit"}


@dataclass(frozen=True, slots=True)
class Grabacion:
    """Una sesión leída para reproducirla. `llegadas` son las filas que entraron en cada buzón."""

    sesion: str
    modelo: str
    filas: dict[str, list[FilaGrabada]]
    llegadas: dict[str, list[int]]

    @property
    def hash(self) -> str:
        """Su hash de eventos."""
        return hash_de_eventos(self.filas)


@dataclass(frozen=True, slots=True)
class Reproduccion:
    """Cómo acabó: los dos hashes y, si no son iguales, dónde se apartó."""

    grabado: str
    obtenido: str
    filas: int
    divergencia: str = ""

    @property
    def es_fiel(self) -> bool:
        """Si hizo lo mismo."""
        return not self.divergencia and self.grabado == self.obtenido


def leer_grabacion(ruta: Path, sesion: str) -> Grabacion:
    """Lee una sesión entera. Bloquea: se llama en un hilo.

    Lanza `ErrorConfiguracion` si le falta algo sin lo que no se puede reproducir.
    """
    try:
        with closing(conectar_lectura(ruta)) as db:
            filas = leer_filas(db, sesion)
            llegadas: dict[str, list[int]] = {}
            for destino, fila, _ in db.execute(_LLEGADAS, (sesion,)):
                llegadas.setdefault(destino, []).append(fila)
            modelo = db.execute(_MODELO, (sesion,)).fetchone()
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
    _exigir_entera(sesion, filas)
    return Grabacion(sesion, str(modelo[0] or "") if modelo else "", filas, llegadas)


def _exigir_entera(sesion: str, filas: dict[str, list[FilaGrabada]]) -> None:
    if not filas:
        raise ErrorConfiguracion(f"no existe la sesión «{sesion[:80]}»")
    for fila in (f for suyas in filas.values() for f in suyas):
        if fila.tipo == "llm_input" and "entran" not in fila.details:
            raise ErrorConfiguracion(
                f"la sesión {sesion} es de una versión que no guardaba lo que entra en cada turno"
                f" (fila {fila.id}): no se puede reproducir"
            )
        if fila.tipo == "security_alarm":
            raise ErrorConfiguracion(
                f"la sesión {sesion} acabó con una alarma de seguridad (fila {fila.id}) y lo que la"
                " causó no se guarda: no se puede reproducir"
            )


async def reproducir(
    grabacion: Grabacion, ajustes: Ajustes, tipos: dict[str, DefinicionAgente] | None = None
) -> Reproduccion:
    """Corre la sesión otra vez en una base temporal y compara.

    Usa los prompts y los tipos de agente de ahora (o los que se den): si cambiaron, se verá dónde
    importa.
    """
    if tipos is None:
        tipos = await asyncio.to_thread(_leer_tipos, ajustes)
    total = sum(map(len, grabacion.filas.values()))
    with tempfile.TemporaryDirectory(prefix="enjambre-reproduce-") as carpeta:
        ruta = Path(carpeta) / "swarm.db"
        divergencia = await _Corrida(grabacion, ajustes, tipos, ruta).correr()
        obtenidas = await asyncio.to_thread(_leer, ruta, grabacion.sesion)
    if not divergencia:
        divergencia = "".join(str(d) for d in comparar(grabacion.filas, obtenidas)[:1])
    return Reproduccion(grabacion.hash, hash_de_eventos(obtenidas), total, divergencia)


def diferencias(ruta: Path, una: str, otra: str) -> list[Diferencia]:
    """En qué se apartan dos sesiones. Bloquea: se llama en un hilo."""
    primera, segunda = _leer(ruta, una), _leer(ruta, otra)
    for sesion, filas in ((una, primera), (otra, segunda)):
        if not filas:
            raise ErrorConfiguracion(f"no existe la sesión «{sesion[:80]}»")
    return comparar(primera, segunda)


def _leer(ruta: Path, sesion: str) -> dict[str, list[FilaGrabada]]:
    try:
        with closing(conectar_lectura(ruta)) as db:
            return leer_filas(db, sesion)
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def _leer_tipos(ajustes: Ajustes) -> dict[str, DefinicionAgente]:
    hay = Existencias(ESQUEMAS.keys(), leer_prompt, lambda _: None)
    return cargar_definiciones(ajustes.raiz / "agentes_json", hay)[0]


@dataclass(slots=True)
class _Corrida:
    """Una reproducción en marcha, tramo a tramo."""

    grabacion: Grabacion
    ajustes: Ajustes
    tipos: dict[str, DefinicionAgente]
    ruta: Path
    leidas: dict[str, int] = field(default_factory=dict)
    hechas: dict[int, FilaGrabada] = field(default_factory=dict)

    async def correr(self) -> str:
        """Todos los tramos; devuelve dónde se apartó, o nada."""
        for filas in tramos_de(self.grabacion.filas):
            try:
                await self._tramo(filas)
            except ErrorDivergencia as error:
                return str(error)
        return ""

    async def _tramo(self, filas: dict[str, list[FilaGrabada]]) -> None:
        cortado = not cierra(filas.get(SISTEMA, []))
        guion = Guion(filas, self.grabacion.llegadas, cortado, self.leidas)
        sesion = self.grabacion.sesion
        async with GestorLogs.abrir(self.ruta, sesion=sesion, publicar=_nada) as bitacora:
            guardada = None
            if self.hechas:
                guardada = await asyncio.to_thread(leer_sesion, self.ruta, sesion)
            anotador = AnotadorGrabado(guion, bitacora.anotar, self.hechas)
            _del_sistema(sesion, guion, anotador, _DE_APERTURA)
            await self._vivir(guion, anotador, guardada)
            anotador.copiar_cierre()
            _del_sistema(sesion, guion, anotador, {"system_exit"})
        anotador.asentar()

    async def _vivir(
        self, guion: Guion, anotador: AnotadorGrabado, guardada: SesionGuardada | None
    ) -> None:
        """El núcleo sobre lo grabado, hasta que ya no queda nada que hacer."""
        grabadas = PiezasGrabadas(
            self.grabacion.sesion, self.grabacion.modelo, self.tipos, self.ajustes, guion, anotador
        )
        reentrega = _reentregas(guardada)
        piezas = grabadas.piezas(reentrega)
        async with montar(piezas, guardada, anotador.fallo) as nucleo, asyncio.TaskGroup() as grupo:
            guion.parar = nucleo.conversacion.interrumpir
            persona = grupo.create_task(_hacer_de_persona(guion, nucleo, grabadas))
            try:
                await _esperar_final(guion, anotador)
            finally:
                guion.acabado = True
                persona.cancel()


async def _hacer_de_persona(guion: Guion, nucleo: Nucleo, grabadas: PiezasGrabadas) -> None:
    """Todo lo que hizo la persona, cuando lo hizo; lo que no llegó a acabar se queda a medias."""
    async with asyncio.TaskGroup() as grupo:
        for fila in guion.de_la_persona():
            if fila.tipo != "master_loop":
                await guion.llega_a(fila)
            match fila.tipo:
                case "master_input":
                    await nucleo.conversacion.decir(fila.details["texto"])
                case "agent_intervention":
                    nucleo.gestor.send_message_to_agent(
                        fila.agente_id, fila.details["texto"], USUARIO, None
                    )
                case "agent_control":
                    mando = Mando(fila.details["mando"])
                    await nucleo.gestor.mandos.dar(mando, fila.agente_id, USUARIO)
                case "master_loop":
                    if await hasta_parar(guion, fila):
                        nucleo.conversacion.interrumpir()
                case "llm_input":
                    grupo.create_task(_compactar(guion, grabadas, fila))
                case _:
                    grupo.create_task(nucleo.gestor.cancelar_agente(fila.agente_id, USUARIO))


async def _compactar(guion: Guion, grabadas: PiezasGrabadas, fila: FilaGrabada) -> None:
    """Lo que hizo `/compactar`; si entonces falló, ahora también."""
    corte = corte_de(guion, fila)
    hacer = grabadas.interlocutores[fila.agente_id].compactar(foco_de(guion, fila))
    async with asyncio.TaskGroup() as grupo:
        tarea = grupo.create_task(_sin_fallar(hacer))
        if corte is not None:
            await guion.llega_a(corte)
            tarea.cancel()


async def _sin_fallar(hacer: Awaitable[object]) -> None:
    with suppress(ErrorModelo):
        await hacer


async def _esperar_final(guion: Guion, anotador: AnotadorGrabado) -> None:
    """Vuelve cuando solo queda cerrar. Lanza `ErrorDivergencia` si deja de avanzar."""
    while not guion.solo_queda_cerrar():
        avances = guion.avances
        try:
            async with asyncio.timeout(ATASCO_S):
                await guion.hasta(lambda: guion.solo_queda_cerrar() or anotador.fallo.done())
        except TimeoutError:
            if guion.avances == avances:
                raise ErrorDivergencia(guion.por_que_se_atasca()) from None
        if anotador.fallo.done():
            raise anotador.fallo.result()


def _del_sistema(
    sesion: str, guion: Guion, anotador: AnotadorGrabado, tipos: Collection[str]
) -> None:
    """La fila con que la sesión se abre o se cierra, si la hay en este tramo."""
    fila = guion.esperada(SISTEMA)
    if fila is not None and fila.tipo in tipos:
        datos: dict[str, Any] = fila.details
        if fila.tipo == "session_fork":
            datos["origen"] = sesion  # la de verdad no está en la base de la reproducción
        anotador.sistema(_DEL_SISTEMA[fila.tipo](agente_id=SISTEMA, **datos), fila)


def _reentregas(guardada: SesionGuardada | None) -> dict[str, int]:
    """Cuánto de lo que entra en el primer turno de cada uno ya había entrado antes del corte."""
    if guardada is None:
        return {}
    historias: dict[str, HistoriaGuardada | None] = {MASTER: guardada.master}
    historias |= {a.agente_id: a.historia for a in guardada.agentes}
    return {
        agente_id: len(h.reentrega.avisos) + len(h.reentrega.directivas)
        for agente_id, h in historias.items()
        if h is not None
    }


def _nada(_: object) -> None:
    """Nadie mira una reproducción según ocurre."""
