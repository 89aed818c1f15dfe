from __future__ import annotations

import random
import time

import pytest

from servicios.consola.secretos.limpieza import limpiar

CONTROLES = [
    *(chr(n) for n in range(0x20) if chr(n) not in "\n\t\r"),
    *(chr(n) for n in range(0x7F, 0xA0)),
    *"\ud800\udfff",
]
INVISIBLES = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u061c\u180e\ufe00\u3164"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\U000e0001\U000e0041\U000e01ef"
)


@pytest.mark.parametrize("malo", CONTROLES, ids=lambda c: f"{ord(c):x}")
def test_un_control_suelto_se_ve(malo: str) -> None:
    assert limpiar(f"antes {malo}\ndespués") == "antes \ufffd\ndespués"


@pytest.mark.parametrize("malo", INVISIBLES, ids=lambda c: f"{ord(c):x}")
def test_lo_invisible_se_ve(malo: str) -> None:
    assert limpiar(f"antes{malo}después") == f"antes<U+{ord(malo):04X}>después"


@pytest.mark.parametrize(
    ("crudo", "limpio"),
    [
        ("\x1b[31mrojo\x1b[0m", "rojo"),
        ("\x1b[2J\x1b[1;1Hfuera", "fuera"),
        ("\x1b[?1049halterna", "alterna"),
        ("\x9b31mrojo", "rojo"),
        ("\x1b]0;título\x07queda", "queda"),
        ("\x1b]52;c;cm9iYWRv\x07queda", "queda"),
        ("\x1b]8;;http://malo\x1b\\clic\x1b]8;;\x1b\\", "clic"),
        ("\x9d0;título\x9cqueda", "queda"),
        ("\x1bP1$r0m\x1b\\queda", "queda"),
        ("\x1b_orden\x1b\\\x1b^privado\x1b\\\x1bXcadena\x1b\\queda", "queda"),
        ("\x90a\x9c\x98b\x9c\x9ec\x9c\x9fd\x9cqueda", "queda"),
        ("\x1b(Bqueda\x1b7\x1bc", "queda"),
        ("\x1b]0;sin cerrar\nqueda", "\ufffd]0;sin cerrar\nqueda"),
        ("\x1b\x1b[0m[31mx", "\ufffd[31mx"),
        ("10%\r20%\r\nfin", "10%\n20%\nfin"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("\tcon\ttabuladores\n", "\tcon\ttabuladores\n"),
        ("[bold]x[/bold] [/foo]", "[bold]x[/bold] [/foo]"),
    ],
)
def test_limpiar(crudo: str, limpio: str) -> None:
    assert limpiar(crudo) == limpio


@pytest.mark.parametrize(
    "texto",
    ["ñandú 日本 👩", "👩‍👩‍👧‍👦", "❤️‍🔥", "👩🏽‍⚕️", "🏳️‍🌈", "✔️", "☎︎", "می‌خواهم", "क्‍ष"],
    ids=ascii,
)
def test_lo_que_compone_una_letra_o_un_emoji_se_queda(texto: str) -> None:
    assert limpiar(texto) == texto


def test_limpiar_dos_veces_es_limpiar_una() -> None:
    azar = random.Random(7)
    letras = "\x1b\x9b[]0;m\x07\\\x9c\r\na\u200d\ufe0f\ufe00👩\u200c\u202e\ud800P^_X\x90ک"
    for _ in range(20_000):
        crudo = "".join(azar.choices(letras, k=azar.randint(1, 12)))
        una = limpiar(crudo)
        assert limpiar(una) == una, ascii(crudo)
        assert not {c for c in una if c < " " and c not in "\n\t"}, ascii(crudo)
        una.encode()


@pytest.mark.parametrize("molde", ["\x90", "\x1b]", "\x1b]x", "\x90\n", "\x1b[0;", "\x9dx\x90"])
def test_limpiar_texto_hostil_no_se_eterniza(molde: str) -> None:
    inicio = time.monotonic()
    limpiar(molde * (1_000_000 // len(molde)))
    assert time.monotonic() - inicio < 5
