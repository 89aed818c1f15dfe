from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from agentes.errores import ErrorConfiguracion
from servicios.consola.operaciones.captura import Captura
from servicios.consola.secretos.claves import clave_de_sesion, marca_de
from servicios.consola.secretos.secretos import Secretos

VALOR = 'wJalr/XUtn+FEMI&K7"M\\DE ñ9zQ'
ENTORNO = {
    "GITHUB_TOKEN": "tok_987654321abc",
    "MI_COOKIE": "galleta-de-sesion",
    "PATH": "/usr/bin:/bin",
    "PWD": "/tmp/donde-sea",
    "HOME": "/tmp",
    "SSH_AUTH_SOCK": "/tmp/no-esta/agente.1",
    "GIT_AUTHOR_NAME": "Nombre Apellido",
    "DESKTOP_SESSION": "plasmawayland",
    "EDITOR": "editor-4-de-siempre",
    "PIN": "1234",
}
ENV = {
    "CLAVE_RARA": VALOR,
    "OTRA": "sin-nombre-de-secreto-77",
    "MODEL": "gemini:gemini-3.5-flash",
    "MAQUINA": "localhost",
    "TEMPORAL": "/tmp/algo",
    "SERVIDOR": "https://api.ejemplo.org/v1",
    "BASE": "postgres://ana:Super.Larga9@casa/db",
    "VACIA": None,
}


@pytest.fixture(scope="module")
def secretos() -> Secretos:
    return Secretos.desde(ENTORNO, ENV, {"MODEL"})


def _base64(texto: str, delante: str = "") -> str:
    return base64.b64encode(f"{delante}{texto}\n".encode()).decode()


FORMAS = {
    "tal cual": VALOR,
    "json": json.dumps(VALOR),
    "json ascii dos veces": json.dumps(json.dumps({"v": VALOR})),
    "url": quote(VALOR, safe=""),
    "url a medias": quote(VALOR),
    "url en minúsculas": re.sub("%..", lambda par: par[0].lower(), quote(VALOR, safe="")),
    "hexadecimal": VALOR.encode().hex(),
    "hexadecimal con espacios": VALOR.encode().hex(" "),
    "hexadecimal con dos puntos": VALOR.encode().hex(":"),
    "hexadecimal en una línea de bytes": ", ".join(f"0x{b:02x}" for b in VALOR.encode()),
    "con invisibles": "\u200b".join(VALOR),
    "con invisibles a la vista": "<U+200B>".join(VALOR),
    "al revés": VALOR[::-1],
    "mayúsculas": VALOR.upper(),
    "base64": _base64(VALOR),
    "base64 tras uno": _base64(VALOR, "x"),
    "base64 tras dos": _base64(VALOR, "xy"),
    "base64 de URL": base64.urlsafe_b64encode(VALOR.encode()).decode(),
    "base64 partido": "\n".join(_base64(VALOR)[i : i + 9] for i in range(0, 60, 9)),
    "doblado": "\n".join(VALOR[i : i + 7] for i in range(0, len(VALOR), 7)),
}


@pytest.mark.parametrize("forma", FORMAS.values(), ids=FORMAS)
def test_un_valor_conocido_se_tapa_en_todas_sus_formas(secretos: Secretos, forma: str) -> None:
    tapado = secretos.redactar(f"antes {forma}\ndespués\n")
    assert "[secreto:CLAVE_RARA]" in tapado
    assert tapado.startswith("antes ")
    assert tapado.endswith("\ndespués\n")
    assert len(tapado) < len("antes [secreto:CLAVE_RARA]\ndespués\n") + 20


def test_que_variables_son_secretas(secretos: Secretos) -> None:
    visto = secretos.redactar("\n".join([*ENTORNO.values(), *(v for v in ENV.values() if v)]))
    assert visto.splitlines() == [
        "[secreto:GITHUB_TOKEN]",
        "[secreto:MI_COOKIE]",
        *list(ENTORNO.values())[2:],
        "[secreto:CLAVE_RARA]",
        "[secreto:OTRA]",
        "gemini:gemini-3.5-flash",
        "localhost",
        "/tmp/algo",
        "https://api.ejemplo.org/v1",
        "[secreto:BASE]",
    ]
    assert "Super.Larga9" not in secretos.redactar("la clave es Super.Larga9, ojo")


A = "abcDEF0123456789ghijKLMN"
FORMATOS = [
    f"sk-proj-{A}",
    f"sk-ant-api03-{A}",
    f"AIza{(A * 2)[:35]}",
    *(f"gh{letra}_{(A * 2)[:36]}" for letra in "pos"),
    f"github_pat_{A}",
    "xoxb-123456789-abcdef",
    "AKIA1234567890ABCDEF",
    f"ya29.{A}",
    f"glpat-{A}",
    f"hf_{(A * 2)[:34]}",
    f"npm_{(A * 2)[:36]}",
    f"pypi-{A * 3}",
    f"SG.{A[:22]}.{A * 2}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{A}",
    "-----BEGIN RSA PRIVATE KEY-----\n" + f"{A * 2}Mi/+\n" * 3 + "-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secreto", FORMATOS, ids=lambda s: s[:12])
def test_un_secreto_se_reconoce_por_su_forma(secretos: Secretos, secreto: str) -> None:
    contextos = (
        secreto,
        f"VAR={secreto}",
        f"usa {secreto}, y ya",
        json.dumps({"k": secreto}),
        json.dumps(json.dumps({"x": f"a\n{secreto}\nb"})),
    )
    for texto in contextos:
        tapado = secretos.redactar(texto)
        assert "[secreto:" in tapado
        assert secreto[12:] not in tapado
        assert secretos.redactar(tapado) == tapado
    for texto in contextos[3:]:
        json.loads(secretos.redactar(texto))


@pytest.mark.parametrize(
    ("texto", "secreto"),
    [
        ("password = hunter2hunter", "hunter2hunter"),
        ('{"password": "correcthorse"}', "correcthorse"),
        ('"{\\"password\\": \\"correcthorse\\"}"', "correcthorse"),
        ("DB_PASSWORD='una frase con espacios'", "con espacios"),
        ("passwd: abc123abc", "abc123abc"),
        ('{"password":\n  "hunter2hunter2"}', "hunter2hunter2"),
        ("CONTRASEÑA: abc123abc", "abc123abc"),
        ("export MI_API_KEY=abc123abc123", "abc123abc123"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "wJalr"),
        ("Authorization: Bearer abcdefgh12345", "abcdefgh12345"),
        ("curl --token=abcdefgh12345 x", "abcdefgh12345"),
        ("git clone https://ana:clave77@casa/x.git", "clave77"),
        (f"{A * 2}Mi/+\n-----END RSA PRIVATE KEY-----", A),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{A * 2}Mi/+\n", A),
    ],
)
def test_un_secreto_asignado_se_tapa(secretos: Secretos, texto: str, secreto: str) -> None:
    assert secreto not in secretos.redactar(texto)


def test_lo_corriente_no_se_toca(secretos: Secretos) -> None:
    corriente = """\
commit 3f786850e387550fdab836ed7e6dc881de23001b
Author: Alguien <alguien@ejemplo.org>
    Cambia token: la sesión dura menos. Ver https://ejemplo.org:8080/a@b
drwxr-xr-x  4 root root  4096 Nov 21 07:15 task-scheduler-with-a-long-name
-rw-------  1 root root   411 Nov 21 07:15 passwd
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  datos.bin
passwd:         files systemd
{"max_tokens": 123456789, "input_tokens": 5, "primary_key": "cliente-7-de-2"}
token = siguiente_token(entrada); secret = ajustes.secreto_9; password: str | None = None
PASSWORD_FILE=/run/secrets/db password=$CLAVE api_key=
123e4567-e89b-12d3-a456-426614174000 2024-11-21T07:27:00Z sklearn-1.2.3-cp311-manylinux
postgres://user:${DB_PASS}@h https://user:pass@host sk-learn-contrib-package-name-2-x
password = "********"; self.token = token_v2; private_key: "_RSAPrivateKey"
Unexpected token: "abc123456"; expected token: abc123456
"""
    assert secretos.redactar(corriente) is corriente


def test_un_secreto_cortado_por_lo_omitido_se_tapa(secretos: Secretos) -> None:
    for sitio in range(8, len(VALOR) - 8):
        captura = Captura(400)
        captura.anadir(b"x" * (200 - sitio) + VALOR.encode() * 40)
        texto, omitidos = captura.texto()
        assert omitidos
        tapado = secretos.redactar(texto)
        assert "bytes omitidos" in tapado
        assert not [i for i in range(len(VALOR) - 8) if VALOR[i : i + 8] in tapado]


MOLDES = [
    *("password=", "a" * 41 + "\n", "://a:", 'token: "', "eyJ.", "-----BEGIN PRIVATE KEY-----"),
    *("-----END PRIVATE KEY-----", "\n[… 5 bytes omitidos …]\n", "PRIVATE KEY " + "a" * 64 + "\n"),
]


@pytest.mark.parametrize("molde", MOLDES)
def test_un_texto_hostil_cuesta_lo_que_mide(secretos: Secretos, molde: str) -> None:
    def coste(largo: int) -> float:
        texto = molde * (largo // len(molde)) + "-----END PRIVATE KEY-----"
        veces = []
        for _ in range(3):
            inicio = time.process_time()
            secretos.redactar(texto)
            veces.append(time.process_time() - inicio)
        return min(veces)

    assert coste(256_000) <= 8 * coste(64_000) + 0.02


def test_el_canario_da_la_alarma_en_todas_sus_formas(secretos: Secretos) -> None:
    canario = secretos.canario
    for forma in (canario, canario[::-1], canario.encode().hex(), _base64(canario, "env=")):
        assert secretos.alarma(f"mira: {forma}") is not None
        assert canario not in secretos.redactar(forma)
    assert secretos.alarma("nada [secreto:SWARM_CANARIO] nada") is None
    assert Secretos.desde({}, {}, ()).alarma(canario) is None


def test_el_senuelo_parece_una_clave_y_lleva_el_canario(secretos: Secretos) -> None:
    lineas = secretos.senuelo.splitlines()
    assert lineas[0] == "-----BEGIN OPENSSH PRIVATE KEY-----"
    assert base64.b64decode("".join(lineas[1:-2])).startswith(b"openssh-key-v1\0")
    assert secretos.alarma("\n".join(lineas[:3]))
    assert secretos.alarma("\n".join(lineas[3:-1]))
    assert secretos.alarma(_base64(secretos.senuelo))
    assert lineas[2] not in secretos.redactar(secretos.senuelo)


# --- las claves de las marcas -------------------------------------------------------------


def test_la_marca_es_la_misma_mientras_lo_sean_sesion_y_paso(tmp_path: Path) -> None:
    clave = clave_de_sesion(tmp_path, "s1")
    assert clave_de_sesion(tmp_path, "s1") == clave
    assert clave_de_sesion(tmp_path, "s2") != clave
    assert (tmp_path / ".clave").stat().st_mode & 0o777 == 0o600
    marca = marca_de(clave, "s1:a-1:1:x")
    assert marca_de(clave, "s1:a-1:1:x") == marca
    assert marca_de(clave, "s1:a-1:2:x") != marca
    assert len(marca) == 12
    int(marca, 16)


def test_una_clave_rota_se_dice(tmp_path: Path) -> None:
    (tmp_path / ".clave").write_bytes(b"corta")
    with pytest.raises(ErrorConfiguracion, match="bórralo"):
        clave_de_sesion(tmp_path, "s")
    (tmp_path / ".clave").unlink()
    (tmp_path / ".clave").symlink_to("/etc/hostname")
    with pytest.raises(ErrorConfiguracion, match=r"\.clave"):
        clave_de_sesion(tmp_path, "s")
    with pytest.raises(ErrorConfiguracion, match="no se puede usar"):
        clave_de_sesion(tmp_path / "falta", "s")
