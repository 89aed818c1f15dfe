"""`podar`: archivar sesiones cerradas y quitarlas de la base, con lo que sus agentes dejaron."""

from __future__ import annotations

from argparse import Namespace
from contextlib import AbstractContextManager, closing
from pathlib import Path

from agentes.errores import ErrorConfiguracion
from servicios.ajustes import Ajustes
from servicios.interfaz.codigos import Salida
from servicios.interfaz.lastre import Lastre, apuntar_lastre, soltar_lastre
from servicios.registros.auditoria.filtros import leer_momento
from servicios.registros.custodia.retencion import podar, tamanos, vaciar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.lectura.sesiones import elegir_sesion
from servicios.registros.reanudacion.cerrojo import tomar_sesion

_AGENTES = "SELECT agent_id FROM agent_runs WHERE session = ?"
_OPERACIONES = "SELECT id FROM commands WHERE session = ?"


def correr(argumentos: Namespace) -> int:
    """Poda lo pedido y dice dónde queda archivado. Lanza `ErrorEnjambre` si algo no se puede."""
    datos = Ajustes.leer().datos
    ruta = datos / "swarm.db"
    soltar_lastre(datos)
    elegidas = _elegidas(ruta, argumentos)
    if not elegidas:
        print("No hay ninguna sesión cerrada que podar.")
        return Salida.BIEN
    apuntar_lastre(datos, [_lastre(ruta, sesion) for sesion in elegidas])

    def tomar(sesion: str) -> AbstractContextManager[object]:
        return tomar_sesion(datos, sesion)

    for ancla in podar(ruta, elegidas, datos / "archivo", tomar):
        print(f"{ancla.sesion}: {ancla.filas} filas, archivadas en {ancla.archivo}")
    soltar_lastre(datos)
    if argumentos.vaciar:
        vaciar(ruta)
        print("El sitio libre de la base ha vuelto al disco.")
    return Salida.BIEN


def _elegidas(ruta: Path, argumentos: Namespace) -> list[str]:
    if not ruta.exists():
        raise ErrorConfiguracion(f"{ruta}: todavía no hay bitácora")
    if argumentos.antes_de is not None:
        antes_de = leer_momento(argumentos.antes_de)
        if isinstance(antes_de, int):
            raise ErrorConfiguracion("--antes-de quiere una fecha UTC, como 2026-01-31")
        return [t.sesion for t in tamanos(ruta) if t.fin is not None and t.fin < antes_de]
    if not all(argumentos.sesiones):
        raise ErrorConfiguracion("podar: hay un ID vacío; di qué sesión se poda")
    # Dicha dos veces, o por su nombre y por su id, es una.
    return list(dict.fromkeys(elegir_sesion(ruta, p).id for p in argumentos.sesiones))


def _lastre(ruta: Path, sesion: str) -> Lastre:
    sub = elegir_sesion(ruta, sesion).sub
    with closing(conectar_lectura(ruta)) as db:
        agentes = tuple(f[0] for f in db.execute(_AGENTES, (sesion,)))
        operaciones = tuple(f[0] for f in db.execute(_OPERACIONES, (sesion,)))
    return Lastre(sesion, sub, agentes, operaciones)
