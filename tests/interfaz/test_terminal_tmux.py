from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from servicios.interfaz.terminal import COMANDOS, TECLAS
from tests.apoyo import variables_de
from tests.consola.apoyo import sueno
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Respuesta, respuesta
from tests.interfaz.apoyo_tmux import escrito, programa

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no hay tmux"),
]

FRASE = "el enjambre no me roba ni una sola letra aunque llueva salida por todas partes"


async def _vivos(orden: str) -> bool:
    """Si queda algún proceso con ese texto en su orden."""
    for ruta in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if orden.encode() in ruta.read_bytes().replace(b"\0", b" "):
                return True
        except OSError:
            continue
    return False


async def test_con_tres_agentes_trabajando_el_master_contesta(tmp_path: Path) -> None:
    orden = f"sleep {sueno()}"
    async with programa(tmp_path) as t:
        await t.enviar(f"ejecuta: {orden} y ejecuta: {orden} y ejecuta: {orden}")
        await t.se_ve("agentes: 3 trabajando")
        await t.enviar("estado")
        await t.se_ve("Así va el enjambre", 5)
        await t.se_ve("agentes: 3 trabajando", 2)
        await t.enviar("salir")
        pantalla = await t.se_ve("CODIGO=")
        assert "CODIGO=0" in pantalla
        assert "Agentes cancelados: ejecutor-1, ejecutor-2, ejecutor-3." in pantalla
        assert not await _vivos(orden)


@pytest.mark.solo
async def test_lo_tecleado_no_se_mezcla_ni_se_pierde_mientras_llueve_salida(
    tmp_path: Path,
) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        lluvia = [f"ejecuta: sleep {n % 12 * 0.3:.1f}; seq 8" for n in range(24)]
        await t.enviar(" y ".join(lluvia))
        await t.se_ve("lanzado")
        cuadros = []
        for letra in FRASE:
            await t.teclear(letra)
            cuadros.append(await t.pantalla())
        await t.hasta(lambda pantalla: escrito(pantalla) == FRASE)
        vistos = [visto for cuadro in cuadros if (visto := escrito(cuadro)) is not None]
        assert len(cuadros) > 60
        assert len(vistos) > len(cuadros) * 0.8
        assert [v for v in vistos if not FRASE.startswith(v)] == []
        assert [len(v) for v in vistos] == sorted(len(v) for v in vistos)
        assert len({cuadro.rpartition("›")[0] for cuadro in cuadros}) > 5, "no llovía"
        await t.pulsar("C-c")
        await t.hasta(lambda pantalla: escrito(pantalla) == "")
        await t.se_ve("agentes: 24 terminados")
        await t.pulsar("C-d")
        await t.se_ve("CODIGO=0")


async def test_la_respuesta_sale_a_trozos_y_ctrl_c_para_solo_la_respuesta(tmp_path: Path) -> None:
    larga = Respuesta(
        texto=" ".join(f"palabra{n}" for n in range(400)), entre_trozos_s=0.1, trozos=200
    )
    guion = Guion({"Master": [larga, respuesta(texto="aquí sigo")]})
    async with DobleOpenAI(guion) as doble:
        async with programa(tmp_path, **variables_de("openai", doble)) as t:
            await t.enviar("cuéntame algo largo")
            pantalla = await t.se_ve("palabra8")
            assert "palabra399" not in pantalla
            await t.teclear("a medio escribir")
            await t.hasta(lambda p: escrito(p) == "a medio escribir")
            await t.pulsar("C-c")
            await t.hasta(lambda p: escrito(p) == "")
            await t.pulsar("C-c")
            await t.se_ve("respuesta parada")
            await t.enviar("¿sigues?")
            await t.se_ve("aquí sigo")
            await t.pulsar("C-c")
            await t.se_ve("Otra vez Ctrl-C para salir")
            await t.pulsar("C-c")
            await t.se_ve("CODIGO=0")
        assert not doble.rechazos


async def test_ctrl_d_con_agentes_vivos_dice_a_quien_cancela(tmp_path: Path) -> None:
    orden = f"sleep {sueno()}"
    async with programa(tmp_path) as t:
        await t.enviar(f"ejecuta: {orden}")
        await t.se_ve("agentes: 1 trabajando")
        await t.pulsar("C-d")
        pantalla = await t.se_ve("CODIGO=")
        assert "Agentes cancelados: ejecutor-1." in pantalla
        assert "CODIGO=0" in pantalla
        assert not await _vivos(orden)


async def test_lo_tecleado_antes_de_abrir_se_envia(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("›")
        await t.enviar("ejecuta: echo temprano")
        await t.se_ve("ejecutor-1 terminó")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


async def test_cambiar_de_tamano_no_estropea_lo_escrito(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.teclear("mitad ")
        await t.hasta(lambda p: escrito(p) == "mitad")
        await t.tmux("resize-window", "-x", "70", "-y", "20")
        await t.teclear("y mitad")
        await t.hasta(lambda p: escrito(p) == "mitad y mitad")
        await t.tmux("resize-window", "-x", "120", "-y", "40")
        await t.hasta(lambda p: escrito(p) == "mitad y mitad")
        await t.pulsar("C-c")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


async def test_ver_cancelar_y_un_pegado_de_varias_lineas(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.tmux("set-buffer", "ejecuta: echo veo-$((40+2))\nejecuta: sleep 99\n")
        await t.tmux("paste-buffer", "-p")
        await t.pulsar("Enter")
        await t.se_ve("ejecutor-1 terminó")
        await t.enviar("/ver ejecutor-1")
        pantalla = await t.se_ve("reporte")
        assert "$ echo veo-$((40+2)) → código 0" in pantalla
        assert "veo-42" in pantalla
        await t.enviar("/cancelar todos")
        await t.se_ve("Cancelados: ejecutor-2.")
        await t.se_ve("ejecutor-2 cancelado")
        await t.enviar("/agentes")
        await t.se_ve("señal")
        await t.enviar("/cancela x")
        await t.se_ve("¿querías decir /cancelar ID|rama ID|todos?")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


@pytest.mark.solo
@pytest.mark.parametrize(("ancho", "alto"), [("80", "24"), ("40", "10")])
async def test_en_una_ventana_pequena_la_ayuda_se_lee_entera(
    tmp_path: Path, ancho: str, alto: str
) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.tmux("resize-window", "-x", ancho, "-y", alto)
        usos = [*((c.uso, c.significado) for c in COMANDOS), *TECLAS]
        async with asyncio.timeout(30):
            leido = ""
            # El programa se entera del tamaño nuevo cuando puede: la primera puede ser la de antes.
            while not all(f"{uso} {hace}" in leido for uso, hace in usos):
                await t.enviar("/ayuda")
                await asyncio.sleep(1)
                leido = " ".join((await t.todo()).split())


async def test_cerrar_la_ventana_no_deja_nada_vivo(tmp_path: Path) -> None:
    orden = f"sleep {sueno()}"
    async with programa(tmp_path) as t:
        await t.enviar(f"ejecuta: {orden}")
        await t.se_ve("agentes: 1 trabajando")
        async with asyncio.timeout(10):
            while not await _vivos(orden):
                await asyncio.sleep(0.05)
        await t.tmux("kill-server")
    async with asyncio.timeout(10):
        while await _vivos(orden):
            await asyncio.sleep(0.05)
