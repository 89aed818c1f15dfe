"""Las preguntas que se le hacen a una sesión: qué pasó, quién lo hizo, qué falló, cuánto costó."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agentes.errores import ErrorConfiguracion
from servicios.registros.auditoria.base import Base
from servicios.registros.auditoria.filtros import Filtro, condiciones
from servicios.registros.auditoria.hojas import Hoja


@dataclass(frozen=True, slots=True)
class _Vista:
    """Una vista de una fila por hecho: qué columnas se llevan y cuáles se enseñan."""

    nombre: str
    columnas: tuple[str, ...]
    vista: tuple[str, ...] = ()
    texto: str = "mensaje"


_LINEA = _Vista(
    "v_linea",
    ("fila", "timestamp", "agente_id", "tipo", "log_level", "causa", "mensaje"),
    ("fila", "timestamp", "agente_id", "tipo", "causa", "mensaje"),
)
_COMANDOS = _Vista(
    "v_comandos",
    (
        *("fila", "timestamp", "agente_id", "return_code", "motivo", "ms", "cierre", "intento"),
        *("command", "stdout", "stderr"),
    ),
    ("fila", "timestamp", "agente_id", "return_code", "motivo", "ms", "cierre", "command"),
    texto="command",
)
_EVIDENCIAS = _Vista(
    "v_evidencias",
    (
        *("fila", "timestamp", "agente_id", "respuesta", "clase", "cumple", "resultado"),
        *("afirmacion", "fila_cierre"),
    ),
    ("fila", "timestamp", "agente_id", "resultado"),
    texto="resultado",
)
_ERRORES = _Vista("v_errores", ("fila", "timestamp", "agente_id", "tipo", "log_level", "mensaje"))


def linea(base: Base, sesion: str, filtro: Filtro) -> Hoja:
    """La línea de tiempo de una sesión."""
    return _preguntar(base, _LINEA, sesion, filtro)


def comandos(base: Base, sesion: str, filtro: Filtro, *, fallidos: bool = False) -> Hoja:
    """Las órdenes de consola; con `fallidos`, las que no acabaron con código 0."""
    extra = "coalesce(return_code, 1) <> 0 AND cierre IS NOT NULL" if fallidos else "1"
    return _preguntar(base, _COMANDOS, sesion, filtro, extra)


def errores(base: Base, sesion: str, filtro: Filtro) -> Hoja:
    """Lo que salió mal: errores y advertencias, herramientas y agentes que fallaron."""
    return _preguntar(base, _ERRORES, sesion, filtro)


def evidencias(base: Base, sesion: str, filtro: Filtro) -> Hoja:
    """Lo que los agentes afirmaron al acabar, y si se cumplía."""
    return _preguntar(base, _EVIDENCIAS, sesion, filtro)


def _preguntar(base: Base, vista: _Vista, sesion: str, filtro: Filtro, extra: str = "1") -> Hoja:
    """Las últimas filas, o las primeras desde donde se diga, siempre en orden."""
    donde, valores = condiciones(filtro, vista.texto)
    sentido = "DESC" if filtro.desde is None else "ASC"
    columnas = ", ".join(vista.columnas)
    # Con `+session` no se usa el índice de sesión, que obligaría a ordenar todo antes de enseñar
    # cien filas: se recorre por id, solo entre la primera y la última de la sesión.
    filas = base.leer(
        f"SELECT {columnas} FROM {vista.nombre} WHERE fila BETWEEN ? AND ? AND +session = ?"  # noqa: S608 - nada de fuera: nombres de aquí y huecos
        f" AND {donde} AND {extra} ORDER BY fila {sentido} LIMIT ?",
        *(*base.extremos(sesion), sesion, *valores, filtro.limite + 1),
    )
    sobra = len(filas) > filtro.limite
    elegidas = [tuple(fila) for fila in filas[: filtro.limite]]
    if filtro.desde is None:
        elegidas.reverse()
    nota = _nota(elegidas, filtro) if sobra else ""
    return Hoja(vista.columnas, elegidas, vista.vista, nota)


def _nota(filas: list[tuple[Any, ...]], filtro: Filtro) -> str:
    """Cómo se pide lo que falta."""
    if filtro.desde is None:
        donde = f"anteriores a la fila {filas[0][0]}: --hasta {filas[0][0] - 1}"
    else:
        donde = f"detrás de la fila {filas[-1][0]}: --desde {filas[-1][0] + 1}"
    return f"Hay más, {donde} o --limite N (ahora {filtro.limite})"


# --- sesiones ---------------------------------------------------------------------------

_DE_SESION = (
    *("session", "name", "start_time", "end_time", "duracion_s", "agentes", "filas", "bytes"),
    *(
        "tokens_in",
        "tokens_out",
        "codigo",
        "motivo",
        "modelo",
        "aislamiento",
        "cara",
        "version",
        "epoca",
    ),
    *("origen", "origen_fila", "ultima_fila"),
)
_SESION_A_LA_VISTA = (
    *("session", "name", "start_time", "agentes", "filas", "tokens_in", "tokens_out", "codigo"),
    *("motivo", "modelo"),
)


def sesiones(base: Base, filtro: Filtro) -> Hoja:
    """Las sesiones, de la más vieja a la más nueva de las últimas `limite`."""
    filas = base.leer(
        f"SELECT {', '.join(_DE_SESION)} FROM v_sesiones ORDER BY start_time DESC LIMIT ?",  # noqa: S608
        filtro.limite + 1,
    )
    sobra = len(filas) > filtro.limite
    nota = f"Hay más, anteriores: --limite N (ahora {filtro.limite})" if sobra else ""
    elegidas = [tuple(fila) for fila in filas[: filtro.limite]]
    return Hoja(_DE_SESION, elegidas[::-1], _SESION_A_LA_VISTA, nota)


# --- costes -----------------------------------------------------------------------------

AMBITOS = ("agente", "rama", "sesion")
"""De qué se suman los costes: cada agente, él con los que cuelgan de él, o todo."""

_COSTES = ("ambito", "agente_id", "llamadas", "tokens_in", "tokens_out", "tokens_cached", "coste")


def costes(base: Base, sesion: str, filtro: Filtro, ambitos: tuple[str, ...] = AMBITOS) -> Hoja:
    """Llamadas y tokens por agente, por rama y de la sesión; lo más caro primero."""
    huecos = ", ".join("?" * len(ambitos))
    donde, valores = condiciones(replace(filtro, desde=None, hasta=None))
    filas = base.leer(
        f"""SELECT {", ".join(_COSTES)} FROM v_costes
        WHERE session = ? AND ambito IN ({huecos}) AND {donde}
        ORDER BY ambito, tokens_in + tokens_out DESC, agente_id LIMIT ?""",  # noqa: S608
        *(sesion, *ambitos, *valores, filtro.limite + 1),
    )
    sobra = len(filas) > filtro.limite
    nota = f"Hay más: --limite N (ahora {filtro.limite}) o --agente ID" if sobra else ""
    return Hoja(_COSTES, [tuple(fila) for fila in filas[: filtro.limite]], (), nota)


# --- por qué ----------------------------------------------------------------------------

_PASOS = ("paso", "fila", "timestamp", "agente_id", "tipo", "ademas", "mensaje")
# Un resumen de avisos tiene una sola causa, el último; los demás están en sus tablas.
_ADEMAS = """
    SELECT entregado_en, group_concat(id, ' ') FROM (
        SELECT entregado_en, id FROM notices WHERE entregado_en IN (SELECT value FROM json_each(?1))
        UNION ALL
        SELECT entregado_en, id FROM messages WHERE entregado_en IN (SELECT value FROM json_each(?1))
        ORDER BY 2
    ) GROUP BY 1"""


def por_que(base: Base, fila: int, limite: int) -> Hoja:
    """La cadena de causas de una fila, hasta su origen.

    `ademas` son las otras filas que entraron en la misma llamada al modelo. Si no cabe en
    `limite`, quedan el principio y el origen. Lanza `ErrorConfiguracion` si la fila no existe.
    """
    pasos = base.leer(
        "SELECT paso, id, timestamp, agente_id, tipo, mensaje FROM v_causas WHERE fila = ?"
        " ORDER BY paso",
        fila,
    )
    if not pasos:
        raise ErrorConfiguracion(
            f"No hay ninguna fila {fila}: mira las que hay con python main.py auditar linea"
        )
    nota = ""
    if len(pasos) > limite:
        nota = f"Faltan {len(pasos) - limite} pasos de en medio: --limite {len(pasos)}"
        pasos = [*pasos[: limite - 1], pasos[-1]]
    ids = f"[{','.join(str(paso['id']) for paso in pasos)}]"
    ademas = {int(entrada): str(otras) for entrada, otras in base.leer(_ADEMAS, ids)}
    filas = []
    for anterior, paso in zip([*pasos[1:], None], pasos, strict=True):
        causa = str(anterior["id"]) if anterior is not None else ""
        otras = [n for n in ademas.get(paso["id"], "").split() if n != causa]
        filas.append((*tuple(paso)[:5], " ".join(otras) or None, paso["mensaje"]))
    return Hoja(_PASOS, filas, (), nota)


def fila_de_agente(base: Base, sesion: str, agente_id: str) -> int:
    """La fila en que nació un agente de la sesión. Lanza `ErrorConfiguracion` si no hay."""
    filas = base.leer(
        "SELECT fila FROM v_agentes WHERE session = ? AND agent_id = ?", sesion, agente_id
    )
    if not filas:
        raise ErrorConfiguracion(f"«{agente_id}» no es una fila ni un agente de la sesión {sesion}")
    return int(filas[0][0])


# --- tamaño -----------------------------------------------------------------------------

_TAMANO = ("que", "clase", "filas", "bytes")


def tamano(base: Base, limite: int) -> Hoja:
    """Lo que ocupa la base y las sesiones que más pesan; los bytes de cada una, los de sus textos."""
    wal = base.ruta.with_name(f"{base.ruta.name}-wal")
    ocupa = base.ruta.stat().st_size
    ((libres, pagina),) = base.leer(
        "SELECT freelist_count, page_size FROM pragma_freelist_count, pragma_page_size"
    )
    ((todas,),) = base.leer("SELECT coalesce(sum(filas), 0) FROM sessions")
    filas: list[tuple[Any, ...]] = [
        (base.ruta.name, "archivo", todas, ocupa),
        (wal.name, "archivo", None, wal.stat().st_size if wal.exists() else 0),
        ("páginas libres", "de sobra en el archivo", None, libres * pagina),
    ]
    pesadas = base.leer(
        "SELECT id, 'sesión', filas, bytes FROM sessions ORDER BY bytes DESC, id LIMIT ?",
        limite + 1,
    )
    filas += [tuple(sesion) for sesion in pesadas]
    nota = f"Hay más sesiones: --limite N (ahora {limite})" if len(pesadas) > limite else ""
    return Hoja(_TAMANO, filas[: limite + 3], (), nota)
