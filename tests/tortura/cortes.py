"""Una sesión cortada detrás de una fila cualquiera, aunque en vivo fuera con otras a la vez.

Se vuelven a anotar en otra base los mismos hechos hasta esa fila: lo que quedaría si la muerte
cayera justo ahí. Los espacios llevan lo que las órdenes ya cerradas dejaron dicho.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from agentes.eventos import SISTEMA, AgenteLanzado, HechoAnotado, SesionAbierta
from agentes.eventos_llamada import HerramientaTerminada
from servicios.buzon import Difusion, Suscripcion
from servicios.gestor_logs import GestorLogs
from servicios.registros.escritura.apuntes import ApunteFila
from tests.tortura.fotos import abierto
from tests.tortura.mirada import NOMBRE

Cumple = Callable[[HechoAnotado], bool]


class Grabadora(Suscripcion):
    """Guarda todos los hechos, en su orden."""

    def __init__(self) -> None:
        super().__init__()
        self.hechos: list[HechoAnotado] = []

    def recibir(self, cosa: Difusion) -> None:
        """La llama el bus."""
        if isinstance(cosa, HechoAnotado):
            self.hechos.append(cosa)


async def grabar(raiz: Path, datos: Path, *lineas: str) -> Sequence[HechoAnotado]:
    """Corre una sesión entera y devuelve todo lo que pasó, también al abrirla."""
    grabadora = Grabadora()
    async with abierto(raiz, datos) as sistema:
        sistema.bus._suscritos.append(grabadora)
        for linea in lineas:
            await sistema.conversacion.decir(linea)
            await sistema.conversacion.esperar_calma()
    return desde_la_apertura(datos, grabadora.hechos)


def desde_la_apertura(datos: Path, hechos: Sequence[HechoAnotado]) -> Sequence[HechoAnotado]:
    """Los mismos, con la primera fila delante si se guardó antes de poder suscribirse."""
    if hechos[0].id == 1:
        return hechos
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        momento, details = db.execute("SELECT timestamp, details FROM logs WHERE id = 1").fetchone()
    evento = SesionAbierta(agente_id=SISTEMA, **json.loads(details))
    return [HechoAnotado(1, momento, None, evento), *hechos]


def hasta(hechos: Sequence[HechoAnotado], *pasos: Cumple) -> Sequence[HechoAnotado]:
    """Hasta el primero que cumple el último paso, contando desde los que cumplen los de antes."""
    donde = 0
    for cumple in pasos:
        donde = next((i for i in range(donde, len(hechos)) if cumple(hechos[i])), -1)
        assert donde >= 0, "la sesión no pasó por ese punto"
    return hechos[: donde + 1]


async def cortar(hechos: Sequence[HechoAnotado], sesion: str, datos: Path) -> None:
    """Deja en `datos` una sesión con esos hechos y nada más."""
    datos.mkdir(parents=True)
    nuevas: dict[int, ApunteFila] = {}
    async with GestorLogs.abrir(
        datos / "swarm.db", sesion=sesion, publicar=lambda _: None
    ) as bitacora:
        for hecho in hechos:
            if isinstance(hecho.evento, AgenteLanzado):
                await bitacora.siguiente_numero(hecho.evento.agent_type)
            causa = None if hecho.causa is None else nuevas[hecho.causa]
            nuevas[hecho.id] = bitacora.anotar(hecho.evento, causa)
            _dejar_dicho(hecho, datos)


def _dejar_dicho(hecho: HechoAnotado, datos: Path) -> None:
    """Lo que esa orden escribió en su espacio cuando se ejecutó."""
    evento = hecho.evento
    if not isinstance(evento, HerramientaTerminada):
        return
    hecha = NOMBRE.match(str(evento.detalles_propios.get("command", "")))
    if hecha is None:
        return
    espacio = datos / "espacios" / evento.agente_id
    espacio.mkdir(parents=True, exist_ok=True)
    for nombre in ("empezadas", "acabadas"):
        ruta = espacio / nombre
        with ruta.open("a", encoding="utf-8") as archivo:
            archivo.write(f"{hecha[1]}\n")
        ruta.chmod(0o666)
