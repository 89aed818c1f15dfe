"""Iniciar un trabajo: se pregunta diciendo que lo es y dónde empieza de verdad."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from agentes.perfil_consola import Espacio, PerfilConsola
from agentes.respuestas import Operacion
from servicios.ajustes import RAIZ, Ajustes
from servicios.consola.secretos.secretos import Secretos
from servicios.ejecutor_consola import OpcionesConsola, abrir_consola
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.incluidas.trabajos import herramientas_trabajos
from servicios.herramientas.manos import PuertosManos, abrir_manos
from servicios.herramientas.permiso import Permiso
from servicios.llm.presupuestos.caja import Caja
from servicios.reloj import RelojReal
from tests.herramientas.test_herramienta_consola import Lugar, Recibo, decidir


async def test_la_peticion_dice_que_es_un_trabajo_y_donde_empieza(tmp_path: Path) -> None:
    perfil = PerfilConsola(vida_trabajo_s=60)
    async with abrir_consola(tmp_path, OpcionesConsola(aislamiento="local")) as consola:
        await consola.ejecutar_comando_seguro("mkdir sub && cd sub", "a-1", perfil)
        cola = Aprobaciones(lambda *_: Recibo(), RelojReal(), hay_persona=True)
        permiso = Permiso(decidir, cola, Lugar("local", False), consola.carpeta_de)
        iniciar = herramientas_trabajos(consola.trabajos, lambda _: perfil, permiso)[0]
        pedido = iniciar.funcion({"command": "touch aqui"}, "a-1", Operacion("s:a-1:1:c", 1))
        tarea = asyncio.ensure_future(pedido)
        while not cola.pendientes():
            await asyncio.sleep(0)
        (grupo,) = cola.pendientes()
        assert grupo.modo == "en segundo plano, hasta 60 s"
        assert grupo.carpeta == "su espacio"
        assert consola.carpeta_de("a-1", perfil) == "su espacio/sub"
        cola.rechazar(1)
        assert not (await tarea).ok


async def test_en_el_proyecto_empieza_en_el_proyecto(tmp_path: Path) -> None:
    proyecto = tmp_path / "proyecto"
    proyecto.mkdir()
    proyecto.chmod(0o777)
    perfil = PerfilConsola(espacio=Espacio.PROYECTO)
    opciones = OpcionesConsola(aislamiento="local", proyecto=proyecto)
    async with abrir_consola(tmp_path / "datos", opciones) as consola:
        assert consola.trabajos.carpeta_de("a-1", perfil) == str(proyecto)


async def test_los_rechazos_no_ensenan_secretos(tmp_path: Path) -> None:
    secreto = "zq8-Kw3vTn5Lr7Xb2Hd9"
    completo = json.loads((RAIZ / "agentes_json" / "ejecutor.json").read_text())
    (tmp_path / "agentes_json").mkdir()
    (tmp_path / "agentes_json" / "malo.json").write_text(json.dumps(completo | {secreto: 1}))
    ajustes = Ajustes(raiz=tmp_path, datos=tmp_path / "datos", aislamiento="local")
    guardia = Guardia(Secretos([("MI_TOKEN", secreto)], "0" * 32), b"k" * 32)
    puertos = PuertosManos(
        lambda *_: Recibo(), RelojReal(), guardia, True, "s", "", lambda _: None, Caja()
    )
    async with abrir_manos(ajustes, puertos) as manos:
        (rechazo,) = manos.rechazos
    assert "malo.json" in rechazo
    assert "[secreto:MI_TOKEN]" in rechazo
    assert secreto not in rechazo
