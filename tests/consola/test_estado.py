"""Lo que una orden deja a la siguiente: carpeta y variables exportadas, y nada más."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicios.ejecutor_consola import EjecutorConsola
from tests.consola.apoyo import en


async def _salida(consola: EjecutorConsola, orden: str, agente: str = "a-1") -> str:
    return (await consola.ejecutar_comando_seguro(orden, agente, en(10))).salida


@pytest.mark.parametrize(
    "final",
    [
        "true",
        "exit 3",
        "set -e; false; true",
        "set -u; echo $NO_HAY",
        "set -x; set -v; set -C; true",
        "trap 'echo d' DEBUG; true",
        "nohay",
        "kill -TERM $$",
        "printf() { :; }; env() { :; }; pwd() { :; }; true",
    ],
)
async def test_carpeta_y_variables_pasan_acabe_como_acabe(
    consola: EjecutorConsola, final: str
) -> None:
    await _salida(consola, f"mkdir 'sub dir'; cd 'sub dir'; export A='x  y'; B=no; {final}")
    assert await _salida(consola, 'echo "${PWD##*/}|$A|${B-nada}"') == "sub dir|x  y|nada\n"


async def test_un_error_de_sintaxis_conserva_lo_anterior(consola: EjecutorConsola) -> None:
    await _salida(consola, "cd /usr; export A=1")
    await _salida(consola, "echo (")
    assert await _salida(consola, "pwd; echo $A") == "/usr\n1\n"


@pytest.mark.parametrize("final", ["kill -9 $$", "exec true", "trap 'true' EXIT", "trap - EXIT"])
async def test_si_no_se_pudo_anotar_vale_el_ultimo_estado(
    consola: EjecutorConsola, final: str
) -> None:
    await _salida(consola, "cd /usr; export A=1")
    await _salida(consola, f"cd /; export A=2; {final}")
    assert await _salida(consola, "pwd; echo $A") == "/usr\n1\n"


async def test_tras_agotar_el_tiempo_vale_el_ultimo_estado(consola: EjecutorConsola) -> None:
    await _salida(consola, "cd /usr")
    await consola.ejecutar_comando_seguro("cd /; sleep 9", "a-1", en(0.3))
    assert await _salida(consola, "pwd") == "/usr\n"


async def test_valores_raros_llegan_enteros(consola: EjecutorConsola) -> None:
    await _salida(consola, r"""export R=$'a\nb\t"c" '"'"'d'"'"' $(id) `id` \\ ñ \xff=é'""")
    resultado = await _salida(consola, 'printf %s "$R" | od -An -c | tr -d " \\n"')
    directo = await _salida(
        consola,
        r"""R=$'a\nb\t"c" '"'"'d'"'"' $(id) `id` \\ ñ \xff=é'; printf %s "$R" """
        '| od -An -c | tr -d " \\n"',
    )
    assert resultado == directo
    assert resultado


async def test_quitar_una_variable_tambien_pasa(consola: EjecutorConsola) -> None:
    await _salida(consola, "export A=1")
    await _salida(consola, "unset A")
    assert await _salida(consola, "echo ${A-nada}") == "nada\n"


@pytest.mark.parametrize(
    ("nombre", "valor"),
    [
        ("PATH", "/nada"),
        ("LD_PRELOAD", "/tmp/x.so"),
        ("LD_LIBRARY_PATH", "/tmp"),
        ("PYTHONPATH", "/tmp"),
        ("PYTHONSTARTUP", "/tmp/x"),
        ("BASH_ENV", "/tmp/x"),
        ("ENV", "/tmp/x"),
        ("IFS", "x"),
        ("PROMPT_COMMAND", "id"),
    ],
)
async def test_lo_peligroso_no_se_arrastra(
    consola: EjecutorConsola, nombre: str, valor: str
) -> None:
    mirar = f"echo ${{{nombre}@Q}}"
    limpio = await _salida(consola, mirar)
    await _salida(consola, f"export {nombre}={valor} TESTIGO=1")
    assert await _salida(consola, "echo $TESTIGO") == "1\n"
    assert await _salida(consola, mirar) == limpio


async def test_ni_funciones_ni_opciones_se_arrastran(consola: EjecutorConsola) -> None:
    await _salida(consola, "ls() { echo trampa; }; export -f ls; set -o noglob; export SHELLOPTS")
    assert await _salida(consola, "ls; env | grep -c BASH_FUNC; echo $-; echo /usr/bi*") == (
        "0\nhBc\n/usr/bin\n"
    )


async def test_una_carpeta_desaparecida_devuelve_a_la_propia(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    await _salida(consola, "mkdir x; cd x; export A=1; rmdir ../x")
    casa = tmp_path / "espacios" / "a-1"
    assert await _salida(consola, "pwd; echo $A") == f"{casa}\n1\n"


async def test_cd_guion_vuelve_a_la_carpeta_anterior(consola: EjecutorConsola) -> None:
    await _salida(consola, "cd /usr; cd /usr/lib")
    assert await _salida(consola, "cd -; pwd") == "/usr\n/usr\n"


async def test_un_estado_desmedido_no_se_arrastra(consola: EjecutorConsola) -> None:
    await _salida(consola, "export A=1")
    await _salida(consola, "export A=2 G=$(head -c 90000 /dev/zero | tr '\\0' x)")
    assert await _salida(consola, "echo $A ${#G}") == "1 0\n"


async def test_cada_agente_tiene_el_suyo_y_olvidar_lo_borra(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    await _salida(consola, "cd /usr; export A=uno", "a-1")
    await _salida(consola, "cd /etc; export A=dos", "a-2")
    assert await _salida(consola, "pwd; echo $A", "a-1") == "/usr\nuno\n"
    consola.olvidar("a-1")
    casa = tmp_path / "espacios" / "a-1"
    assert await _salida(consola, "pwd; echo ${A-nada}", "a-1") == f"{casa}\nnada\n"
    assert await _salida(consola, "pwd; echo $A", "a-2") == "/etc\ndos\n"


@pytest.mark.parametrize(
    "basura",
    [
        "echo basura",
        r"printf 'sin-barra\n\0A=2\0fin\0'",
        r"printf '/usr\n\0A=2\0'",
        r"printf '/usr\n\0mal nombre;id=2\0=x\0sin igual\0A=1\0fin\0'",
    ],
)
async def test_una_hoja_falsificada_no_rompe_nada(consola: EjecutorConsola, basura: str) -> None:
    await _salida(consola, "export A=1")
    await _salida(
        consola, f"f=$(trap -p EXIT | grep -o '/[^ ]*estado-[0-9a-f]*'); {basura} > $f; exec true"
    )
    assert await _salida(consola, "echo $A") == "1\n"


@pytest.mark.parametrize(
    "trampa",
    [
        "e=$(ls -d ~/.enjambre/estado-*); rm $e; mkdir $e",
        "e=$(ls -d ~/.enjambre/estado-*); rm $e; ln -s /etc/passwd $e",
        "e=$(ls -d ~/.enjambre/estado-*); rm $e; mkfifo $e; trap - EXIT",
        "rm -rf ~/.enjambre; touch ~/.enjambre",
        "rm -rf ~/.enjambre; ln -s /etc ~/.enjambre",
    ],
)
async def test_quien_estropea_sus_hojas_sigue_teniendo_consola(
    consola: EjecutorConsola, tmp_path: Path, trampa: str
) -> None:
    await _salida(consola, "export A=1")
    abiertos = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        await _salida(consola, trampa)
    assert await _salida(consola, "echo $A") == "1\n"
    assert len(list(Path("/proc/self/fd").iterdir())) <= abiertos + 1
    assert not [h for h in (tmp_path / "casas/a-1/.enjambre").iterdir() if h.is_file()]
