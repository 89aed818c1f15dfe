"""Lanza ataques y herramientas corrientes dentro de las cercas del núcleo, sin nada más."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.consola.apoyo import SOY_ROOT, UID_CORRIENTE

_HIJO = str(Path(__file__).with_name("hijo_cercado.py"))
_RUTA = "/usr/local/bin:/usr/bin:/bin"

UIDS: dict[str, int | None] = {"este": None, **({"otro": UID_CORRIENTE} if SOY_ROOT else {})}
"""Los usuarios con que se puede atacar aquí."""

SISTEMA = tuple(
    ruta
    for ruta in ("/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/dev/urandom")
    if os.path.exists(ruta)  # noqa: PTH110 - se compara con rutas que son texto
)
"""Lo que hace falta leer para ejecutar un programa del sistema."""

HERRAMIENTAS = {
    "bash": (
        "bash",
        'a=(1 2); cat <(echo "${#a[@]}") - <<< b; ( sleep 0 & wait ); echo $?',
        "2\nb\n0\n",
    ),
    "git": (
        "git",
        """git init -q r && cd r && echo x > f && git add f
git -c user.name=a -c user.email=a@b commit -qm uno && git gc -q && git log --format=%s""",
        "uno\n",
    ),
    "asyncio": (
        "python3",
        """python3 -c '
import asyncio
async def main():
    p = await asyncio.create_subprocess_exec("echo", "hola", stdout=-1)
    print((await p.communicate())[0].decode(), await asyncio.to_thread(lambda: 42))
asyncio.run(main())'""",
        "hola\n 42\n",
    ),
    "multiprocessing": (
        "python3",
        """cat > m.py <<'FIN'
import multiprocessing as m
if __name__ == "__main__":
    for modo in ("fork", "spawn"):
        with m.get_context(modo).Pool(2) as varios:
            print(varios.map(abs, [-1, -2]))
FIN
python3 m.py""",
        "[1, 2]\n[1, 2]\n",
    ),
    "sqlite": (
        "python3",
        """python3 -c '
import sqlite3
c = sqlite3.connect("b.db")
c.execute("pragma journal_mode = wal")
c.execute("create table t (a)")
with c: c.execute("insert into t values (7)")
print(c.execute("select a from t").fetchall())'""",
        "[(7,)]\n",
    ),
    "node": (
        "node",
        """node -e '
const { execFileSync } = require("child_process");
require("fs").writeFileSync("f", "hola");
new (require("worker_threads").Worker)("0", { eval: true });
console.log(String(execFileSync("cat", ["f"])))'""",
        "hola\n",
    ),
    "sort": ("sort", "seq 50000 | sort -rn --parallel=2 -S 100K | head -1", "50000\n"),
    "tar": (
        "tar",
        "mkdir d; echo x > d/f; tar czf t.tgz d; rm -r d; tar xzf t.tgz; cat d/f",
        "x\n",
    ),
    "gcc": (
        "gcc",
        """echo 'int puts(const char *); int main(void) { return puts("hola") < 0; }' > a.c
gcc a.c && ./a.out""",
        "hola\n",
    ),
    "make": ("make", "printf 'x:\\n\\t@echo hecho\\n' > Makefile && make -j2", "hecho\n"),
}
"""Nombre → programa que hace falta, orden de bash y lo que ha de escribir."""


@dataclass(frozen=True, slots=True)
class Intento:
    """Con qué se cerca el hijo: rutas (leer, escribir), filtro (red, unix) y usuario.

    `crudo` es un filtro de seccomp en hexadecimal que se pone antes que nada.
    """

    uid: int | None = None
    cerca: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    filtro: tuple[bool, bool] | None = None
    tcp_libre: bool = False
    crudo: str = ""
    datos: Mapping[str, object] = field(default_factory=dict)

    def atacar(self, ataques: Mapping[str, str]) -> dict[str, str]:
        """Cómo le fue a cada ataque: `pasa`, `ERROR: texto` o el nombre de una señal."""
        proceso = self._lanzar({"ataques": dict(ataques)})
        assert proceso.returncode == 0, proceso.stderr
        resultado: dict[str, str] = json.loads(proceso.stdout)
        assert not [r for r in resultado.values() if "mal escrito" in r], resultado
        return resultado

    def usar(self, herramienta: str, carpeta: Path) -> None:
        """Comprueba que una de `HERRAMIENTAS` funciona ahí dentro."""
        programa, orden, espera = HERRAMIENTAS[herramienta]
        if shutil.which(programa, path=_RUTA) is None:
            pytest.skip(f"falta {programa}")
        proceso = self._lanzar({"orden": ["bash", "-c", orden], "carpeta": str(carpeta)})
        assert (proceso.stdout, proceso.stderr, proceso.returncode) == (espera, "", 0)

    def _lanzar(self, resto: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        pedido = {"orden": [], "carpeta": "/", "ataques": {}, **asdict(self), **resto}
        casa = str(resto.get("carpeta", "/"))
        return subprocess.run(
            [sys.executable, "-I", "-S", "-B", _HIJO],
            input=json.dumps(pedido),
            env={"PATH": _RUTA, "HOME": casa, "TMPDIR": casa, "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
