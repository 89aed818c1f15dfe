"""`/tablero`, `/ver`, `/textual` y `/recap` en la terminal: en vivo, sin tocar lo que ya se leyó."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from servicios.interfaz.terminal.ordenes.reparto import obedecer
from tests.apoyo import PROBLEMA, REPORTAR, conversar, delegar, enjambre, variables_de
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.interfaz.apoyo_pty import en_pty
from tests.interfaz.apoyo_terminal import PapelDePrueba
from tests.interfaz.apoyo_tmux import escrito, programa
from tests.interfaz.test_terminal_lineal import MAIN
from tests.interfaz.test_terminal_ordenes import demo, escena_de

en_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="no hay tmux")

REPORTE = (
    "  # título\n\n\tsangrado con *asteriscos* y <b>etiquetas</b>\n" + "larga " * 900 + "\nfin"
)


# --- en tmux ----------------------------------------------------------------------------


@pytest.mark.tmux
@en_tmux
async def test_el_tablero_vive_a_pantalla_entera_y_deja_intacto_lo_leido(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.tmux("resize-window", "-x", "80", "-y", "24")
        await t.enviar(
            f"ejecuta: for i in 1 2 3 4 5 6 7 8; do echo veo-$i; sleep 0.4; done; sleep {sueno()}"
        )
        await t.se_ve("agentes: 1 trabajando")
        antes = await t.todo()
        await t.teclear("/tablero")
        await t.pulsar("Enter")
        await t.se_ve("espera a un hijo")
        pantalla = await t.se_ve("→ veo-8")
        lineas = pantalla.rstrip("\n").split("\n")
        assert (len(lineas), max(map(len, lineas)) <= 80) == (24, True)
        assert "ejecutor-1  herramienta" in pantalla
        assert "q, Esc o Ctrl-C vuelven" in lineas[-1]
        assert "Enjambre: habla con el Master" not in pantalla
        await t.tmux("resize-window", "-x", "120", "-y", "40")
        await t.hasta(lambda p: len(p.rstrip("\n").split("\n")) == 40 and "→ veo-8" in p)
        await t.tmux("resize-window", "-x", "80", "-y", "24")
        await t.hasta(lambda p: len(p.rstrip("\n").split("\n")) == 24 and "→ veo-8" in p)
        await t.pulsar("q")
        await t.hasta(lambda p: escrito(p) == "")
        despues = await t.todo()
        assert [ln for ln in antes.split("\n")[:5] if ln not in despues] == []
        assert "vuelven" not in despues
        assert "señal" not in despues
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


@pytest.mark.tmux
@en_tmux
async def test_lo_que_pasa_con_la_pantalla_prestada_sale_al_volver(tmp_path: Path) -> None:
    paso = Respuesta(texto="esto lo dije mientras mirabas", pausa_s=2.0)
    guion = Guion({"Master": [paso, texto("y esto después")]})
    async with (
        DobleOpenAI(guion) as doble,
        programa(tmp_path, **variables_de("openai", doble)) as t,
    ):
        await t.se_ve("tokens")
        await t.enviar("dime algo")
        for tecla in ("Escape", "C-c", "q"):
            await t.enviar("/tablero")
            await t.se_ve("vuelven")
            await t.pulsar(tecla)
            await t.hasta(lambda p: escrito(p) == "")
        await t.enviar("/tablero")
        await t.se_ve("espera a la persona")
        assert "mientras mirabas" not in await t.pantalla()
        await t.pulsar("q")
        await t.se_ve("esto lo dije mientras mirabas")
        await t.teclear("a medio escribir")
        await t.hasta(lambda p: escrito(p) == "a medio escribir")
        await t.pulsar("C-c")
        await t.enviar("otra")
        await t.se_ve("y esto después")
        await t.enviar("/tablero")
        await t.se_ve("vuelven")
        await t.pulsar("C-d")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


@pytest.mark.tmux
@en_tmux
async def test_ver_sigue_a_un_agente_mientras_trabaja(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.enviar(
            f"ejecuta: for i in 1 2 3 4 5 6; do echo paso-$i; sleep 0.5; done; sleep {sueno()}"
        )
        await t.se_ve("agentes: 1 trabajando")
        await t.enviar("/ver ejecutor-1")
        await t.se_ve("en marcha")
        await t.se_ve("    paso-6")
        await t.pulsar("q")
        await t.hasta(lambda p: escrito(p) == "")
        assert "    paso-6" not in await t.todo()
        await t.enviar("/cancelar ejecutor-1")
        await t.se_ve("ejecutor-1 cancelado")
        await t.enviar("/ver ejecutor-1")
        await t.se_ve("ejecutor de consola · cancelado")
        assert escrito(await t.hasta(lambda p: escrito(p) is not None)) == ""
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


@pytest.mark.tmux
@en_tmux
async def test_cerrar_la_ventana_con_el_tablero_puesto_no_deja_nada_vivo(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.enviar(f"ejecuta: sleep {sueno()}")
        await t.se_ve("agentes: 1 trabajando")
        await t.enviar("/tablero")
        await t.se_ve("vuelven")
        assert con_estos_datos(tmp_path)
        await t.tmux("kill-server")
    assert await hasta_que(lambda: not con_estos_datos(tmp_path), 15)


def con_estos_datos(datos: Path) -> list[str]:
    """Los procesos que nacieron con esa carpeta de datos en su entorno."""
    suyos = []
    for ruta in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"ENJAMBRE_DATOS={datos}".encode() in ruta.read_bytes().split(b"\0"):
                suyos.append(ruta.parent.name)
    return suyos


# --- sin terminal completo --------------------------------------------------------------


@pytest.mark.parametrize(("no_color", "term"), [("1", "xterm"), ("", "dumb")])
async def test_sin_terminal_completo_el_tablero_y_ver_son_una_foto(
    tmp_path: Path, no_color: str, term: str
) -> None:
    async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path), NO_COLOR=no_color, TERM=term) as t:
        await t.se_ve("Modelo:")
        n = sueno()
        t.teclear(f"ejecuta: echo hola-$((1+1)); sleep {n}\n")
        await t.se_ve("Te lo cuento cuando avise")
        assert await hasta_que(lambda: bool(vivos(n)), 20)
        t.teclear("/tablero\n")
        await t.se_ve("espera a un hijo")
        await t.se_ve("ejecutor-1  herramienta")
        t.teclear("/ver ejecutor-1\n")
        await t.se_ve("en marcha")
        t.teclear("/recap\n")
        await t.se_ve("Te espera")
        t.teclear("salir\n")
        await t.se_ve("guardada en")
        assert b"\x1b" not in t.bytes
        assert "Traceback" not in t.texto


# --- lo que dicen -----------------------------------------------------------------------


async def test_textual_da_los_reportes_palabra_por_palabra(tmp_path: Path) -> None:
    hostil = f"{REPORTE}\x1b[31m\x1b]0;titulo\x07\u202e"
    guion = Guion(
        {
            "Master": lambda p: texto("bien") if p.resultados else delegar("algo"),
            "ejecutor-1": [
                llamar(PROBLEMA, {"descripcion_problema": "primero\nesto"}),
                llamar(REPORTAR, {"resultado": hostil}),
            ],
        }
    )
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        papel = PapelDePrueba()
        escena = escena_de(sistema, papel)
        await conversar(sistema, "haz algo")
        await obedecer("/textual ejecutor-1", escena)
        assert [ln.texto for ln in papel.lineas[1:]] == ["primero\nesto"]
        sistema.gestor.send_message_to_agent("ejecutor-1", "sigue", "usuario", None)
        await sistema.conversacion.esperar_calma()
        papel.lineas.clear()
        await obedecer("/textual ejecutor-1", escena)
        titulos = [ln.texto.partition(" · ")[0] for ln in papel.lineas[::2]]
        assert titulos == ["problema", "terminado"]
        assert papel.lineas[3].entera
        dicho = papel.lineas[3].texto
        assert dicho.startswith(REPORTE)


async def test_recap_dice_que_se_pidio_como_acabo_y_que_espera_sin_llamar_al_modelo(
    tmp_path: Path,
) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        for numero in range(1, 10):
            await conversar(sistema, f"ejecuta: echo tarea-{numero}")
        await conversar(sistema, "problema: ¿cuál de las dos?")
        llamadas = (await sistema.consultas.totales(sistema.sesion)).total
        filas = await sistema.consultas.ultima_fila(sistema.sesion)
        for orden in ("/recap", "/agentes", "/tablero", "/ver ejecutor-1", "/textual ejecutor-1"):
            papel.lineas.clear()
            await obedecer(orden, escena)
            assert papel.lineas
        papel.lineas.clear()
        await obedecer("/recap", escena)
        assert (await sistema.consultas.totales(sistema.sesion)).total == llamadas
        assert await sistema.consultas.ultima_fila(sistema.sesion) == filas
    dicho = papel.texto
    for esperado in (
        "echo tarea-1",
        "… 4 líneas más …",
        "echo tarea-9",
        "ejecutor-9 terminado",
        "ejecutor-10   en pausa por un problema: ¿cuál de las dos?",
        "tokens de entrada",
        "Lo último que dijo el Master",
    ):
        assert esperado in dicho, esperado
    pedidas = dicho.split("Pediste")[1].split("Agentes")[0]
    assert "tarea-4" not in pedidas
