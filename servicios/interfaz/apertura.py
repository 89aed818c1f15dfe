"""Qué sesión se abre y con qué modelo, según lo que se pidió."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agentes.errores import ErrorConfiguracion
from agentes.presupuesto import Topes
from servicios.ajustes import Ajustes
from servicios.cargar_llm import cargar_llm, elegir_modelo
from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.interfaz.texto import corto
from servicios.llm.preajustes import resolver_modelo
from servicios.registros.esquema.migraciones import preparar
from servicios.registros.lectura.sesiones import elegir_sesion, listar_sesiones
from servicios.registros.reanudacion.cerrojo import esta_abierta

if TYPE_CHECKING:
    from servicios.llm.preajustes import ReferenciaModelo

_MAXIMO = 9
_ESPERA_S = 10.0


@dataclass(frozen=True, slots=True)
class Apertura:
    """El modelo del Master, la sesión si se sigue una y los topes que se le ponen."""

    modelo: ReferenciaModelo
    reanudar: str | None = None
    presupuesto: Topes | None = None

    @property
    def lo_demas(self) -> dict[str, Any]:
        """Con qué se abre, además del modelo."""
        return {"reanudar": self.reanudar, "presupuesto": self.presupuesto}


def elegir(ajustes: Ajustes, pedido: Namespace, cara: str) -> Apertura:
    """Lo que hay que abrir. Bloquea: se llama en un hilo.

    Lanza `ErrorConfiguracion` si no existe la sesión, no se sabe cuál es o falta el modelo.
    """
    return replace(_elegir(ajustes, pedido, cara), presupuesto=pedido.presupuesto)


def _elegir(ajustes: Ajustes, pedido: Namespace, cara: str) -> Apertura:
    _poner_al_dia(ajustes)
    if pedido.bifurcar_en is not None:
        return _bifurcar(ajustes, pedido.bifurcar_en, pedido.modelo)
    if pedido.reanudar is None:
        return Apertura(elegir_modelo(ajustes, demo_sin_clave=cara == "terminal"))
    hallada = elegir_sesion(ajustes.datos / "swarm.db", pedido.reanudar)
    modelo = resolver_modelo(hallada.modelo, ajustes)
    return Apertura(modelo or elegir_modelo(ajustes, demo_sin_clave=True), hallada.id)


def _poner_al_dia(ajustes: Ajustes) -> None:
    """La base de una versión anterior se migra antes de buscar nada en ella."""
    ruta = ajustes.datos / "swarm.db"
    try:
        existe = ruta.exists()
    except OSError as error:
        raise ErrorConfiguracion(
            f"{ajustes.datos}: no se puede usar ({error.strerror}); comprueba sus permisos o di otra"
            " carpeta con ENJAMBRE_DATOS"
        ) from error
    if existe:
        preparar(ruta, espera_s=_ESPERA_S)


def _bifurcar(ajustes: Ajustes, fila: int, modelo: str | None) -> Apertura:
    """Escribe la sesión nueva y la abre como si se reanudara."""
    if not (ajustes.datos / "swarm.db").exists():
        raise ErrorConfiguracion("todavía no hay bitácora: no hay de dónde bifurcar")
    if modelo is not None and (pedida := resolver_modelo(modelo, ajustes)):
        cargar_llm(pedida, ajustes)  # que se queje, también de su clave, antes de escribir nada
    nueva = asyncio.run(crear_bifurcacion(ajustes, fila))
    referencia = resolver_modelo(modelo or nueva.modelo, ajustes)
    return Apertura(referencia or elegir_modelo(ajustes, demo_sin_clave=True), nueva.id)


def preguntar_cual() -> str:
    """Con varias a medias, la que diga la persona; si no, la última. Se llama antes del prompt.

    Lanza `ErrorConfiguracion` si no hay ninguna o no se contesta.
    """
    ajustes = Ajustes.leer()
    _poner_al_dia(ajustes)
    ruta = ajustes.datos / "swarm.db"
    a_medias = [
        s for s in listar_sesiones(ruta) if not s.cerrada and not esta_abierta(ajustes.datos, s.id)
    ][:_MAXIMO]
    if len(a_medias) < 2:
        return elegir_sesion(ruta, "").id
    print("Varias sesiones se quedaron a medias:")
    for numero, sesion in enumerate(a_medias, 1):
        print(f"  {numero}. {sesion.id} {corto(sesion.nombre)}".rstrip())
    try:
        elegido = input("Cuál sigo (número; Enter, la 1): ").strip() or "1"
    except EOFError:
        raise ErrorConfiguracion(
            "no se dijo cuál: python main.py --reanudar ID sigue una"
        ) from None
    if elegido.isdecimal() and 1 <= int(elegido) <= len(a_medias):
        return a_medias[int(elegido) - 1].id
    return elegir_sesion(ruta, elegido).id
