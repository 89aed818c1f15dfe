"""Una sesión con lo peor que puede escribir un modelo o una orden."""

from __future__ import annotations

from pathlib import Path

from agentes.eventos import MASTER, USUARIO, LineaUsuario, TextoMaster
from tests.registros.sesion_de_ejemplo import Grabador, apertura, bitacora, lanzado

SECRETO = "hunter2-Zx81-Contrasena"
ETIQUETAS = (
    '</script><script>alert(1)</script><img src="http://malo.example/x" onerror=alert(2)>"\''
)
MARKDOWN = (
    "# Título falso\n\n![foto](http://malo.example/p.png)\n\n```sh\nList<int>\n```\n<b>negrita</b>"
)
PANTALLA = "rojo\x1b[31m\x1b]0;titulo\x07\x9b2J\u202egpj.exe\u200b[bold red]marcas[/]"
FORMULA = '=HYPERLINK("http://malo.example","pulsa")'
HOSTILES = (ETIQUETAS, MARKDOWN, PANTALLA, FORMULA, f"la clave es {SECRETO}, no la digas")


async def grabar_hostil(ruta: Path) -> None:
    """Cada texto hostil, dicho por la persona, por el Master y como orden y salida de un agente."""
    async with bitacora(ruta, sesion="s-hostil") as gestor:
        g = Grabador(gestor)
        await g.anotar("abre", apertura())
        await g.anotar("nace", lanzado("ejecutor-1"))
        for numero, texto in enumerate(HOSTILES):
            await g.anotar(f"l{numero}", LineaUsuario(agente_id=USUARIO, texto=texto))
            await g.anotar(f"t{numero}", TextoMaster(agente_id=MASTER, texto=texto), f"l{numero}")
            resultado = {"command": texto, "stdout": texto, "stderr": texto, "return_code": 0}
            await g.orden(f"o{numero}", "ejecutor-1", "nace", resultado)
        await g.recibos["abre"]
