"""Una orden corriente: qué imprime, con qué código y qué lee el modelo."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from servicios.consola.entorno import entorno_de_orden
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin, ResultadoComando
from tests.consola.apoyo import HIJO, CrearConsola, hasta_que, sueno, vivos


async def test_el_modelo_lee_el_json_de_la_semilla(consola: EjecutorConsola) -> None:
    resultado = await consola.ejecutar_comando_seguro("echo hola | wc -c", "ejecutor-1")
    assert resultado.para_modelo() == '{"salida":"5","error":"","codigo":0}'
    assert resultado.salida == "5\n"
    assert resultado.motivo is MotivoFin.OK


async def test_un_fallo_es_un_valor_con_su_texto_y_se_sigue(consola: EjecutorConsola) -> None:
    resultado = await consola.ejecutar_comando_seguro("ls /noexiste", "ejecutor-1")
    assert resultado.codigo != 0
    assert "/noexiste" in resultado.error
    siguiente = await consola.ejecutar_comando_seguro("echo sigo", "ejecutor-1")
    assert siguiente.salida == "sigo\n"


async def test_solo_se_quita_un_salto_final_y_los_acentos_van_tal_cual(
    consola: EjecutorConsola,
) -> None:
    resultado = await consola.ejecutar_comando_seguro("echo 'año ñ €'; echo", "ejecutor-1")
    assert resultado.para_modelo() == '{"salida":"año ñ €\\n","error":"","codigo":0}'


def test_el_json_dice_el_motivo_y_lo_omitido_solo_si_los_hay() -> None:
    resultado = ResultadoComando("a", "b", 124, MotivoFin.TIEMPO, bytes_omitidos=7)
    assert json.loads(resultado.para_modelo()) == {
        "salida": "a",
        "error": "b",
        "codigo": 124,
        "motivo": "tiempo",
        "bytes_omitidos": 7,
    }


@pytest.mark.parametrize(
    ("orden", "texto"),
    [
        ("", "vacía"),
        (" \n\t", "vacía"),
        ("echo a\x00b", "NUL"),
        ("echo \ud83d", "Unicode"),
        ("echo " + "x" * 200_000, "demasiado larga"),
    ],
)
async def test_una_orden_imposible_es_un_valor(
    consola: EjecutorConsola, orden: str, texto: str
) -> None:
    resultado = await consola.ejecutar_comando_seguro(orden, "ejecutor-1")
    assert resultado.codigo == 2
    assert texto in resultado.error


ORDENES = [
    "nohay",
    "exit 3",
    "echo (",
    "echo 'sin cerrar",
    "set -e; false; echo no",
    "set -u; echo $NO_DEFINIDA; echo no",
    "set -x; echo a; exit 4",
    "set -C; echo a > f; echo b > f; rm f",
    "set -o pipefail; false | true",
    "cd /noexiste",
    "trap 'echo depura' DEBUG; echo a",
    "trap 'echo falla' ERR; false",
    "trap 'echo salgo' EXIT; exit 5",
    "trap 'echo int' INT; kill -INT $$; echo fin",
    "kill -9 $$",
    "kill -TERM $$",
    "exec false",
    "return 3",
    "-x",
    "echo $0 $# $SHLVL; unset HOME; cd",
    "cat; read x; echo $?",
    "( exit 7 )",
    "bash -c 'exit 8'; echo $?; bash -c nohay",
    "echo a >&2; echo b; echo ${OLDPWD-nada} ${BASH_ENV-nada}",
    "printf() { builtin echo trampa; }; trap() { :; }; echo a",
    "IFS=/; x=a/b; echo $x",
    "readonly PWD; exit 9",
]


@pytest.mark.parametrize("orden", ORDENES)
async def test_es_un_bash_c_de_verdad_byte_a_byte(
    consola: EjecutorConsola, tmp_path: Path, orden: str
) -> None:
    espacio = tmp_path / "espacios/ejecutor-1"
    await consola.ejecutar_comando_seguro("true", "ejecutor-1")
    suelto = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", "--", orden],
        capture_output=True,
        cwd=espacio,
        env=entorno_de_orden(espacio, tmp_path / "casas/ejecutor-1"),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
        check=False,
    )
    nuestro = await consola.ejecutar_comando_seguro(orden, "ejecutor-1")
    codigo = suelto.returncode if suelto.returncode >= 0 else 128 - suelto.returncode
    assert (nuestro.salida, nuestro.error, nuestro.codigo) == (suelto.stdout, suelto.stderr, codigo)


async def test_lo_que_se_teclea_en_el_programa_no_llega_a_la_orden(tmp_path: Path) -> None:
    hijo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", HIJO, "auto", str(tmp_path), "cat; echo fin"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    salida, _ = await hijo.communicate(b"tecleado\n")
    assert salida.splitlines()[1] == b'{"salida":"fin","error":"","codigo":0}'


async def test_no_hay_terminal_donde_escribir(consola: EjecutorConsola) -> None:
    resultado = await consola.ejecutar_comando_seguro("echo x > /dev/tty", "a-1")
    assert resultado.codigo == 1


async def test_cada_orden_va_en_su_propia_sesion(consola: EjecutorConsola) -> None:
    """Así un Ctrl-C en nuestra terminal no le llega."""
    argumento = sueno()
    orden = asyncio.create_task(consola.ejecutar_comando_seguro(f"sleep {argumento}", "a-1"))
    assert await hasta_que(lambda: bool(vivos(argumento)))
    # Desde fuera: dentro de un espacio de procesos la sesión de quien lo abrió se lee como 0.
    assert {os.getsid(pid) for pid in vivos(argumento)}.isdisjoint({os.getsid(0), 0})
    orden.cancel()
    await asyncio.wait({orden})


@pytest.mark.solo
async def test_lo_que_queda_en_segundo_plano_no_retrasa_ni_estorba(
    consola: EjecutorConsola,
) -> None:
    inicio = time.monotonic()
    resultado = await consola.ejecutar_comando_seguro("sleep 9 & echo hi", "a-1")
    assert time.monotonic() - inicio < 1
    assert resultado.para_modelo() == '{"salida":"hi","error":"","codigo":0}'


async def test_cada_agente_empieza_en_su_carpeta(consola: EjecutorConsola, tmp_path: Path) -> None:
    resultado = await consola.ejecutar_comando_seguro("pwd; echo x > nota", "lector-3")
    casa = tmp_path / "espacios" / "lector-3"
    assert resultado.salida == f"{casa}\n"
    assert (casa / "nota").read_text() == "x\n"


@pytest.mark.parametrize("agente", ["../fuera", "a/b", "", "..", ".oculto", "a\nb"])
async def test_un_id_que_se_sale_de_los_espacios_se_rechaza(
    consola: EjecutorConsola, agente: str
) -> None:
    with pytest.raises(ErrorConsola, match="id de agente"):
        await consola.ejecutar_comando_seguro("true", agente)


async def test_una_carpeta_imposible_se_explica(crear: CrearConsola, tmp_path: Path) -> None:
    (tmp_path / "espacios").write_text("soy un archivo")
    with pytest.raises(ErrorConsola, match="no se puede preparar"):
        await (await crear()).ejecutar_comando_seguro("true", "a-1")


async def test_la_orden_no_hereda_ningun_descriptor_nuestro(consola: EjecutorConsola) -> None:
    """Por el canal del supervisor se podrían firmar informes falsos."""
    orden = "for n in {0..64}; do [ -e /proc/$$/fd/$n ] && echo -n $n,; done"
    assert (await consola.ejecutar_comando_seguro(orden, "a-1")).salida == "0,1,2,"
