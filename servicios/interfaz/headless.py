"""La cara sin terminal: una tarea, el enjambre hasta la calma, la respuesta y un código.

Salida estándar: el último texto del Master, un objeto JSON o los hechos en JSONL. Lo demás, por
la salida de error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from agentes.errores import ErrorConfiguracion
from agentes.eventos import Espera, EstadoAgente, HechoAnotado
from agentes.pruebas import Verificacion
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.codigos import Salida, codigo_de
from servicios.interfaz.lineas import RIESGO, linea_de
from servicios.interfaz.presupuesto import explicacion, seguir_si_hay_mas
from servicios.registros.textos import a_json

if TYPE_CHECKING:
    from servicios.buzon import Suscripcion
    from servicios.sistema import Sistema

Abrir = Callable[[], "AbstractAsyncContextManager[Sistema]"]
FORMATOS = ("texto", "json", "jsonl")


Fines = tuple["asyncio.Task[None]", "asyncio.Future[int]"]
"""Lo que acaba con la espera antes de la calma: el progreso roto o una señal."""


def leer_entrada() -> str | None:
    """Lo que haya en la entrada redirigida; `None` si es un terminal."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8", "replace")


async def ejecutar_tarea(abrir: Abrir, tarea: str | None, formato: str) -> int:
    """Corre una tarea hasta la calma y escribe el resultado. Devuelve el código de salida.

    Sin tarea, sigue lo que la sesión reanudada dejó a medias.
    """
    with contextlib.ExitStack() as pila:
        # Las señales se atienden hasta el final: una segunda no corta el cierre.
        llegada = pila.enter_context(_senales())
        async with abrir() as sistema:
            if not sistema.aislamiento.encierra:
                _avisar(RIESGO)
            for rechazo in sistema.rechazos:
                _avisar(rechazo)
            suscripcion = pila.enter_context(sistema.bus.suscribir())
            progreso = asyncio.create_task(_contar(suscripcion, formato))
            try:
                codigo = await _trabajar(sistema, tarea, formato, (progreso, llegada))
            finally:
                progreso.cancel()
                await asyncio.gather(progreso, return_exceptions=True)
        with contextlib.suppress(OSError):
            _escribir_hechos(suscripcion, formato)
    return codigo


async def _trabajar(sistema: Sistema, tarea: str | None, formato: str, fines: Fines) -> int:
    """De la tarea a la calma (o a la señal), con el resultado escrito."""
    try:
        senal = await _hasta_la_calma(sistema, tarea, fines)
        codigo = senal or _codigo(sistema, tarea)
        sistema.cierre.codigo, sistema.cierre.motivo = codigo, _motivo(codigo)
        if not senal:
            await _escribir_resultado(sistema, formato)
    except OSError:
        # Nadie lee la salida (`| head -1`) o el disco está lleno: no se gasta más.
        sistema.cierre.codigo = codigo = Salida.FALLO
        sistema.cierre.motivo = "no se pudo escribir la salida"
        _avisar("No se pudo escribir la salida: la tarea se deja aquí.")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return codigo


async def _hasta_la_calma(sistema: Sistema, tarea: str | None, fines: Fines) -> int:
    """0 al llegar a la calma; el código de la señal si antes llega una.

    Lanza `OSError` si antes deja de poder escribirse el progreso, y `ErrorConfiguracion` si no se
    dice nada y en la sesión tampoco se dijo nunca.
    """
    progreso, llegada = fines
    if tarea is None and sistema.guardada is not None and sistema.guardada.esta_vacia:
        raise ErrorConfiguracion(
            f"en la sesión {sistema.sesion} no llegó a guardarse ninguna línea: no hay nada que"
            " seguir; dile algo con -p «tarea»"
        )
    await seguir_si_hay_mas(sistema)
    if tarea is not None:
        await sistema.conversacion.decir(tarea)
    calma = asyncio.create_task(sistema.conversacion.esperar_calma())
    esperados: set[asyncio.Future[Any]] = {calma, llegada, progreso}
    try:
        await asyncio.wait(esperados, return_when=asyncio.FIRST_COMPLETED)
    finally:
        calma.cancel()
        await asyncio.gather(calma, return_exceptions=True)
    if progreso.done():
        progreso.result()
    return llegada.result() if llegada.done() else 0


@contextlib.contextmanager
def _senales() -> Iterator[asyncio.Future[int]]:
    """Un futuro que se cumple con el código de la primera señal de parada."""
    bucle = asyncio.get_running_loop()
    llegada: asyncio.Future[int] = bucle.create_future()
    codigos = {
        signal.SIGHUP: Salida.COLGADO,
        signal.SIGINT: Salida.INTERRUMPIDO,
        signal.SIGTERM: Salida.TERMINADO,
    }

    def recibir(codigo: int) -> None:
        if not llegada.done():
            llegada.set_result(codigo)

    for numero, codigo in codigos.items():
        bucle.add_signal_handler(numero, recibir, int(codigo))
    try:
        yield llegada
    finally:
        for numero in codigos:
            bucle.remove_signal_handler(numero)
        llegada.cancel()


def _codigo(sistema: Sistema, tarea: str | None) -> int:
    """El código de una tarea que llegó a la calma; nombra a quien quedó en pausa.

    Si no había nada que hacer, no hay nada que haya salido mal.
    """
    if _explicar_presupuesto(sistema):
        return Salida.PRESUPUESTO
    if tarea is None and sistema.guardada is not None and sistema.guardada.esta_quieta:
        return Salida.BIEN
    estados = sistema.gestor.get_all_agents_status()
    for estado in estados:
        if estado["status"] == EstadoAgente.PAUSED:
            mandada = Espera(estado["espera"]).es_mandada
            que = "que se le reanude" if mandada else f"una directiva de {estado['superior']}"
            _avisar(f"{estado['agent_id']} quedó en pausa: espera {que}")
    error = sistema.conversacion.ultimo_error
    if error is not None and codigo_de(error) is not Salida.FALLO:
        return codigo_de(error)
    malos = {EstadoAgente.FAILED, EstadoAgente.MAX_ITERATIONS, EstadoAgente.PAUSED}
    fallidos = [e["agent_id"] for e in estados if e["status"] in malos]
    if _explicar_denegadas(sistema, fallidos):
        return Salida.DENEGADO
    if error is not None or fallidos:
        return Salida.FALLO
    return Salida.INCIERTO if _nombrar_sin_verificar(estados) else Salida.BIEN


def _explicar_presupuesto(sistema: Sistema) -> bool:
    """Si algo se quedó sin hacer porque se acabó un presupuesto, lo dice y es `True`."""
    lineas = explicacion(sistema)
    for linea in lineas:
        _avisar(linea)
    return bool(lineas)


def _nombrar_sin_verificar(estados: Iterable[Mapping[str, str]]) -> bool:
    """Dice quién acabó sin probar lo que se le exigía; si hay alguno, `True`."""
    sin_verificar = [
        f"{e['agent_id']} ({e['verificacion']})"
        for e in estados
        if e["exige"]
        and e["status"] == EstadoAgente.COMPLETED
        and e["verificacion"] != Verificacion.VERIFICADA
    ]
    if sin_verificar:
        _avisar(f"Acabaron sin probar su resultado: {', '.join(sin_verificar)}")
    return bool(sin_verificar)


def _explicar_denegadas(sistema: Sistema, fallidos: list[str]) -> bool:
    """Dice a qué agentes se les denegó algo; si era algo que se habría preguntado, `True`."""
    denegados = sistema.aprobaciones.denegados().intersection(fallidos)
    prohibidos = sistema.aprobaciones.prohibidos().intersection(fallidos)
    if denegados:
        _avisar(
            f"Se denegaron órdenes de {', '.join(sorted(denegados))}: aquí no se pudo preguntar por"
            " ellas; permítelas con «reglas» en su tipo de agente o hazlo en la conversación"
        )
    if prohibidos:
        _avisar(
            f"Se denegaron órdenes prohibidas de {', '.join(sorted(prohibidos))}: esas no se"
            " preguntan en ninguna parte; el motivo está en la línea de cada una"
        )
    return bool(denegados)


def _motivo(codigo: int) -> str:
    motivos = {
        Salida.BIEN: "tarea terminada",
        Salida.DENEGADO: "tarea con órdenes denegadas",
        Salida.PRESUPUESTO: "se acabó el presupuesto",
        Salida.INCIERTO: "tarea sin verificar",
        Salida.COLGADO: "se cerró la ventana (SIGHUP)",
        Salida.INTERRUMPIDO: "interrumpida (SIGINT)",
        Salida.TERMINADO: "terminada desde fuera (SIGTERM)",
    }
    return motivos.get(Salida(codigo), "tarea con fallos")


# --- escribir ---------------------------------------------------------------------------


async def _contar(suscripcion: Suscripcion, formato: str) -> None:
    async for cosa in suscripcion:
        _escribir_hecho(cosa, formato)


def _escribir_hechos(suscripcion: Suscripcion, formato: str) -> None:
    for cosa in suscripcion.pendientes():
        _escribir_hecho(cosa, formato)


def _escribir_hecho(cosa: object, formato: str) -> None:
    if not isinstance(cosa, HechoAnotado):
        return
    if formato == "jsonl":
        _imprimir_json(_linea(cosa))
    linea = linea_de(cosa.evento)
    if linea is not None:
        _avisar(f"{linea.agente}: {linea.texto}" if linea.agente else linea.texto)


def _linea(hecho: HechoAnotado) -> dict[str, Any]:
    evento = hecho.evento
    return {
        "id": hecho.id,
        "timestamp": hecho.timestamp,
        "agente_id": evento.agente_id,
        "tipo": evento.tipo,
        "causa": hecho.causa,
        "mensaje": evento.mensaje,
        "details": evento.detalles(),
    }


async def _escribir_resultado(sistema: Sistema, formato: str) -> None:
    texto = sistema.conversacion.ultimo_texto
    if formato == "texto":
        _imprimir(limpiar(texto))
    elif formato == "json":
        agentes = await sistema.consultas.agentes(sistema.sesion)
        uso = await sistema.consultas.totales(sistema.sesion)
        objeto = {
            "texto": texto,
            "sesion": sistema.sesion,
            "codigo": sistema.cierre.codigo,
            "modelo": sistema.modelo,
            "uso": uso,
            "agentes": agentes,
        }
        _imprimir_json(objeto)


def _imprimir_json(objeto: dict[str, Any]) -> None:
    """Una línea de JSON; hacia una pantalla, solo ASCII: lo ajeno no mueve ni esconde nada."""
    texto = a_json(objeto)
    _imprimir(json.dumps(json.loads(texto)) if sys.stdout.isatty() else texto)


def _imprimir(texto: str) -> None:
    print(texto, flush=True)


def _avisar(texto: str) -> None:
    with contextlib.suppress(OSError):
        print(limpiar(texto), file=sys.stderr, flush=True)
