"""Un sitio con secretos de mentira y órdenes que intentan alcanzarlos desde su plaza."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from tests.consola.apoyo import SOY_ROOT, UID_CORRIENTE, carpeta_para, python_para

HIJO_PLAZA = str(Path(__file__).with_name("hijo_plaza.py"))
PROPIO: dict[str, str] = {}
PROYECTO = {"espacio": "proyecto"}
SOLO_LECTURA = {"espacio": "solo_lectura"}
PERFILES = {"propio": PROPIO, "proyecto": PROYECTO, "solo_lectura": SOLO_LECTURA}
SENUELO = "llave falsa"
"""La llave que `hijo_plaza.py` deja en cada casa."""

USUARIOS = {"root": 0, "corriente": UID_CORRIENTE} if SOY_ROOT else {"corriente": UID_CORRIENTE}
"""Con qué usuarios puede correr aquí el enjambre."""


@dataclass(frozen=True, slots=True)
class Dejado:
    """Lo que dejó una orden."""

    salida: str
    error: str
    codigo: int
    motivo: str


@dataclass(frozen=True, slots=True)
class Sitio:
    """Un proyecto con `data/` dentro y, al lado, la casa de una persona; todo lleva canarios."""

    base: Path
    uid: int
    aislamiento: str

    @property
    def uid_ordenes(self) -> int:
        """Con qué usuario corren las órdenes."""
        return self.uid or UID_ORDENES

    @property
    def proyecto(self) -> Path:
        """La carpeta que se presta."""
        return self.base / "proyecto"

    @property
    def espacio(self) -> Path:
        """La carpeta propia de `a-1`."""
        return self.proyecto / "data/espacios/a-1"

    def correr(self, *ordenes: str, perfil: dict[str, str] = PROPIO, **extra: str) -> list[Dejado]:
        """Ejecuta las órdenes de `a-1`, una tras otra, en un enjambre de ese usuario."""
        pedido: dict[str, Any] = {
            "aislamiento": self.aislamiento,
            "base": str(self.base),
            "ordenes": [
                {"agente": "a-1", "perfil": perfil, "command": orden, **extra} for orden in ordenes
            ],
        }
        hijo = subprocess.run(
            [*_python(self.uid), HIJO_PLAZA],
            input=json.dumps(pedido),
            env={"PATH": os.environ["PATH"], "OPENAI_API_KEY": "canario-entorno", "HOME": "/"},
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
            check=False,
        )
        assert hijo.returncode == 0, hijo.stderr
        assert not hijo.stderr
        return [Dejado(**dejado) for dejado in json.loads(hijo.stdout)]

    def una(self, orden: str, perfil: dict[str, str] = PROPIO, **extra: str) -> Dejado:
        """Lo que dejó una sola orden."""
        return self.correr(orden, perfil=perfil, **extra)[0]


@functools.cache
def _python(uid: int) -> tuple[str, ...]:
    return tuple(python_para(uid))


@contextmanager
def sitio(aislamiento: str, uid: int) -> Iterator[Sitio]:
    """Un sitio nuevo. Como root, la carpeta cuelga de otra que los demás no pueden pisar."""
    with carpeta_para(uid) as carpeta:
        base = carpeta / "base"
        nuevo = Sitio(base, uid, aislamiento)
        _llenar(nuevo)
        dar(carpeta, uid)
        dar(nuevo.proyecto, nuevo.uid_ordenes)
        dar(nuevo.proyecto / "data", uid)
        carpeta.chmod(0o700)
        yield nuevo


def dar(ruta: Path, uid: int) -> None:
    """Da a un usuario una ruta y lo que cuelga de ella."""
    if SOY_ROOT:
        for cada in (ruta, *ruta.rglob("*")):
            os.lchown(cada, uid, uid)


def _llenar(nuevo: Sitio) -> None:
    textos = {
        "persona/.ssh/id_rsa": "canario-llave",
        "proyecto/.env": "CLAVE=canario-env",
        "proyecto/.env.example": "CLAVE=",
        "proyecto/data/swarm.db": "canario-db",
        "proyecto/data/espacios/otro-1/nota": "canario-otro",
        "proyecto/codigo/main.c": "int main(void) { return 3; }\n",
        "proyecto/leeme.md": "hola\n",
        "proyecto/.vscode/tasks.json": "{}\n",
    }
    for ruta, texto in textos.items():
        archivo = nuevo.base / ruta
        archivo.parent.mkdir(parents=True, exist_ok=True)
        archivo.write_text(texto)
    subprocess.run(
        ["git", "init", "-q", "--template=", str(nuevo.proyecto)],
        env={"PATH": os.environ["PATH"], "HOME": "/", "GIT_CONFIG_NOSYSTEM": "1"},
        check=True,
    )
