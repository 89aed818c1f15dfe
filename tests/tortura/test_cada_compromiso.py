"""Morir justo después de cada compromiso de la bitácora, uno por uno, y seguir desde ahí."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.dobles.openai import DobleOpenAI
from tests.tortura.fotos import Foto, abierto, fotografiar, programa, sesion_de
from tests.tortura.guion import FINAL, LINEA, Esperado, guion
from tests.tortura.invariantes import comprobar_final
from tests.tortura.mirada import Mirada

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

ENCARGOS = ("breve", "padre")


async def _seguir(foto: Foto, raiz: Path, doble: DobleOpenAI) -> None:
    mirada = Mirada(foto.datos)
    mirada.mirar()
    async with abierto(raiz, foto.datos, sesion_de(foto.datos)) as sistema:
        if not any(f.tipo == "master_input" for f in foto.filas):
            await sistema.conversacion.decir(LINEA)
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == FINAL
    cuenta = await comprobar_final(foto.datos, raiz, mirada, Esperado.de(ENCARGOS))
    assert cuenta.infieles == []
    assert not doble.rechazos
    assert not doble.imprevistos


@pytest.mark.lento
async def test_desde_cualquier_compromiso_se_llega_al_mismo_final(tmp_path: Path) -> None:
    async with DobleOpenAI(guion(ENCARGOS)) as doble:
        raiz = programa(tmp_path / "programa", doble)
        fotos = await fotografiar(raiz, tmp_path)
        assert len(fotos) > 20
        for foto in fotos:
            try:
                await _seguir(foto, raiz, doble)
            except AssertionError as fallo:
                raise AssertionError(f"tras {foto.ultima}: {fallo}") from fallo
