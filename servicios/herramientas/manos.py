"""Las manos de los agentes: la consola, quien da permiso, las herramientas y quién tiene cuáles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace

from agentes.definicion import DefinicionAgente, Existencias, cargar_definiciones
from agentes.errores import ErrorConsola
from agentes.eventos import Apunte, Evento
from agentes.pruebas import CUALQUIERA
from prompts.plantillas import leer_prompt
from prompts.tool_definitions import ESQUEMAS
from servicios.ajustes import Ajustes
from servicios.consola.aislamientos.aislamiento import usuario_de_ordenes
from servicios.consola.permisos import decidir
from servicios.consola.red.proxy import ProxySalida
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.evidencias.comprobador import Comprobador
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.incluidas.consola import PerfilDe, herramienta_consola, perfil_por_tipo
from servicios.herramientas.incluidas.trabajos import herramientas_trabajos
from servicios.herramientas.orden_persona import SitioPersona
from servicios.herramientas.pagadas import ConsolaPagada, PermisoPagado
from servicios.herramientas.permiso import Permiso
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.presupuestos.caja import Caja
from servicios.registros.reanudacion.restos import Restos
from servicios.reloj import Reloj


@dataclass(frozen=True, slots=True)
class Manos:
    """Lo ya montado. `rechazos` son las líneas de los tipos de agente que no valen.

    `de_la_persona` es lo que ella puede usar por su cuenta, y `sitio`, dónde.
    """

    consola: EjecutorConsola
    aprobaciones: Aprobaciones
    registro: RegistroHerramientas
    comprobador: Comprobador
    tipos: dict[str, DefinicionAgente]
    rechazos: tuple[str, ...]
    de_la_persona: RegistroHerramientas
    sitio: SitioPersona


@dataclass(frozen=True, slots=True)
class PuertosManos:
    """De qué viven. `hay_persona` es si hay a quien preguntar; `comprobar_modelo` lanza si no vale.

    `sub` es la subcarpeta de los espacios de los agentes; vacía, la de siempre. `caja` cobra sus
    órdenes.
    """

    anotar: Callable[[Evento, Apunte | None], Apunte]
    reloj: Reloj
    guardia: Guardia
    hay_persona: bool
    sesion: str
    sub: str
    comprobar_modelo: Callable[[str], object]
    caja: Caja


@asynccontextmanager
async def abrir_manos(ajustes: Ajustes, puertos: PuertosManos) -> AsyncIterator[Manos]:
    """Abre la consola y carga los tipos de agente; al salir no queda ningún proceso suyo.

    Lanza `ErrorConsola` si el aislamiento pedido no funciona en esta máquina.
    """
    guardia = puertos.guardia
    async with AsyncExitStack() as pila:
        salida_red = ProxySalida(
            puertos.anotar,
            duenio=usuario_de_ordenes(),
            vigilancia=(guardia.secretos.alarma, guardia.denunciar),
        )
        pila.push_async_callback(salida_red.cerrar)
        quien = (guardia.secretos.senuelo, puertos.sesion, puertos.sub)
        opciones = OpcionesConsola.de(ajustes, *quien)
        consola = await pila.enter_async_context(abrir_consola(ajustes.datos, opciones, salida_red))
        aprobaciones = Aprobaciones(
            puertos.anotar,
            puertos.reloj,
            hay_persona=puertos.hay_persona,
            plazo_s=ajustes.plazo_aprobacion_s,
        )
        tipos: dict[str, DefinicionAgente] = {}
        permiso = Permiso(decidir, aprobaciones, consola.aislamiento, consola.carpeta_de)
        perfil_de = perfil_por_tipo(tipos)
        registro = _registro(consola, perfil_de, PermisoPagado(permiso, puertos.caja), puertos.caja)
        sitio, de_la_persona = SitioPersona(consola), RegistroHerramientas()
        de_la_persona.registrar(herramienta_consola(consola, sitio.perfil, permiso))
        hay = Existencias(registro.nombres | ESQUEMAS.keys(), leer_prompt, puertos.comprobar_modelo)
        validos, rechazos = await asyncio.to_thread(
            cargar_definiciones, ajustes.raiz / "agentes_json", hay
        )
        tipos.update(validos)
        if ajustes.exigir_evidencias:
            tipos.update({nombre: _exigente(tipo) for nombre, tipo in validos.items()})
        limpios = tuple(guardia.depurar(rechazo) for rechazo in rechazos)
        comprobador = Comprobador(consola.comprobaciones, consola.trabajos, perfil_de, permiso)
        yield Manos(
            *(consola, aprobaciones, registro, comprobador, tipos, limpios, de_la_persona, sitio)
        )


async def recoger_restos(manos: Manos, restos: Restos) -> None:
    """Lo que otra vida de la sesión dejó en el disco: se borra lo cerrado y se adopta lo vivo."""
    consola = manos.consola
    for fila in (*restos.cerradas, *restos.huerfanas):
        consola.soltar_operacion(fila)
    for trabajo in restos.trabajos:
        with suppress(ErrorConsola):
            await consola.trabajos.adoptar(
                trabajo.trabajo_id, trabajo.fila, trabajo.orden, trabajo.agente_id
            )
    for agente_id in {t.agente_id for t in restos.trabajos if not t.vive}:
        consola.olvidar(agente_id)


def _exigente(tipo: DefinicionAgente) -> DefinicionAgente:
    """El mismo tipo, que ha de dar alguna prueba aunque no lo dijera."""
    return replace(tipo, evidencias=tipo.evidencias or (CUALQUIERA,))


def _registro(
    consola: EjecutorConsola, perfil_de: PerfilDe, permiso: PermisoPagado, caja: Caja
) -> RegistroHerramientas:
    """Las herramientas incluidas; las que ejecutan algo pasan todas por el mismo permiso."""
    registro = RegistroHerramientas()
    registro.registrar(herramienta_consola(ConsolaPagada(consola, caja), perfil_de, permiso))
    for herramienta in herramientas_trabajos(consola.trabajos, perfil_de, permiso):
        registro.registrar(herramienta)
    return registro
