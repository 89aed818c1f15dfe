"""La línea directa: de la persona a un agente sin pasar por el Master, y qué fue de cada mensaje."""

from __future__ import annotations

from agentes.eventos import USUARIO
from agentes.mensajes import reparo_de_linea
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.recibos import como_va
from servicios.interfaz.texto import corto

ULTIMOS = 40
_AL_MASTER = "con un blanco delante de la arroba, la línea va al Master"


async def escribir(escena: Escena, resto: str) -> bool:
    """Manda un texto a un agente tal como se escribió; falso si falta el id o el texto."""
    agente_id, blanco, texto = _partir(resto)
    if not (blanco and texto.strip()):
        return False
    if reparo := reparo_de_linea(texto):
        queja = f"No se manda nada a {corto(agente_id, 40)}: el texto {reparo}."
        escena.papel.linea(Linea(queja, tono=Tono.AVISO, entera=True))
        return True
    dicho = escena.sistema.gestor.send_message_to_agent(agente_id, texto, USUARIO, None)
    if dicho.startswith("Error"):
        queja = f"{corto(dicho, 2_000)} ({_AL_MASTER})"
        escena.papel.linea(Linea(queja, tono=Tono.AVISO, entera=True))
    return True


def _partir(resto: str) -> tuple[str, str, str]:
    """El id, el blanco que lo separa y todo lo demás, intacto."""
    for donde, letra in enumerate(resto):
        if letra.isspace():
            return resto[:donde], letra, resto[donde + 1 :]
    return resto, "", ""


async def ver_mensajes(escena: Escena, agente_id: str) -> bool:
    """Los últimos mensajes directos, o solo los de un agente, y cómo va cada uno."""
    sistema, papel = escena.sistema, escena.papel
    recibos = await sistema.consultas.recibos(sistema.sesion)
    suyos = [r for r in recibos if agente_id in {"", r.para}][-ULTIMOS:]
    if not suyos:
        a_quien = f"a {corto(agente_id, 40)}" if agente_id else "a ningún agente"
        papel.linea(Linea(f"En esta sesión no has escrito {a_quien}."))
        return True
    filas = [(str(r.fila), r.para, como_va(r), corto(r.texto)) for r in suyos]
    papel.tabla(("fila", "agente", "cómo va", "texto"), filas)
    return True
