"""La tabla de las órdenes y las teclas: de ella salen la ayuda, el completado y el reparto."""

from __future__ import annotations

from servicios.interfaz.terminal.ordenes.comando import CONSOLA, DIRECTA, SALIR, Comando, Teclas

_MUCHAS = 10_000

COMANDOS: tuple[Comando, ...] = (
    Comando(
        "/ayuda",
        "",
        "enseña esta tabla (también /help)",
        "generales:ayuda",
        alias=("/help",),
    ),
    Comando(
        "/agentes",
        "",
        "lista los agentes de la sesión: qué hace cada uno y por qué espera (también /agents)",
        "tablero:listar_agentes",
        alias=("/agents",),
    ),
    Comando(
        "/tablero",
        "",
        "lo mismo, vivo y a pantalla entera, hasta que pulses q, Esc o Ctrl-C",
        "tablero:ver_tablero",
    ),
    Comando(
        "/ver",
        "ID",
        "sigue a un agente por dentro: qué hace, hechos, órdenes y reporte",
        "seguir:ver_agente",
        range(1, 2),
    ),
    Comando(
        "/textual",
        "ID",
        "enseña los reportes de un agente, palabra por palabra",
        "reportes:ver_textual",
        range(1, 2),
    ),
    Comando(
        "/recap",
        "",
        "resume la sesión, sin llamar al modelo: qué pediste, quién lo hizo y qué te espera",
        "reportes:recapitular",
    ),
    Comando(
        "/pausar",
        "[ID|rama ID|todos]",
        "detiene a un agente donde está, con su orden congelada; sin decir a quién, a todos (también"
        " /pause)",
        "agentes:pausar",
        range(3),
        ("/pause",),
    ),
    Comando(
        "/paso",
        "ID",
        "deja a uno en pausa hacer una llamada al modelo con sus herramientas (también /step)",
        "agentes:dar_paso",
        range(1, 2),
        ("/step",),
    ),
    Comando(
        "/reanudar",
        "ID|rama ID|todos",
        "hace seguir, con la misma historia, a quien se mandó pausar (las sesiones, con /sesiones)",
        "agentes:reanudar",
        range(1, 3),
    ),
    Comando(
        "/cancelar",
        "ID|rama ID|todos",
        "para un agente y los suyos, o todos, y lo que ejecuten (también /stop)",
        "agentes:cancelar",
        range(1, 3),
        ("/stop",),
    ),
    Comando(
        DIRECTA,
        "texto…",
        "manda el texto a ese agente letra por letra; el Master recibe una línea que lo dice",
        "directa:escribir",
    ),
    Comando(
        "/mensajes",
        "[ID]",
        "enseña tus mensajes a los agentes: en cola, entregado en qué petición, o visto",
        "directa:ver_mensajes",
        range(2),
    ),
    Comando(
        "/btw",
        "[@ID] pregunta…",
        "pregunta al margen: no queda en la conversación; con @ID, contesta desde la bitácora",
        "aparte:preguntar",
        range(1, _MUCHAS),
        tarda=True,
    ),
    Comando(
        CONSOLA,
        "",
        "ejecuta esa orden de consola fuera de los modelos, encerrada como las de los agentes",
        "consola:ejecutar",
        tarda=True,
    ),
    Comando(
        "/permisos",
        "[N]",
        "enseña las peticiones por aprobar, o solo la N, con sus órdenes enteras",
        "aprobaciones:ver_permisos",
        range(2),
    ),
    Comando(
        "/si",
        "[N] [agente|sesion]",
        "aprueba la petición N: una vez, su clase para ese agente o para la sesión",
        "aprobaciones:decir_si",
        range(3),
    ),
    Comando(
        "/no",
        "[N] [motivo…]",
        "rechaza la petición N, con un motivo o sin él",
        "aprobaciones:decir_no",
        range(_MUCHAS),
    ),
    Comando(
        "/contexto",
        "ID [paso]",
        "enseña lo que vio un agente (o `master`) en un paso: mensajes, tokens y qué cambió"
        " (también /context)",
        "contexto:ver_contexto",
        range(1, 3),
        ("/context",),
    ),
    Comando(
        "/compactar",
        "[@ID] [foco…]",
        "resume los mensajes viejos del Master o de un agente, sin perder el foco (también"
        " /compact)",
        "contexto:compactar",
        range(_MUCHAS),
        ("/compact",),
    ),
    Comando(
        "/coste",
        "",
        "enseña los tokens y el dinero de cada agente, de cada rama y de la sesión (también /cost)",
        "costes:ver_costes",
        alias=("/cost",),
    ),
    Comando(
        "/presupuesto",
        "[ID [solo]] [recurso=N|+N…]",
        "enseña lo gastado y los topes, o los pone: usd=1, tokens=+5000 suma, +2 suma dos dólares;"
        " lo que se paró por ellos sigue",
        "presupuesto:ver_o_cambiar",
        range(_MUCHAS),
    ),
    Comando(
        "/modelo",
        "[proveedor:modelo]",
        "dice qué modelos responden, o cambia el general desde la siguiente llamada (también"
        " /model)",
        "modelos:ver_o_cambiar",
        range(2),
        ("/model",),
    ),
    Comando(
        "/estado",
        "",
        "dice cómo va todo: agentes, tokens, aislamiento, sesión (también /status)",
        "generales:ver_estado",
        alias=("/status",),
    ),
    Comando(
        "/sesiones",
        "[sesión]",
        "lista las sesiones, o dice cómo fue una y cómo seguirla (también /resume)",
        "bitacora:ver_sesiones",
        range(2),
        ("/resume",),
    ),
    Comando(
        "/nombrar",
        "NOMBRE",
        "pone nombre a esta sesión (también /rename)",
        "bitacora:nombrar",
        range(1, 100),
        ("/rename",),
    ),
    Comando(
        "/bifurcar",
        "[fila]",
        "hace otra sesión que sigue desde aquí, o desde una fila, con copia de los espacios"
        " (también /fork)",
        "bifurcar:bifurcar_aqui",
        range(2),
        ("/fork",),
    ),
    Comando(
        "/por-que",
        "ID|fila",
        "enseña la cadena de causas de un agente o de una fila de la bitácora",
        "bitacora:ver_por_que",
        range(1, 2),
    ),
    Comando(
        "/exportar",
        "[formato]",
        "saca esta sesión a un archivo, sin secretos: html (por defecto), md, json o csv"
        " (también /export)",
        "bitacora:sacar",
        range(2),
        ("/export",),
    ),
    Comando(
        SALIR,
        "",
        "cierra la sesión (también /salir, /exit, /quit y Ctrl-D)",
        "generales:salir",
        alias=("/salir", "/exit", "/quit"),
    ),
)
"""Las órdenes, en el orden de la ayuda."""

POR_NOMBRE = {nombre: c for c in COMANDOS for nombre in (c.nombre, *c.alias)}
"""Cada orden por su nombre y por sus alias."""

_CIFRAS = "solas en la línea, responden a la única petición por aprobar"

_CTRL_C = (
    "borra lo escrito; si no hay nada, para tu !orden o tu /btw o, si no, la respuesta;"
    " dos veces en dos segundos, sale"
)

TECLAS: Teclas = (
    ("Enter", "envía lo escrito"),
    ("Alt-Enter", "salto de línea sin enviar"),
    ("Tab", "completa órdenes e ids de agentes"),
    ("Arriba, Abajo", "líneas anteriores"),
    ("Ctrl-R", "busca en las líneas anteriores"),
    (
        "Ctrl-G",
        "abre lo escrito en tu editor, `$VISUAL` o `$EDITOR` (también Ctrl-X Ctrl-E)",
    ),
    ("Ctrl-L", "vuelve a dibujar el prompt; no borra nada"),
    ("Ctrl-C", _CTRL_C),
    ("Ctrl-X Ctrl-K", "pregunta si se cancela a todos los agentes; lo escrito se queda"),
    ("Ctrl-D", "en una línea vacía, cierra la sesión"),
    ("1 a 5", _CIFRAS),
)
"""Las teclas con significado propio en el terminal completo."""

TECLAS_LLANAS: Teclas = (
    ("Enter", "envía lo escrito"),
    (
        "Ctrl-C",
        "descarta lo escrito y para tu !orden o la respuesta; dos veces en dos segundos, sale",
    ),
    ("Ctrl-D", "en una línea vacía, cierra la sesión"),
    ("1 a 5", _CIFRAS),
)
"""Las del modo llano, donde la línea es del terminal: Ctrl-C la tira sin decir si había algo."""
