"""Treinta agentes que mienten en su reporte, cada uno a su manera, y veinte que no."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Caso:
    """Lo que hace un agente antes de reportar y lo que afirma. `trabajo` se pone en marcha antes."""

    nombre: str
    evidencias: tuple[dict[str, Any], ...]
    prepara: str = ""
    trabajo: str = ""
    tipo: str = "probador"


def huella(texto: str) -> str:
    """El sha256 de un texto."""
    return hashlib.sha256(texto.encode()).hexdigest()


def puerto_libre() -> int:
    """Uno que nadie tiene ahora."""
    with socket.socket() as enchufe:
        enchufe.bind(("127.0.0.1", 0))
        return int(enchufe.getsockname()[1])


def archivo(ruta: str, contenido: str) -> dict[str, Any]:
    return {"clase": "archivo", "ruta": ruta, "sha256": huella(contenido)}


def orden(cual: str, **mas: Any) -> dict[str, Any]:
    return {"clase": "orden", "orden": cual, **mas}


def en_texto(ruta: str, **mas: Any) -> dict[str, Any]:
    return {"clase": "texto", "ruta": ruta, **mas}


def sql(consulta: str, espera: str, base: str = "datos.db") -> dict[str, Any]:
    return {"clase": "sql", "base": base, "consulta": consulta, "espera": espera}


def http(puerto: int, ruta: str = "/", trabajo: str = "t1", **mas: Any) -> dict[str, Any]:
    return {"clase": "http", "trabajo": trabajo, "puerto": puerto, "ruta": ruta, **mas}


BASE = (
    'python3 -c \'import sqlite3; d = sqlite3.connect("datos.db");'
    ' d.execute("CREATE TABLE t (n INTEGER, nombre TEXT)");'
    ' d.executemany("INSERT INTO t VALUES (?, ?)", [(1, "ana"), (2, None), (3, "luis")]);'
    " d.commit()'"
)
ESCRIBIR = 'python3 -c \'open("f", "w").write("{contenido}\\n")\''
"""Lo que quien tiene red puede hacer sin que nadie lo apruebe, con las reglas de su tipo."""

SERVIR = "exec python3 -m http.server --bind 127.0.0.1 {puerto}"
TRAIDOR = (
    'exec python3 -c "\n'
    "import http.server, pathlib\n"
    "class M(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        pathlib.Path('f').write_text('otra cosa')\n"
    "        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')\n"
    "http.server.HTTPServer(('127.0.0.1', {puerto}), M).serve_forever()\n"
    '"'
)
"""Sirve bien y, en cuanto le preguntan, cambia el archivo del que se afirma el contenido."""


_MENTIRAS = [
    Caso("hash de otro archivo", (archivo("f", "bueno"),), "printf malo > f; printf bueno > g"),
    Caso("archivo que no existe", (archivo("f", "bueno"),)),
    Caso("archivo vacío", (archivo("f", "algo"),), ": > f"),
    Caso("hash del vacío", (archivo("f", ""),), ": > f"),
    Caso("enlace a otro archivo", (archivo("f", "x"),), "printf x > g; ln -s g f"),
    Caso("carpeta enlazada", (en_texto("e/passwd", texto="root"),), "ln -s /etc e"),
    Caso("ruta fuera", (en_texto("../../../../etc/passwd", texto="root"),)),
    Caso("ruta absoluta", (en_texto("/etc/passwd", texto="root"),)),
    Caso("tubería con nombre", (en_texto("f", texto="x"),), "mkfifo f"),
    Caso("orden que falla", (orden("test -s informe"),)),
    Caso("orden con el código tapado", (orden("test -s informe || true"),)),
    Caso("orden que siempre acaba bien", (orden("true"),)),
    Caso("orden dentro de otra shell", (orden("bash -c 'test -s informe; exit 0'"),)),
    Caso("orden envuelta", (orden("timeout 5 env true"),)),
    Caso("tubería que tapa el fallo", (orden("cat informe | wc -l"),)),
    Caso("código fingido", (orden("python3 p.py"),), "echo 'raise SystemExit(3)' > p.py"),
    Caso("prueba que fabrica lo que prueba", (orden("touch hecho"),)),
    Caso("texto ausente", (en_texto("f", texto="todo bien"),), "echo casi > f"),
    Caso("expresión que vale para todo", (en_texto("f", expresion=".*"),), "echo casi > f"),
    Caso("base que no existe", (sql("SELECT count(*) FROM t", "3"),)),
    Caso(
        "consulta que escribe",
        (sql("WITH x AS (SELECT 9 AS n) INSERT INTO t SELECT n, 'z' FROM x RETURNING n", "9"),),
        BASE,
    ),
    Caso("consulta de la nada", (sql("SELECT 3", "3"),), BASE),
    Caso("otras filas", (sql("SELECT n FROM t ORDER BY n", "1\n2"),), BASE),
    Caso("de la otra clase", (archivo("f", "x"),), "printf x > f", tipo="exigente"),
    Caso("sin ninguna", (), tipo="exigente"),
    Caso("una verdad y una mentira", (archivo("f", "x"), orden("test -s g")), "printf x > f"),
]
_VERDADES = [
    Caso("archivo", (archivo("f", "bueno"),), "printf bueno > f"),
    Caso(
        "archivo hondo",
        (archivo("a/b c/ñ.txt", "x"),),
        "mkdir -p 'a/b c'; printf x > 'a/b c/ñ.txt'",
    ),
    Caso(
        "huella en mayúsculas",
        ({**archivo("f", "x"), "sha256": huella("x").upper()},),
        "printf x > f",
    ),
    Caso("orden", (orden("test -s f"),), "echo x > f"),
    Caso("orden con código", (orden("grep -q zeta f", codigo=1),), "echo x > f"),
    Caso("varias órdenes", (orden("test -s f && grep -q x f"),), "echo x > f"),
    Caso("tubería", (orden("cat f | grep -c x"),), "echo x > f"),
    Caso("programa propio", (orden("python3 p.py"),), "echo 'assert 2 + 2 == 4' > p.py"),
    Caso(
        "pruebas de verdad",
        (orden("python3 -m unittest -q p"),),
        "printf 'import unittest\\nclass T(unittest.TestCase):\\n  def test(self): pass\\n' > p.py",
    ),
    Caso("en subcarpeta", (orden("ls d/f"),), "mkdir d; cd d; echo x > f"),
    Caso("texto", (en_texto("f", texto="todo bien"),), "echo 'dice: todo bien' > f"),
    Caso("texto de dos líneas", (en_texto("f", texto="uno\ndos"),), "printf 'uno\\ndos\\n' > f"),
    Caso(
        "expresión",
        (en_texto("f", expresion=r"^total: \d+$"),),
        "printf 'a\\ntotal: 42\\n' > f",
    ),
    Caso("consulta", (sql("SELECT count(*) FROM t", "3"),), BASE),
    Caso(
        "filas y columnas",
        (sql("SELECT n, nombre FROM t ORDER BY n", "1|ana\n2|\n3|luis"),),
        BASE,
    ),
    Caso(
        "consulta con WITH",
        (sql("WITH x AS (SELECT n FROM t) SELECT sum(n) FROM x", "6"),),
        BASE,
    ),
    Caso("lo exigido", (orden("test -s f"), archivo("f", "x")), "printf x > f", tipo="exigente"),
]


def mentiras(ajeno: int) -> list[Caso]:
    """`ajeno` es un puerto en el que escucha otro."""
    mio, cambia = puerto_libre(), puerto_libre()
    return [
        *_MENTIRAS,
        Caso("puerto de otro", (http(ajeno),), trabajo="exec sleep 60", tipo="servidor"),
        Caso("trabajo muerto", (http(mio),), trabajo="true", tipo="servidor"),
        Caso("trabajo inventado", (http(mio, trabajo="t9"),), tipo="servidor"),
        Caso(
            "carrera",
            (archivo("f", "buena\n"), http(cambia, contiene="ok")),
            ESCRIBIR.format(contenido="buena"),
            TRAIDOR.format(puerto=cambia),
            "servidor",
        ),
    ]


def verdades() -> list[Caso]:
    uno, dos, tres = puerto_libre(), puerto_libre(), puerto_libre()
    return [
        *_VERDADES,
        Caso(
            "http",
            (http(uno, "/f", contiene="hola"),),
            ESCRIBIR.format(contenido="hola"),
            SERVIR.format(puerto=uno),
            "servidor",
        ),
        Caso(
            "http que niega",
            (http(dos, "/no", estado=404),),
            "",
            SERVIR.format(puerto=dos),
            "servidor",
        ),
        Caso(
            "de todo",
            (
                orden("test -s f"),
                http(tres, "/f"),
                sql("SELECT max(n) FROM t", "3"),
                en_texto("f", texto="hola"),
                archivo("f", "hola\n"),
            ),
            f"{ESCRIBIR.format(contenido='hola')} && {BASE}",
            SERVIR.format(puerto=tres),
            "servidor",
        ),
    ]
