"""Las notificaciones que entran en la historia de un superior: marcadas y acotadas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentes.mensajes import Aviso, ClaseAviso
from agentes.pruebas import Verificacion

MARCA = "[Notificación del Sistema de Enjambre]"
"""Con esto empieza todo lo que el sistema mete en una historia."""

_RESERVA_RECORTE = 140
"""Lo que ocupa, como mucho, decir cómo seguir leyendo un reporte recortado."""
_RESERVA_FINAL = 80

_VERBO = {
    ClaseAviso.RESULTADO: "terminó su tarea",
    ClaseAviso.PROBLEMA: "está en pausa por un problema y espera tu directiva",
    ClaseAviso.FALLO: "falló",
    ClaseAviso.LIMITE: "llegó a su límite de pasos sin terminar",
    ClaseAviso.CANCELADO: "fue cancelado",
    ClaseAviso.SESION: "avisa",
}


def notificacion(texto: str) -> str:
    """Un texto del sistema, con su marca."""
    return f"{MARCA} {texto}"


RETIRADO = notificacion(
    "El proveedor rechazó lo último que entró en la conversación y se retiró. Si eran avisos,"
    " estado_enjambre dice qué agentes acabaron o esperan y leer_reporte lo que contaron."
)
"""Lo que queda en lugar de lo que un proveedor no admite."""


DIRECTIVA = notificacion("Mensaje de ")
"""Con esto empieza una directiva para un agente."""

RESUMEN = notificacion("Resumen de los mensajes anteriores, que ya no se ven")
"""Con esto empieza el mensaje que está en lugar de los que se quitaron."""


def resumen_de_historia(texto: str) -> str:
    """El mensaje que ocupa el sitio de los viejos."""
    return f"{RESUMEN} (lo de encima sigue en pie; lo de debajo es lo último):\n{texto}"


def directiva(de: str, texto: str) -> str:
    """Un mensaje para un agente, entero y con su remitente."""
    return f"{DIRECTIVA}{de}:\n{texto}"


def recortar(agente_id: str, texto: str, tope: int) -> str:
    """La cabeza de un texto largo y cómo leer lo demás."""
    if len(texto) <= tope:
        return texto
    return (
        f"{texto[:tope]}\n[… {len(texto) - tope} caracteres más: "
        f'leer_reporte(agent_id="{agente_id}", desde={tope})]'
    )


def resumir_avisos(avisos: Sequence[Aviso], *, tope: int, tope_aviso: int) -> str:
    """Junta los avisos de una ventana en un solo texto de como mucho `tope` caracteres.

    Cada reporte ocupa como mucho `tope_aviso`; con muchos, a cada uno le toca menos. Los avisos
    que aun así no caben se cuentan.
    """
    sobra = tope - len(MARCA) - _RESERVA_FINAL
    fijo = max((len(_linea(aviso, 0)) + _RESERVA_RECORTE for aviso in avisos), default=0)
    parte = max(0, min(tope_aviso, sobra // max(1, len(avisos)) - fijo))
    lineas: list[str] = []
    for aviso in avisos:
        linea = _linea(aviso, parte)
        if len(linea) + 1 > sobra:
            lineas.append(f"y {len(avisos) - len(lineas)} avisos más: usa estado_enjambre.")
            break
        sobra -= len(linea) + 1
        lineas.append(linea)
    return notificacion("\n".join(lineas))


def _linea(aviso: Aviso, tope: int) -> str:
    """Un aviso con `tope` caracteres de su reporte; con 0, solo cómo leerlo."""
    quien = f"{aviso.agente_id} ({aviso.rol[:60]})" if aviso.rol else aviso.agente_id
    cabeza = f"{quien} {_VERBO[aviso.clase]}{' ' + aviso.nota if aviso.nota else ''}"
    if not tope:
        return f"{cabeza}; léelo con leer_reporte."
    return f"{cabeza}: {recortar(aviso.agente_id, aviso.texto, tope)}"


def trozo_de_reporte(agente_id: str, texto: str, desde: int, tope: int) -> str:
    """Un reporte desde un carácter, como mucho `tope`, y cómo leer lo demás."""
    desde = int(desde)  # JSON Schema da por entero un 4.0
    if desde >= len(texto) > 0:
        return f"El reporte de {agente_id} tiene {len(texto)} caracteres: no hay más."
    trozo = texto[desde : desde + tope]
    resto = len(texto) - desde - len(trozo)
    if not resto:
        return trozo
    return f"{trozo}\n[… {resto} caracteres más: sigue con desde={desde + len(trozo)}]"


def texto_estado(estados: Sequence[Mapping[str, str]], tope: int = 12_000) -> str:
    """El estado del enjambre para un modelo: una línea por agente, los vivos primero.

    Pasados `tope` caracteres, los demás se cuentan.
    """
    if not estados:
        return "No se ha lanzado ningún agente en esta sesión."
    lineas: list[str] = []
    for estado in estados:
        linea = (
            f"{estado['agent_id']} ({estado['agent_type']}): {estado['status']}{_probado(estado)}"
            f"{' esperando ' + estado['espera'] if estado['espera'] else ''}"
            f"; superior {estado['superior']}; tarea: {estado['tarea'][:200]}"
        )
        tope -= len(linea) + 1
        if tope < 0:
            lineas.append(f"y {len(estados) - len(lineas)} agentes más.")
            break
        lineas.append(linea)
    return "\n".join(lineas)


def _probado(estado: Mapping[str, str]) -> str:
    """Lo que se sabe de sus pruebas, si las dio o se le exigían."""
    verificacion = estado.get("verificacion", "")
    callado = not estado.get("exige") and verificacion == Verificacion.SIN_PRUEBAS
    return f" ({verificacion})" if verificacion and not callado else ""


RECUERDO = notificacion(
    "Nadie lee tu texto suelto. Si has terminado, llama a reportar_resultado_final; si no puedes"
    " seguir, a reportar_problema; si no, sigue trabajando con tus herramientas."
)
"""Lo que se le dice a un agente que escribe sin llamar a nada."""
