"""Qué aislamiento se elige, y que nunca se cae a uno peor sin decirlo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.aislamientos.aislamiento import (
    NOMBRES,
    Aislamiento,
    Probar,
    elegir_aislamiento,
)
from servicios.consola.aislamientos.local import Local
from servicios.consola.entorno import entorno_de_orden
from servicios.consola.plaza import Plaza
from tests.consola.apoyo import DUENIO, solo_root

SIN_ESPACIOS = "bwrap: Creating new namespace failed: Operation not permitted"


def probador(fallos: dict[str, str]) -> tuple[Probar, list[str]]:
    """Una prueba que falla para los nombrados, y la lista de los que se probaron."""
    probados: list[str] = []

    async def probar(aislamiento: Aislamiento) -> str:
        probados.append(aislamiento.nombre)
        return fallos.get(aislamiento.nombre, "")

    return probar, probados


async def sin_contenedor(_duenio: int | None) -> Aislamiento:
    raise ErrorConsola("consola: no hay docker")


async def elegir(
    pedido: str,
    fallos: dict[str, str] | None = None,
    abrir: Callable[[int | None], Awaitable[Aislamiento]] = sin_contenedor,
) -> Aislamiento:
    probar, _ = probador(fallos or {})
    return await elegir_aislamiento(pedido, probar=probar, abrir_contenedor=abrir)


async def test_se_elige_bwrap_y_no_se_prueba_nada_mas() -> None:
    probar, probados = probador({})
    elegido = await elegir_aislamiento(probar=probar, abrir_contenedor=sin_contenedor)
    assert elegido.nombre == "bwrap"
    assert elegido.encierra
    assert elegido.duenio == DUENIO
    assert probados == ["bwrap"]


async def test_si_bwrap_no_funciona_se_usa_landlock_y_se_dice_por_que() -> None:
    elegido = await elegir("auto", {"bwrap": SIN_ESPACIOS})
    assert elegido.nombre == "landlock"
    assert elegido.encierra
    assert "bwrap no funciona" in elegido.descripcion
    assert "contenedor" in elegido.descripcion


async def test_si_no_funciona_ninguno_no_se_degrada() -> None:
    with pytest.raises(ErrorConsola) as fallo:
        await elegir("auto", {"bwrap": SIN_ESPACIOS, "landlock": "algo raro"})
    texto = str(fallo.value)
    assert "espacios de nombres" in texto
    assert "algo raro" in texto
    assert "--aislamiento local" in texto
    assert "\n" not in texto


@pytest.mark.parametrize("nombre", ["bwrap", "landlock", "local"])
async def test_el_que_se_pide_por_su_nombre_es_el_que_hay_o_ninguno(nombre: str) -> None:
    probar, probados = probador({})
    elegido = await elegir_aislamiento(nombre, probar=probar, abrir_contenedor=sin_contenedor)
    assert elegido.nombre == nombre
    with pytest.raises(ErrorConsola, match=f"se pidió {nombre} y no funciona: roto; "):
        await elegir(nombre, {nombre: "roto"})
    assert probados == [nombre]


@pytest.mark.parametrize(
    ("queja", "palabras"),
    [
        (SIN_ESPACIOS, "contenedor, o AppArmor"),
        ("bwrap: No permissions to create new namespace, likely because…", "espacios de nombres"),
        ("bwrap: setting up uid map: Permission denied", "espacios de nombres"),
        ("bwrap: Unknown option --disable-userns", "anterior a la 0.8"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "montar"),
    ],
)
async def test_las_causas_conocidas_se_explican(queja: str, palabras: str) -> None:
    with pytest.raises(ErrorConsola) as fallo:
        await elegir("bwrap", {"bwrap": queja})
    assert palabras in str(fallo.value)
    assert queja in str(fallo.value)


async def test_docker_lo_abre_quien_sabe() -> None:
    abiertos: list[int | None] = []

    async def abrir(duenio: int | None) -> Aislamiento:
        abiertos.append(duenio)
        return Local(duenio, nombre="docker")

    elegido = await elegir("docker", abrir=abrir)
    assert elegido.nombre == "docker"
    assert abiertos == [DUENIO]
    with pytest.raises(ErrorConsola, match="no hay docker"):
        await elegir("docker")


async def test_un_nombre_que_no_existe_dice_cuales_hay() -> None:
    with pytest.raises(ErrorConsola) as fallo:
        await elegir("firejail")
    assert all(nombre in str(fallo.value) for nombre in ("firejail", *NOMBRES))


@pytest.mark.root
@solo_root
async def test_las_ordenes_como_root_se_rechazan() -> None:
    probar, probados = probador({})
    for pedido in NOMBRES:
        with pytest.raises(ErrorConsola, match="root"):
            await elegir_aislamiento(
                pedido, probar=probar, abrir_contenedor=sin_contenedor, uid_ordenes=0
            )
    assert probados == []


async def test_local_avisa_y_no_promete_lo_que_no_cumple(tmp_path: Path) -> None:
    elegido = await elegir("local")
    assert not elegido.encierra
    assert "SIN AISLAMIENTO" in elegido.descripcion
    libre = Plaza("a-1", tmp_path, tmp_path, escribir=(tmp_path,))
    encierro = await elegido.encerrar(libre)
    assert encierro.usuario == DUENIO
    assert encierro.cerca is None
    lista = Plaza("a-1", tmp_path, tmp_path, escribir=(tmp_path,), red=Red.LISTA)
    with pytest.raises(ErrorConsola, match="lista"):
        await elegido.encerrar(lista)


def test_el_entorno_es_una_lista_de_lo_permitido() -> None:
    nuestro = {
        "OPENAI_API_KEY": "sk-canario",
        "PATH": "/mio",
        "LD_PRELOAD": "x",
        "SSH_AUTH_SOCK": "/x",
        "MI_VARIABLE": "si",
        "OTRA": "no",
        "LANG": "es_ES.UTF-8",
        "LC_TIME": "C",
        "TZ": "Europe/Madrid",
    }
    concedidas = ("MI_VARIABLE", "NO_ESTA", "LD_PRELOAD", "PATH", "BASH_ENV")
    assert entorno_de_orden(Path("/lugar"), Path("/casa"), nuestro, concedidas) == {
        "LANG": "es_ES.UTF-8",
        "LC_TIME": "C",
        "TZ": "Europe/Madrid",
        "MI_VARIABLE": "si",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONUNBUFFERED": "1",
        "CI": "1",
        "HOME": "/casa",
        "PWD": "/lugar",
        "TMPDIR": "/casa/tmp",
    }
