"""Un enjambre aparte, de un usuario cualquiera, que ejecuta tandas; y lo que dejaron."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from servicios.consola.aislamientos.contenedor import IMAGEN
from tests.consola.apoyo import python_para
from tests.consola.apoyo_plazas import USUARIOS, Sitio

ENCIERROS = ("bwrap", "landlock")
"""Los que han de parar la tabla entera en cualquier máquina de pruebas."""

SIN_CGRUPOS = "root-sin-cgrupos"
COMO = {**USUARIOS, **({SIN_CGRUPOS: 0} if 0 in USUARIOS.values() else {})}
"""Nombre → uid del enjambre. Sin cgrupos, como dentro de un contenedor, vigila el supervisor."""

_HIJO = str(Path(__file__).with_name("hijo_tanda.py"))
_TAPAR = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
_LIMITE_S = 90.0


@dataclass(frozen=True, slots=True)
class Pedida:
    """Una orden: de qué agente, con qué perfil."""

    agente: str
    command: str
    perfil: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Salido:
    """Lo que dejó una orden."""

    salida: str
    error: str
    codigo: int
    motivo: str
    bytes_omitidos: int
    ms: int


@dataclass(frozen=True, slots=True)
class Informe:
    """Lo que dejó cada agente y cómo lo llevó el enjambre."""

    dejados: Mapping[str, Salido]
    p99_ms: float
    crecio_kib: int
    cgrupos: bool


@dataclass(frozen=True, slots=True)
class Enjambre:
    """Cómo se lanza uno: `como` es una clave de `COMO` y `docker`, dónde está su demonio."""

    aislamiento: str
    como: str
    imagen: str = IMAGEN
    docker: str = ""

    def correr(
        self,
        lugar: Sitio,
        rondas: Sequence[Sequence[Pedida]],
        terminal: int = subprocess.DEVNULL,
    ) -> Informe:
        """Ejecuta las rondas en ese lugar; `terminal` será la suya, si es una."""
        pedido = {
            "aislamiento": self.aislamiento,
            "imagen": self.imagen,
            "proyecto": str(lugar.proyecto),
            "datos": str(lugar.proyecto / "data"),
            "rondas": [[_crudo(pedida) for pedida in ronda] for ronda in rondas],
        }
        hijo = subprocess.run(
            [*self._principio(terminal), *_python(COMO[self.como]), _HIJO, json.dumps(pedido)],
            stdin=terminal,
            env=self._entorno(),
            capture_output=True,
            text=True,
            timeout=_LIMITE_S,
            cwd="/",
            check=False,
        )
        assert (hijo.returncode, hijo.stderr) == (0, ""), hijo.stderr
        crudo = json.loads(hijo.stdout)
        crudo["dejados"] = {quien: Salido(**dejado) for quien, dejado in crudo["dejados"].items()}
        return Informe(**crudo)

    def _principio(self, terminal: int) -> list[str]:
        con_terminal = ["setsid", "--ctty"] if terminal != subprocess.DEVNULL else []
        if self.como == SIN_CGRUPOS:
            _exigir_montar()
            return [*con_terminal, "unshare", "--mount", "sh", "-c", _TAPAR, "sh"]
        return con_terminal

    def _entorno(self) -> dict[str, str]:
        suyo = {"PATH": os.environ["PATH"], "HOME": "/", "OPENAI_API_KEY": "canario-entorno"}
        return {**suyo, "DOCKER_HOST": self.docker} if self.docker else suyo


def quedan(trozo: str) -> list[int]:
    """Los procesos vivos en cuya línea de órdenes está ese trozo."""
    encontrados = []
    for ruta in Path("/proc").iterdir():
        if not ruta.name.isdigit() or int(ruta.name) == os.getpid():
            continue
        try:
            linea = (ruta / "cmdline").read_bytes()
        except OSError:
            continue
        if trozo.encode() in linea:
            encontrados.append(int(ruta.name))
    return encontrados


def _crudo(pedida: Pedida) -> dict[str, Any]:
    return {"agente": pedida.agente, "command": pedida.command, "perfil": dict(pedida.perfil)}


@functools.cache
def _python(uid: int) -> tuple[str, ...]:
    return tuple(python_para(uid))


@functools.cache
def _exigir_montar() -> None:
    orden = ["unshare", "--mount", "sh", "-c", _TAPAR, "sh", "true"]
    probada = subprocess.run(orden, capture_output=True, text=True, check=False)
    if probada.returncode != 0:
        pytest.skip(f"aquí no se pueden tapar los cgrupos: {probada.stderr.strip()}")
