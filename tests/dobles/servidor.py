"""Un doble en su propio proceso, que se contesta solo: para medir rendimiento.

    python -m tests.dobles.servidor --proveedor openai --latencia 0.2 --turnos 5

Escribe su dirección en la primera línea y sirve hasta SIGTERM o SIGINT.

- Quien tiene `delegate_task` y ningún turno previo delega `--agentes` veces en una respuesta;
  después contesta texto.
- Los demás piden `--herramienta` con `--args` hasta llevar `--turnos` resultados; entonces llaman
  a `reportar_resultado_final` o, si no la tienen, contestan texto.

No valida ni recuerda las peticiones, salvo con `--validar`.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.dobles.base import Doble
from tests.dobles.gemini import DobleGemini
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto

FINAL = "reportar_resultado_final"


@dataclass(frozen=True, slots=True)
class Autoguion:
    """Contesta a cualquiera según lo que lleve hecho en su propia historia."""

    turnos: int = 5
    agentes: int = 0
    tipo: str = "ejecutor"
    herramienta: str = "ejecutar_comando_consola"
    args: str = '{"command": "true"}'

    def __call__(self, peticion: Peticion) -> Respuesta:
        herramientas = peticion.herramientas
        if "delegate_task" in herramientas and FINAL not in herramientas:
            return self._master(peticion)
        if _resultados(peticion.cuerpo) < self.turnos:
            return Respuesta(llamadas=(llamada(self.herramienta, crudo=self.args),))
        return llamar(FINAL, {"resultado": "hecho"}) if FINAL in herramientas else texto("hecho")

    def _master(self, peticion: Peticion) -> Respuesta:
        if self.agentes == 0 or _ya_hablo(peticion.cuerpo):
            return texto("Entendido.")
        encargos = [
            llamada("delegate_task", {"agent_type": self.tipo, "task_description": f"tarea {n}"})
            for n in range(1, self.agentes + 1)
        ]
        return respuesta("Delego.", encargos)


_NORMAL = Autoguion()


def _turnos(cuerpo: dict[str, Any]) -> list[dict[str, Any]]:
    turnos: list[dict[str, Any]] = cuerpo.get("messages") or cuerpo.get("contents") or []
    return turnos


def _ya_hablo(cuerpo: dict[str, Any]) -> bool:
    return any(turno.get("role") in {"assistant", "model"} for turno in _turnos(cuerpo))


def _resultados(cuerpo: dict[str, Any]) -> int:
    return sum(
        turno.get("role") == "tool"
        or any("functionResponse" in parte for parte in turno.get("parts") or ())
        for turno in _turnos(cuerpo)
    )


def _opciones(argumentos: Sequence[str] | None) -> argparse.Namespace:
    lector = argparse.ArgumentParser(description="Doble de un proveedor, en su propio proceso.")
    lector.add_argument("--proveedor", choices=("openai", "gemini"), default="openai")
    lector.add_argument("--puerto", type=int, default=0)
    lector.add_argument("--latencia", type=float, default=0.0, help="segundos por respuesta")
    lector.add_argument("--turnos", type=int, default=_NORMAL.turnos)
    lector.add_argument("--agentes", type=int, default=_NORMAL.agentes)
    lector.add_argument("--tipo", default=_NORMAL.tipo)
    lector.add_argument("--herramienta", default=_NORMAL.herramienta)
    lector.add_argument("--args", default=_NORMAL.args, help="JSON")
    lector.add_argument("--validar", action="store_true")
    return lector.parse_args(argumentos)


def crear(opciones: argparse.Namespace) -> Doble:
    """El doble que piden las opciones, aún sin abrir."""
    orjson.loads(opciones.args)
    autoguion = Autoguion(
        opciones.turnos, opciones.agentes, opciones.tipo, opciones.herramienta, opciones.args
    )
    clase = DobleOpenAI if opciones.proveedor == "openai" else DobleGemini
    doble = clase(
        Guion({"*": autoguion}),
        modelos=None,
        latencia_s=opciones.latencia,
        validar=opciones.validar,
        recordar=False,
    )
    doble.puerto = opciones.puerto
    return doble


async def servir(doble: Doble) -> None:
    """Abre el doble, dice su dirección y lo mantiene hasta que le pidan parar."""
    parar = asyncio.Event()
    bucle = asyncio.get_running_loop()
    for senal in (signal.SIGTERM, signal.SIGINT):
        bucle.add_signal_handler(senal, parar.set)
    async with doble:
        print(doble.url, flush=True)
        await parar.wait()


def main(argumentos: Sequence[str] | None = None) -> None:
    """Entrada de `python -m tests.dobles.servidor`."""
    _, maximo = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (maximo, maximo))
    asyncio.run(servir(crear(_opciones(argumentos))))


if __name__ == "__main__":
    main()
