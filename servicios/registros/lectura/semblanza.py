"""Lo que la bitácora sabe de un agente, en un texto acotado: para contestar sin preguntarle."""

from __future__ import annotations

from servicios.registros.lectura.consultas import Consultas, FilaAgente, FilaComando

HECHOS = 30
ORDENES = 12
_MENSAJE = 200
_SALIDA = 400
_REPORTE = 6_000


async def semblanza(consultas: Consultas, sesion: str, agente_id: str) -> str | None:
    """Quién es, sus últimos hechos y órdenes y su reporte; `None` si no está en la sesión.

    Lanza `ErrorBitacora` si no se puede leer.
    """
    filas = await consultas.agentes(sesion)
    fila = next((f for f in filas if f.agente_id == agente_id), None)
    if fila is None:
        return None
    hechos = await consultas.eventos_de(sesion, agente_id, HECHOS)
    ordenes = await consultas.comandos_de(sesion, agente_id, ORDENES)
    reporte = await consultas.ultimo_reporte(sesion, agente_id)
    return "\n".join(
        (
            *_quien(fila),
            "Últimos hechos:",
            *(f"- {h.timestamp[11:19]} {h.tipo}: {_corto(h.mensaje, _MENSAJE)}" for h in hechos),
            "Últimas órdenes:",
            *(linea for orden in ordenes for linea in _orden(orden)),
            "Último reporte:",
            (reporte or "ninguno")[:_REPORTE],
        )
    )


def _quien(fila: FilaAgente) -> tuple[str, ...]:
    fin = f", acabó {fila.fin[11:19]}" if fila.fin else ""
    return (
        f"{fila.agente_id} ({fila.rol}), de tipo {fila.agent_type}; superior: {fila.superior}",
        f"Tarea: {_corto(fila.tarea, _REPORTE)}",
        f"Estado: {fila.estado}; empezó {fila.inicio[11:19]}{fin} (UTC)",
        f"Tokens: {fila.uso.entrada} de entrada y {fila.uso.salida} de salida; {fila.modelo}",
        *((f"Error: {_corto(fila.error, _REPORTE)}",) if fila.error else ()),
    )


def _orden(orden: FilaComando) -> tuple[str, ...]:
    fin = "en marcha" if orden.cierre is None else f"código {orden.codigo} ({orden.cierre})"
    salidas = (("salida", orden.stdout), ("error", orden.stderr))
    return (
        f"$ {_corto(orden.command, _MENSAJE)} → {fin}",
        *(f"  {nombre}: {_corto(texto, _SALIDA)}" for nombre, texto in salidas if texto.strip()),
    )


def _corto(texto: str, tope: int) -> str:
    junto = " ".join(texto[: tope * 4].split())
    return junto if len(junto) <= tope and len(texto) <= tope * 4 else f"{junto[:tope]}…"
