"""Una sesión en una página HTML sola: línea de tiempo, árbol de agentes y filtros.

No pide nada a nadie: su estilo y su código van dentro, y la política de la página (CSP) solo
deja correr esos dos, por su hash. Todo lo ajeno va escapado. Sin JavaScript se lee igual.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, TextIO

from agentes.eventos import MASTER, SISTEMA, USUARIO
from servicios.consola.secretos.limpieza import limpiar
from servicios.registros.auditoria.en_html_arbol import Tallos, escribir_arbol
from servicios.registros.auditoria.relato import Objeto, Relato

TOPE_DE_FILAS = 20_000
"""Más no se mueven bien en un navegador: quedan las últimas y la página lo dice."""
TOPE_DE_TEXTO = 6_000
"""Caracteres de cada bloque de detalle; entero está en la exportación JSON."""

_CARPETA = Path(__file__).parent
_COLORES = 8
_RUIDO = {"llm_input", "agent_loop"}
"""Tipos que al abrir la página no se ven: son muchos y cuentan poco."""
_CLASES = {"master_input": "usuario", "master_response_text": "respuesta"}
_DATOS = (
    ("inicio (UTC)", "start_time"),
    ("fin (UTC)", "end_time"),
    ("modelo", "modelo"),
    ("aislamiento", "aislamiento"),
    ("agentes", "agentes"),
    ("tokens de entrada", "tokens_in"),
    ("tokens de salida", "tokens_out"),
    ("código de salida", "codigo"),
    ("motivo", "motivo"),
)


def exportar_html(relato: Relato, salida: TextIO) -> str:
    """Escribe la página. Devuelve la nota de lo que falta, o vacío."""
    filas = relato.cuantas()
    nota = ""
    if filas > TOPE_DE_FILAS:
        nota = (
            f"La página lleva las últimas {TOPE_DE_FILAS} filas de {filas}: todas están en la"
            " exportación JSON o CSV."
        )
    sesion = relato.cabecera()
    tipos, agentes = _contar(relato)
    for trozo in _cabecera(sesion, nota):
        salida.write(trozo)
    salida.write('<div class="marco"><aside>\n')
    for trozo in _filtros(relato, sesion, tipos, agentes):
        salida.write(trozo)
    salida.write("</aside><main>\n")
    salida.write(f'<p class="cuenta" id="cuantas">{min(filas, TOPE_DE_FILAS)} hechos</p>\n<ol>\n')
    colores = {agente: numero % _COLORES for numero, agente in enumerate(agentes)}
    for fila in relato.ultimas(TOPE_DE_FILAS):
        salida.write(_fila(fila, colores))
    salida.write(f"</ol>\n</main></div>\n<script>{_leer('pagina.js')}</script>\n</body></html>\n")
    return nota


def _contar(relato: Relato) -> tuple[Counter[str], Counter[str]]:
    tipos: Counter[str] = Counter()
    agentes: Counter[str] = Counter({USUARIO: 0, MASTER: 0, SISTEMA: 0})
    for agente, tipo, cuantos in relato.cuentas(TOPE_DE_FILAS):
        tipos[tipo] += cuantos
        agentes[agente] += cuantos
    return tipos, agentes


# --- la cabecera ------------------------------------------------------------------------


def _cabecera(sesion: Objeto, nota: str) -> Iterator[str]:
    estilo, codigo = _leer("pagina.css"), _leer("pagina.js")
    politica = (
        f"default-src 'none'; style-src '{_hash(estilo)}'; script-src '{_hash(codigo)}';"
        " base-uri 'none'; form-action 'none'"
    )
    titulo = texto(f"Sesión {sesion['session']}")
    yield '<!DOCTYPE html>\n<html lang="es">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{politica}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="color-scheme" content="light dark">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{titulo}</title>\n<style>{estilo}</style>\n</head>\n<body>\n"
    yield f"<header><h1>{titulo}</h1>\n<dl>"
    for nombre, clave in _DATOS:
        if sesion.get(clave) is not None:
            yield f"<div><dt>{nombre}</dt><dd>{texto(sesion[clave])}</dd></div>"
    yield "</dl>\n"
    if nota:
        yield f'<p class="nota">{texto(nota)}</p>\n'
    yield "</header>\n"


def _hash(codigo: str) -> str:
    """Como lo pide una política CSP."""
    resumen = hashlib.sha256(codigo.encode()).digest()
    return f"sha256-{base64.b64encode(resumen).decode()}"


def _leer(nombre: str) -> str:
    return (_CARPETA / nombre).read_text(encoding="utf-8")


# --- los filtros ------------------------------------------------------------------------


def _filtros(
    relato: Relato, sesion: Objeto, tipos: Counter[str], agentes: Counter[str]
) -> Iterator[str]:
    yield '<div data-con-js hidden><h2>Buscar</h2><input type="search" id="busca"'
    yield ' aria-label="Buscar en los hechos" placeholder="texto"></div>\n'
    yield f"<h2>Agentes {_botones('agente')}</h2>\n"
    numeros = {agente: numero for numero, agente in enumerate(agentes)}
    colores = {agente: f"k{numero % _COLORES}" for agente, numero in numeros.items()}
    limites = (str(sesion["start_time"]), relato.ultimo_instante())
    yield from escribir_arbol(relato, Tallos(agentes, colores, limites))
    yield f"<h2>Tipos {_botones('tipo')}</h2>\n<ul>"
    for tipo, cuantos in sorted(tipos.items()):
        puesta = "" if tipo in _RUIDO else " checked"
        yield f'<li><label><input type="checkbox" name="tipo" value="{texto(tipo)}"{puesta}>'
        yield f' {texto(tipo)}<span class="cuantos">{cuantos}</span></label></li>'
    yield '</ul>\n<p data-con-js hidden><button type="button" data-tema>claro / oscuro</button></p>\n'


def _botones(nombre: str) -> str:
    botones = "".join(
        f'<button type="button" data-marca="{nombre}" data-valor="{valor}">{rotulo}</button>'
        for valor, rotulo in (("si", "todos"), ("no", "ninguno"))
    )
    return f"<span data-con-js hidden>{botones}</span>"


# --- una fila ---------------------------------------------------------------------------


def _fila(fila: Objeto, colores: Mapping[str, int]) -> str:
    numero, agente, tipo = int(fila["id"]), str(fila["agente_id"]), str(fila["tipo"])
    causa = fila["causa"]
    clases = f"{texto(fila['log_level'])} {_CLASES.get(tipo, '')}".strip()
    por = f'<a class="c" href="#f{int(causa)}">por {int(causa)}</a>' if causa else ""
    return (
        f'<li id="f{numero}" class="{clases}" data-a="{texto(agente)}" data-t="{texto(tipo)}">'
        f'<a class="n" href="#f{numero}">{numero}</a>'
        f'<time title="{texto(fila["timestamp"])}">{texto(str(fila["timestamp"])[11:19])}</time>'
        f'<span class="a k{colores.get(agente, 0)}">{texto(agente)}</span>'
        f'<div class="m"><span class="t">{texto(tipo)}</span>'
        f"<span>{texto(fila['mensaje'])}</span>{por}{_detalle(fila)}</div></li>\n"
    )


def _detalle(fila: Objeto) -> str:
    """Lo que la frase de la fila no cuenta, plegado."""
    detalles, mensaje = fila["details"], str(fila["mensaje"])
    if not isinstance(detalles, dict):
        return _plegado("details", str(detalles))
    if "command" in detalles and "stdout" in detalles:
        salida = f"$ {detalles['command']}\n{detalles.get('stdout') or ''}"
        if detalles.get("stderr"):
            salida += f"\n[stderr]\n{detalles['stderr']}"
        return _plegado(f"código {detalles.get('return_code')}", salida)
    for clave in ("texto", "resultado", "descripcion", "tarea", "error"):
        valor = detalles.get(clave)
        if isinstance(valor, str) and valor and fila["tipo"] != "tool_execution":
            return "" if mensaje.endswith(valor) else _plegado(clave, valor)
    return _plegado("detalles", json.dumps(detalles, ensure_ascii=False, indent=1))


def _plegado(titulo: str, cuerpo: str) -> str:
    if len(cuerpo) > TOPE_DE_TEXTO:
        cuerpo = f"{cuerpo[:TOPE_DE_TEXTO]}\n[… {len(cuerpo)} caracteres en total]"
    return f"<details><summary>{texto(titulo)}</summary><pre>{texto(cuerpo)}</pre></details>"


def texto(valor: Any) -> str:
    """Un valor como texto de HTML, también dentro de un atributo entre comillas dobles."""
    return escape(limpiar(str(valor)), quote=True)
