"""`/btw`: una pregunta al margen, que no queda en ninguna historia."""

from __future__ import annotations

import secrets

from agentes.eventos import MASTER, USUARIO
from agentes.eventos_linea import PreguntaAparte
from agentes.respuestas import en_unicode
from prompts.avisos import pregunta_al_master, pregunta_sobre
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.texto import corto
from servicios.registros.lectura.semblanza import semblanza


async def preguntar(escena: Escena, args: str) -> bool:
    """Pregunta al Master sin tocar su historia, o a la bitácora por un agente sin tocarlo.

    Lanza `ErrorModelo` si el modelo no contesta.
    """
    sistema, papel = escena.sistema, escena.papel
    sobre, pregunta = MASTER, en_unicode(args)
    if args.startswith("@"):
        sobre, _, pregunta = pregunta[1:].partition(" ")
    if not pregunta.strip():
        return False
    contexto = sistema.master.historia
    if sobre == MASTER:
        peticion = pregunta_al_master(pregunta)
    else:
        datos = await semblanza(sistema.consultas, sistema.sesion, sobre)
        if datos is None:
            texto = f"No existe el agente «{corto(sobre, 40)}» en esta sesión."
            papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
            return True
        contexto = contexto[:1]  # sus instrucciones: contesta con su misma voz
        peticion = pregunta_sobre(sobre, datos, pregunta, secrets.token_hex(8))
    causa = sistema.anotar(PreguntaAparte(agente_id=USUARIO, texto=pregunta, sobre=sobre))
    turno = sistema.interlocutores[MASTER].turno
    respuesta = await sistema.aparte.contestar(contexto, peticion, causa, turno)
    sistema.master.uso += respuesta.uso
    papel.linea(Linea(f"al margen · {corto(pregunta)}", sobre, Tono.TENUE))
    papel.respuesta(respuesta.texto.strip() or "(el modelo no escribió nada)")
    return True
