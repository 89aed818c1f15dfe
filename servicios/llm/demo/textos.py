"""Lo que dice la demostración, en español y en inglés."""

from __future__ import annotations

import re
from typing import Any

from agentes.eventos import Espera, EstadoAgente
from servicios.llm.demo.gramatica import GRAMATICA

_TEXTOS: dict[str, tuple[str, str]] = {
    "presentacion": (
        (
            "Soy la demostración de Enjambre: respondo con reglas fijas, no hay un modelo de lenguaje"
            " detrás. Los agentes, los comandos y los reportes sí son de verdad. Esto es lo que"
            " entiendo:"
        ),
        (
            "I am Enjambre's demonstration: I answer by fixed rules, there is no language model behind"
            " me. The agents, the commands and the reports are real. This is what I understand:"
        ),
    ),
    "clave": (
        (
            "Para conversar con un modelo de verdad, pon en `.env` tu `GOOGLE_API_KEY` o tu"
            " `OPENAI_API_KEY` (y, si quieres elegir, `MODEL=proveedor:modelo`) y vuelve a empezar."
        ),
        (
            "To talk with a real model, put your `GOOGLE_API_KEY` or your `OPENAI_API_KEY` in `.env`"
            " (and `MODEL=provider:model` if you want to choose) and start again."
        ),
    ),
    "no_entiendo": ("No entiendo «{linea}».", "I do not understand “{linea}”."),
    "dos_puntos": (
        "¿Le faltan los dos puntos? Escribe `ejecuta: COMANDO`.",
        "Is the colon missing? Write `run: COMMAND`.",
    ),
    "vacia": ("A `{frase}` le falta lo que va detrás.", "`{frase}` lacks what comes after it."),
    "json": (
        (
            "Los argumentos de `{frase}` no son JSON válido; por ejemplo: `usa HERRAMIENTA"
            ' {{"clave": "valor"}}`.'
        ),
        (
            "The arguments of `{frase}` are not valid JSON; for example: `use TOOL"
            ' {{"key": "value"}}`.'
        ),
    ),
    "lanzado": (
        "En marcha {agente}: {tarea}\nTe lo cuento cuando avise.",
        "{agente} is at work: {tarea}\nI will tell you when it reports.",
    ),
    "lanzados": (
        "En marcha {numero} agentes a la vez:\n{lista}\nTe lo cuento cuando avisen.",
        "{numero} agents at work in parallel:\n{lista}\nI will tell you when they report.",
    ),
    "terminó": ("{agente} terminó:", "{agente} has finished:"),
    "falló": ("{agente} falló:", "{agente} failed:"),
    "llegó a su límite": (
        "{agente} llegó a su límite de pasos sin terminar:",
        "{agente} reached its step limit without finishing:",
    ),
    "fue cancelado": ("{agente} fue cancelado:", "{agente} was cancelled:"),
    "está en pausa": (
        "{agente} está en pausa por un problema y espera una directiva:",
        "{agente} is paused by a problem and waits for a directive:",
    ),
    "parece dar vueltas": (
        "{agente} parece dar vueltas sin avanzar:",
        "{agente} seems to go in circles:",
    ),
    "recibió un mensaje directo": (
        "Le escribiste directamente a {agente}:",
        "You wrote to {agente} directly:",
    ),
    "contestar": (
        (
            "Contéstale con `mensaje a {agente}: TEXTO`; si pones `mensaje a {agente}: ejecuta:"
            " COMANDO`, ejecutará ese comando."
        ),
        (
            "Answer with `message to {agente}: TEXT`; with `message to {agente}: run: COMMAND` it will"
            " run that command."
        ),
    ),
    "sigue": (
        "El reporte sigue: `lee {agente}` lo enseña.",
        "The report goes on: `read {agente}` shows it.",
    ),
    "sin_texto": ("(sin texto)", "(no text)"),
    "todos": (
        "Con esto han terminado los {numero} agentes. Los anteriores dijeron:\n\n{lista}",
        "With this all {numero} agents have finished. The earlier ones said:\n\n{lista}",
    ),
    "sin_agentes": ("Todavía no he lanzado ningún agente.", "I have not launched any agent yet."),
    "estado": ("Así va el enjambre:\n{lista}", "This is how the swarm is doing:\n{lista}"),
    "espera": (" (espera: {espera})", " (waiting for: {espera})"),
    "reporte": ("Reporte de {agente}:", "Report of {agente}:"),
    "entregado": ("{texto}", "Delivered to {agente}."),
    "cancelado": ("{texto}", "{agente} cancelled."),
    "resultado": ("{herramienta} respondió:", "{herramienta} answered:"),
    "codigo": ("(código {codigo})", "(exit code {codigo})"),
    "sin_salida": ("(sin salida)", "(no output)"),
    "recibida": ("Recibí la directiva «{texto}».", "I received the directive “{texto}”."),
    "espero": ("Espero a {agentes}.", "Waiting for {agentes}."),
    "tarea_no_entendida": (
        (
            "Soy un agente de demostración y solo sigo reglas: no entiendo la tarea «{tarea}»."
            " Mándame `ejecuta: COMANDO` o `usa HERRAMIENTA {{json}}`."
        ),
        (
            "I am a demonstration agent and only follow rules: I do not understand the task"
            " “{tarea}”. Send me `run: COMMAND` or `use TOOL {{json}}`."
        ),
    ),
    "nada": ("No quedaba nada por hacer.", "There was nothing left to do."),
}

_ESTADOS: dict[EstadoAgente, tuple[str, str]] = {
    EstadoAgente.STARTED: ("está arrancando", "is starting"),
    EstadoAgente.RUNNING: ("está trabajando", "is working"),
    EstadoAgente.PAUSED: ("está en pausa y espera una directiva", "is paused, awaits a directive"),
    EstadoAgente.COMPLETED: ("terminó su tarea", "has finished its task"),
    EstadoAgente.FAILED: ("falló", "failed"),
    EstadoAgente.MAX_ITERATIONS: ("llegó a su límite de pasos", "reached its step limit"),
    EstadoAgente.CANCELLED: ("fue cancelado", "was cancelled"),
}
_PAUSAS: dict[Espera, tuple[str, str]] = {
    Espera.USUARIO: ("está en pausa hasta que se le reanude", "is paused until it is resumed"),
    Espera.ORDEN: ("está en pausa hasta que se le reanude", "is paused until it is resumed"),
    Espera.PRESUPUESTO: (
        "está en pausa hasta que tenga más presupuesto",
        "is paused until it gets more budget",
    ),
}
"""Las que no acaban con una directiva."""

_ESPERAS: dict[Espera, tuple[str, str]] = {
    Espera.MODELO: ("al modelo", "the model"),
    Espera.HERRAMIENTA: ("a una herramienta", "a tool"),
    Espera.HIJO: ("a un agente suyo", "an agent of its own"),
    Espera.TASA: ("turno con el proveedor", "the provider's rate"),
}
_ESTADO = re.compile(
    r"^(?P<agente>\S+) \([^\n]*?\): (?P<estado>[a-z_]+)(?: esperando (?P<espera>\w+))?"
    r"; superior \S+; tarea: (?P<tarea>.*)$",
    re.MULTILINE,
)


def decir(clave: str, ingles: bool, **datos: Any) -> str:
    """Un texto en el idioma de la persona, con sus huecos llenos."""
    return _TEXTOS[clave][ingles].format(**datos)


def ayuda(ingles: bool) -> str:
    """Qué es, qué entiende y cómo pasar a un modelo de verdad."""
    filas = [
        f"- `{frase.en}`: {frase.does}" if ingles else f"- `{frase.es}`: {frase.hace}"
        for frase in GRAMATICA
    ]
    return "\n".join([decir("presentacion", ingles), "", *filas, "", decir("clave", ingles)])


def cercar(texto: str) -> str:
    """Un bloque de código: lo que imprimió otro se enseña tal cual."""
    cerca = "`" * max(3, 1 + max((len(m) for m in re.findall("`+", texto)), default=0))
    return f"{cerca}\n{texto}\n{cerca}"


def en_codigo(texto: str, tope: int = 120) -> str:
    """La primera línea, acotada, como código."""
    linea = texto.strip().split("\n", 1)[0]
    corta = linea if linea == texto.strip() and len(linea) <= tope else f"{linea[:tope]}…"
    return f"`` {corta} ``" if "`" in corta else f"`{corta}`"


def explicar_estado(texto: str, ingles: bool) -> str:
    """El estado del enjambre, en palabras."""
    lineas = [_explicar_agente(hallado, ingles) for hallado in _ESTADO.finditer(texto)]
    if lineas:
        return decir("estado", ingles, lista="\n".join(lineas))
    return decir("sin_agentes", ingles) if texto.startswith("No se ha lanzado") else texto


def _explicar_agente(hallado: re.Match[str], ingles: bool) -> str:
    try:
        palabras = _ESTADOS[EstadoAgente(hallado["estado"])][ingles]
    except ValueError:
        palabras = hallado["estado"]
    espera = ""
    if hallado["espera"] in _PAUSAS:
        palabras = _PAUSAS[Espera(hallado["espera"])][ingles]
    if hallado["espera"] in _ESPERAS:
        espera = decir("espera", ingles, espera=_ESPERAS[Espera(hallado["espera"])][ingles])
    return f"- **{hallado['agente']}** {palabras}{espera}: {en_codigo(hallado['tarea'])}"
