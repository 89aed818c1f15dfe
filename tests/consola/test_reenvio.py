"""El reenviador dentro de un bwrap de verdad: lo de la lista llega y lo demás no existe."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servicios.consola.red.reenvio import CODIGO_NO_EXISTE, CODIGO_NO_SE_PUEDE
from tests.consola.apoyo_red import (
    AGENTE,
    BitacoraDePrueba,
    ResolverDePrueba,
    archivos,
    proxy,
    servidor,
)
from tests.consola.apoyo_reenvio import PYTHON, VARIANTES, Encierro, certificado, encierro, hacer

NOMBRE = "repo.ejemplo.es"
GRANDE = 20 * 1024 * 1024


@pytest.fixture(params=VARIANTES)
async def caja(request: pytest.FixtureRequest) -> AsyncIterator[Encierro]:
    """Un bwrap sin red, con nuestros dos archivos y una carpeta, de las dos formas."""
    with encierro(request.param) as nueva:
        yield nueva


async def test_lo_de_la_lista_llega_lo_demas_se_niega_y_no_hay_otro_camino(
    caja: Encierro, tmp_path: Path
) -> None:
    (tmp_path / "hola").write_text("hola de fuera")
    bitacora = BitacoraDePrueba()
    async with (
        servidor(archivos(tmp_path)) as bueno,
        servidor(archivos(tmp_path)) as otro,
        proxy(bitacora, duenio=caja.duenio) as salida,
    ):
        enchufe = await salida.abrir(AGENTE, [bueno.lugar])
        curl = "curl -sS --max-time 5 --proxytunnel --noproxy '' "
        fin = await caja.correr(
            enchufe,
            f"{curl} http://{bueno.lugar}/hola; echo =$?; "
            f"{curl} http://{otro.lugar}/hola; echo =$?; "
            f"curl -sS --max-time 5 --noproxy '*' http://{bueno.lugar}/hola; echo =$?; "
            f"curl -sS --max-time 5 http://pypi.org/simple; echo =$?; id -u",
        )
        assert (bueno.llegadas, otro.llegadas) == (1, 0)
    salidas = fin.salida.split("\n")
    assert salidas[0] == "hola de fuera=0"
    assert salidas[1] == "=56"
    assert salidas[2] == "=7"
    assert "solo CONNECT" in salidas[3]
    assert salidas[-2] == str(caja.uid)
    assert "403" in fin.error
    assert [(p.destino, p.permitida) for p in bitacora.pedidas] == [
        (bueno.lugar, True),
        (otro.lugar, False),
        ("http://pypi.org/simple", False),
    ]


async def test_python_y_git_salen_por_tls_con_solo_el_entorno(
    caja: Encierro, tmp_path: Path
) -> None:
    sitio = tmp_path / "sitio"
    repo = tmp_path / "repo"
    ordenes = (
        f"git init -q {repo} && cd {repo} && echo x > leeme && git add . && "
        "git -c user.name=a -c user.email=a@b.c commit -qm uno && "
        f"git clone -q --bare {repo} {sitio}/repo.git && "
        f"git -C {sitio}/repo.git update-server-info && echo vale > {sitio}/dato"
    )
    hacer(ordenes, tmp_path)
    tls, autoridad = certificado(caja.carpeta, NOMBRE)
    bitacora = BitacoraDePrueba()
    resolver = ResolverDePrueba(**{NOMBRE.replace(".", "_"): ["127.0.0.1"]})
    async with (
        servidor(archivos(sitio), tls) as web,
        proxy(bitacora, duenio=caja.duenio, resolver=resolver) as salida,
    ):
        enchufe = await salida.abrir(AGENTE, [f"{NOMBRE}:{web.puerto}", web.lugar])
        url = f"https://{NOMBRE}:{web.puerto}"
        leer = (
            "import ssl, urllib.request as u; "
            f"c = ssl.create_default_context(cafile={str(autoridad)!r}); "
            f"print(u.urlopen('{url}/dato', context=c, timeout=5).read())\n"
            "try: u.urlopen('https://otro.es/', timeout=5)\n"
            "except OSError as e: print(e)"
        )
        (caja.carpeta / "leer.py").write_text(leer)
        fin = await caja.correr(
            enchufe,
            f"{PYTHON} -I leer.py; curl -sS --cacert {autoridad} {url}/dato; "
            f"GIT_SSL_CAINFO={autoridad} git clone -q {url}/repo.git clon && cat clon/leeme",
        )
    lineas = fin.salida.splitlines()
    assert lineas[0] == "b'vale\\n'"
    assert "403 destino no permitido por red_destinos" in lineas[1]
    assert lineas[2:] == ["vale", "x"]
    assert {p.destino for p in bitacora.pedidas if p.permitida} == {f"{NOMBRE}:{web.puerto}"}


async def test_muchas_a_la_vez_y_una_grande(caja: Encierro, tmp_path: Path) -> None:
    (tmp_path / "grande").write_bytes(os.urandom(1024) * (GRANDE // 1024))
    (tmp_path / "hola").write_text("hola\n")
    bitacora = BitacoraDePrueba()
    async with (
        servidor(archivos(tmp_path)) as web,
        proxy(bitacora, duenio=caja.duenio) as salida,
    ):
        enchufe = await salida.abrir(AGENTE, [web.lugar])
        (caja.carpeta / "muchas.py").write_text(MUCHAS.format(lugar=web.lugar))
        curl = "curl -sS --max-time 30 --proxytunnel --noproxy '' "
        fin = await caja.correr(
            enchufe,
            f"{PYTHON} -I muchas.py; {curl} http://{web.lugar}/grande | cksum",
        )
    suma = hacer("cksum grande", tmp_path)
    assert fin.error == ""
    assert fin.salida.split("\n")[0] == "50 bien"
    assert fin.salida.split("\n")[1].split() == suma.split()[:2]
    assert len(bitacora.pedidas) == 51


MUCHAS = """
import socket
abiertas = []
for _ in range(50):
    s = socket.create_connection(("127.0.0.1", 3128), 10)
    s.sendall(b"CONNECT {lugar} HTTP/1.1\\r\\n\\r\\nGET /hola HTTP/1.1\\r\\n\\r\\n")
    abiertas.append(s)
bien = 0
for s in abiertas:
    todo = b""
    while trozo := s.recv(65536):
        todo += trozo
    bien += todo.startswith(b"HTTP/1.1 200 conex") and todo.endswith(b"hola\\n")
    s.close()
print(bien, "bien")
"""

HOSTIL = """
import socket, struct
abiertas = []
for n in range(60):
    s = socket.create_connection(("127.0.0.1", 3128), 10)
    s.send((b"", b"CONNECT ", b"\\0" * 5000, b"CONNECT {lugar} HTTP/1.1\\r\\n\\r\\nGET")[n % 4])
    if n % 5 == 0:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if n % 2:
        s.shutdown(socket.SHUT_WR)
    abiertas.append(s)
for s in abiertas:
    s.close()
s = socket.create_connection(("127.0.0.1", 3128), 10)
s.settimeout(10)
try:
    for _ in range(1000):
        s.sendall(b"x" * 65536)
except OSError:
    pass
"""


async def test_un_cliente_hostil_no_estropea_al_reenviador(caja: Encierro, tmp_path: Path) -> None:
    (tmp_path / "hola").write_text("sigo")
    async with (
        servidor(archivos(tmp_path)) as web,
        proxy(BitacoraDePrueba(), duenio=caja.duenio) as salida,
    ):
        enchufe = await salida.abrir(AGENTE, [web.lugar])
        (caja.carpeta / "hostil.py").write_text(HOSTIL.format(lugar=web.lugar))
        curl = f"curl -sS --max-time 5 --proxytunnel --noproxy '' http://{web.lugar}/hola"
        fin = await caja.correr(enchufe, f"{PYTHON} -I hostil.py; {curl}")
    assert (fin.salida, fin.error) == ("sigo", "")


async def test_sin_proxy_al_otro_lado_se_contesta(caja: Encierro) -> None:
    enchufe = caja.carpeta / "nadie.s"
    with socket.socket(socket.AF_UNIX) as sordo:
        sordo.bind(str(enchufe))
    enchufe.chmod(0o777)
    fin = await caja.correr(enchufe, "curl -sS -m 5 https://a.es/")
    assert "502" in fin.error


async def test_una_orden_que_no_existe_se_dice_con_su_codigo(caja: Encierro) -> None:
    async with proxy(BitacoraDePrueba(), duenio=caja.duenio) as salida:
        enchufe = await salida.abrir(AGENTE, [])
        fin = await caja.ejecutar(enchufe, "no-existo-77")
        assert (fin.codigo, fin.error) == (CODIGO_NO_EXISTE, "no-existo-77: no existe esa orden\n")
        fin = await caja.ejecutar(enchufe, "/etc")
        assert fin.codigo == CODIGO_NO_SE_PUEDE
        assert fin.error.count("\n") == 1
        fin = await caja.ejecutar(enchufe, "bash", "-c", "exit 7")
        assert (fin.codigo, fin.salida, fin.error) == (7, "", "")
