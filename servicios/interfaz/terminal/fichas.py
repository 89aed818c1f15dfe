"""Lo que se enseña a petición: agentes, un agente por dentro y el estado."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from agentes.eventos import EstadoAgente
from agentes.pruebas import Verificacion
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.texto import cabeza, corto

if TYPE_CHECKING:
    from servicios.registros.lectura.consultas import FilaAgente, FilaComando
    from servicios.sistema import Sistema

HECHOS = 12
ORDENES = 8
EVIDENCIAS = 20
LINEAS_DE_SALIDA = 6
LINEAS_DE_REPORTE = 30

_PALABRAS = {
    EstadoAgente.STARTED: ("trabajando", "trabajando"),
    EstadoAgente.RUNNING: ("trabajando", "trabajando"),
    EstadoAgente.PAUSED: ("en pausa", "en pausa"),
    EstadoAgente.COMPLETED: ("terminado", "terminados"),
    EstadoAgente.FAILED: ("fallido", "fallidos"),
    EstadoAgente.MAX_ITERATIONS: ("al límite", "al límite"),
    EstadoAgente.CANCELLED: ("cancelado", "cancelados"),
}


_MARCAS = {Verificacion.VERIFICADA.value: " ✔", Verificacion.FALLIDA.value: " ✘"}


def contar_estados(estados: Iterable[Mapping[str, str]]) -> str:
    """«2 trabajando, 1 en pausa»; «ninguno» si no hay."""
    cuenta = Counter(_PALABRAS[EstadoAgente(e["status"])] for e in estados)
    orden = dict.fromkeys(_PALABRAS.values())
    return ", ".join(f"{cuenta[p]} {p[cuenta[p] > 1]}" for p in orden if cuenta[p]) or "ninguno"


def tokens_de(sistema: Sistema) -> int:
    """Los del Master y los de todos los agentes de la sesión."""
    estados = sistema.gestor.get_all_agents_status()
    return sistema.master.uso.total + sum(int(e["tokens"]) for e in estados)


def en_marcha(sistema: Sistema) -> list[str]:
    """Los ids de los agentes que se cancelarían al cerrar."""
    estados = sistema.gestor.get_all_agents_status()
    quietos = {EstadoAgente.PAUSED}
    return [
        e["agent_id"]
        for e in estados
        if not ((estado := EstadoAgente(e["status"])).es_final or estado in quietos)
    ]


def en_pausa(sistema: Sistema) -> list[str]:
    """Los ids de los que esperan una directiva: siguen así cuando se reanude la sesión."""
    estados = sistema.gestor.get_all_agents_status()
    return [e["agent_id"] for e in estados if e["status"] == EstadoAgente.PAUSED]


def ficha_agentes(sistema: Sistema, papel: Papel) -> None:
    """Una fila por agente, los vivos primero."""
    estados = sistema.gestor.get_all_agents_status()
    if not estados:
        papel.linea(Linea("No se ha lanzado ningún agente."))
        return
    filas = [
        (e["agent_id"], _estado(e), e["superior"], e["tokens"], corto(e["tarea"])) for e in estados
    ]
    papel.tabla(("agente", "estado", "superior", "tokens", "tarea"), filas)


def _estado(estado: Mapping[str, str]) -> str:
    palabra = _PALABRAS[EstadoAgente(estado["status"])][0]
    if estado["espera"]:
        return f"{palabra} (espera: {estado['espera']})"
    return f"{palabra}{_MARCAS.get(estado.get('verificacion', ''), ' ✘' if _debe_pruebas(estado) else '')}"


def _debe_pruebas(estado: Mapping[str, str]) -> bool:
    acabo_bien = EstadoAgente(estado["status"]) is EstadoAgente.COMPLETED
    return acabo_bien and bool(estado.get("exige"))


async def ficha_agente(sistema: Sistema, agente_id: str, papel: Papel) -> None:
    """Un agente por dentro: quién es, qué hizo, qué ejecutó y qué reportó."""
    filas = await sistema.consultas.agentes(sistema.sesion)
    fila = next((f for f in filas if f.agente_id == agente_id), None)
    if fila is None:
        hay = ", ".join(f.agente_id for f in filas) or "ninguno"
        texto = f"No existe el agente «{agente_id}» en esta sesión. Los que hay: {hay}."
        papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
        return
    _escribir_quien(fila, papel)
    vivo = sistema.gestor.get_agent_status(agente_id)
    if vivo and vivo["espera"]:
        papel.linea(Linea(f"  espera: {vivo['espera']}", tono=Tono.AVISO))
    papel.linea(Linea("últimos hechos", tono=Tono.FUERTE))
    for hecho in await sistema.consultas.eventos_de(sistema.sesion, agente_id, HECHOS):
        papel.linea(Linea(f"  {_hora(hecho.timestamp)} {hecho.tipo} · {corto(hecho.mensaje)}"))
    ordenes = await sistema.consultas.comandos_de(sistema.sesion, agente_id, ORDENES)
    if ordenes:
        papel.linea(Linea("órdenes", tono=Tono.FUERTE))
    for orden in ordenes:
        _escribir_orden(orden, papel)
    for prueba in await sistema.consultas.evidencias_de(sistema.sesion, agente_id, EVIDENCIAS):
        tono = Tono.BIEN if prueba.cumple else Tono.AVISO
        texto = prueba.resultado or "comprobando…"
        papel.linea(Linea(f"  {_hora(prueba.timestamp)} {corto(texto, 300)}", tono=tono))
    reporte = await sistema.consultas.ultimo_reporte(sistema.sesion, agente_id)
    if reporte:
        papel.linea(Linea("reporte", tono=Tono.FUERTE))
        _escribir_bloque(reporte, LINEAS_DE_REPORTE, papel)


def _escribir_quien(fila: FilaAgente, papel: Papel) -> None:
    estado = _PALABRAS[fila.estado][0]
    fin = f", fin {_hora(fila.fin)}" if fila.fin else ""
    papel.linea(Linea(f"{fila.rol} · {estado}", fila.agente_id))
    papel.linea(Linea(f"  tarea: {corto(fila.tarea, 2_000)}", entera=True))
    papel.linea(Linea(f"  superior {fila.superior} · modelo {fila.modelo}"))
    if fila.estado.es_final:
        papel.linea(Linea(f"  verificación: {fila.verificacion.replace('_', ' ')}"))
    tokens = f"{fila.uso.entrada} tokens de entrada y {fila.uso.salida} de salida"
    papel.linea(Linea(f"  inicio {_hora(fila.inicio)}{fin} (UTC) · {tokens}"))
    if fila.error:
        papel.linea(Linea(f"  error: {corto(fila.error, 2_000)}", tono=Tono.MAL, entera=True))


def _escribir_orden(orden: FilaComando, papel: Papel) -> None:
    fin = "en marcha" if orden.cierre is None else f"código {orden.codigo}"
    if orden.cierre not in {None, "resultado"}:
        fin = str(orden.cierre)
    papel.linea(Linea(f"  $ {corto(orden.command)} → {fin}", tono=Tono.FUERTE))
    for salida, tono in ((orden.stdout, Tono.NORMAL), (orden.stderr, Tono.AVISO)):
        if salida.strip():
            _escribir_bloque(salida, LINEAS_DE_SALIDA, papel, tono)


def _escribir_bloque(texto: str, lineas: int, papel: Papel, tono: Tono = Tono.NORMAL) -> None:
    for linea in cabeza(texto, lineas):
        papel.linea(Linea(f"    {linea}", tono=tono))


def ficha_estado(sistema: Sistema, papel: Papel) -> None:
    """Cómo va todo: sesión, modelo, aislamiento, agentes, tokens y dónde queda guardado."""
    estados = sistema.gestor.get_all_agents_status()
    agentes = sum(int(e["tokens"]) for e in estados)
    master = "respondiendo" if sistema.conversacion.esta_respondiendo else "a la escucha"
    filas = (
        ("sesión", sistema.sesion),
        ("modelo", sistema.modelo),
        ("aislamiento", sistema.aislamiento.descripcion),
        ("Master", master),
        ("agentes", contar_estados(estados)),
        ("por aprobar", str(len(sistema.aprobaciones.pendientes()) or "nada")),
        ("tipos de agente", ", ".join(sorted(sistema.tipos)) or "ninguno"),
        ("tokens", f"{sistema.master.uso.total} del Master y {agentes} de los agentes"),
        ("bitácora", str(sistema.ajustes.datos / "swarm.db")),
    )
    for nombre, valor in filas:
        papel.linea(Linea(f"{nombre}: {valor}", entera=True))


def _hora(timestamp: str) -> str:
    return timestamp[11:19]
