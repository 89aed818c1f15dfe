"""Lo que tenía parado a un agente: una cancelación a medias, una pausa mandada o su propia espera."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from agentes.eventos import Apunte, Espera, EstadoAgente
from agentes.guardado import PausaGuardada
from servicios.registros.escritura.apuntes import ApunteFila

_PARADA = """
    SELECT id, details ->> '$.de' AS de FROM logs
    WHERE session = ? AND agente_id = ? AND tipo = 'swarm_management' ORDER BY id LIMIT 1"""
_MANDOS = """
    SELECT id, details ->> '$.mando' AS mando, details ->> '$.de' AS de FROM logs
    WHERE session = ? AND agente_id = ? AND tipo = 'agent_control' AND mando <> 'paso'
    ORDER BY id DESC LIMIT 1"""
# Sin las esperas que puso el sistema.
_ESTADO = """
    SELECT details ->> '$.estado' AS estado, details ->> '$.espera' AS espera FROM logs
    WHERE session = ? AND agente_id = ? AND tipo = 'agent_loop' AND details ->> '$.motivo' IS NULL
        AND (?3 OR espera NOT IN ('usuario', 'orden'))
    ORDER BY id DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class ParadaGuardada:
    """`estado` y `espera` son los suyos, debajo de su `pausa`; `parado_por`, quien lo canceló y dónde."""

    estado: EstadoAgente
    espera: Espera
    pausa: PausaGuardada | None
    parado_por: Apunte | None
    parado_de: str


def parada_de(db: sqlite3.Connection, sesion: str, agente_id: str) -> ParadaGuardada:
    """La de un agente vivo. Lanza `sqlite3.Error`."""
    quien = (sesion, agente_id)
    cancelada = db.execute(_PARADA, quien).fetchone()
    suyo = db.execute(_ESTADO, (*quien, 0)).fetchone() or (EstadoAgente.STARTED, Espera.NADA)
    return ParadaGuardada(
        estado=EstadoAgente(suyo[0]),
        espera=Espera(suyo[1]),
        pausa=_pausa(db, quien),
        parado_por=ApunteFila.firme(cancelada[0]) if cancelada else None,
        parado_de=cancelada[1] if cancelada else "",
    )


def _pausa(db: sqlite3.Connection, quien: tuple[str, str]) -> PausaGuardada | None:
    mando = db.execute(_MANDOS, quien).fetchone()
    if mando is None or mando[1] != "pausar":
        return None
    visto = db.execute(_ESTADO, (*quien, 1)).fetchone()
    consta = visto is not None and Espera(visto[1]).es_mandada
    return PausaGuardada(mando[2], ApunteFila.firme(mando[0]), consta)
