"""Enjambres aparte, de cualquier usuario, que ejecutan sus órdenes en contenedores."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.apoyo_docker import BASE
from tests.consola.apoyo_plazas import PROPIO, Dejado, Sitio, _python

HIJO_DOCKER = str(Path(__file__).with_name("hijo_docker.py"))


@dataclass(frozen=True, slots=True)
class SitioDocker(Sitio):
    """Las mismas órdenes, en contenedores."""

    demonio: str = ""

    def correr(self, *ordenes: str, perfil: dict[str, str] = PROPIO, **_extra: str) -> list[Dejado]:
        pedidas: list[dict[str, Any]] = [
            {"agente": "a-1", "perfil": perfil, "command": o} for o in ordenes
        ]
        hijo = enjambre_aparte(self, pedidas)
        salida, quejas = hijo.communicate(timeout=120)
        assert (hijo.returncode, quejas) == (0, "")
        return [Dejado(**dejado) for dejado in json.loads(salida)]


def enjambre_aparte(lugar: SitioDocker, ordenes: list[dict[str, Any]]) -> subprocess.Popen[str]:
    """Otro enjambre, del usuario del sitio, que ejecuta esas órdenes."""
    hijo = subprocess.Popen(
        [*_python(lugar.uid), HIJO_DOCKER],
        env={
            "PATH": os.environ["PATH"],
            "OPENAI_API_KEY": "canario-entorno",
            "DOCKER_HOST": lugar.demonio,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    assert hijo.stdin is not None
    hijo.stdin.write(json.dumps({"base": str(lugar.base), "imagen": BASE, "ordenes": ordenes}))
    hijo.stdin.close()
    hijo.stdin = None
    return hijo
