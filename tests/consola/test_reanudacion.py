"""Lo que un agente dejó y sus trabajos siguen ahí al reanudar la sesión; y la copia para otra."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import MotivoFin, Suerte, copiar_espacios, operaciones_en_disco
from tests.consola.apoyo import CrearConsola, hasta_que, sueno, vivos
from tests.consola.apoyo_operaciones import AGENTE, abierta, dejar_a_medias, matar, rastro

FILA = 43
PERFIL = PerfilConsola(vida_trabajo_s=20)
RARO = "con «comillas» y\n dos líneas"


async def test_la_carpeta_y_las_variables_vuelven_al_reanudar(
    crear: CrearConsola, tmp_path: Path
) -> None:
    primera = await crear(sesion="s1")
    await primera.ejecutar_comando_seguro(f"mkdir d; cd d; export RARO='{RARO}'", AGENTE)
    guardado = tmp_path / f"estados/s1/{AGENTE}"
    assert guardado.stat().st_mode & 0o777 == 0o600
    preguntar = 'basename "$PWD"; printf %s "$RARO"'
    segunda, otra = await crear(sesion="s1"), await crear(sesion="s2")
    assert (await segunda.ejecutar_comando_seguro(preguntar, AGENTE)).salida == f"d\n{RARO}"
    assert (await otra.ejecutar_comando_seguro(preguntar, AGENTE)).salida == f"{AGENTE}\n"
    suelta = await crear()
    assert (await suelta.ejecutar_comando_seguro(preguntar, AGENTE)).salida == f"{AGENTE}\n"
    lee = await segunda.ejecutar_comando_seguro(f"cat {guardado}", "agente-2")
    assert lee.codigo != 0


async def test_un_recuerdo_roto_no_impide_empezar(crear: CrearConsola, tmp_path: Path) -> None:
    (tmp_path / "estados/s1").mkdir(parents=True)
    (tmp_path / f"estados/s1/{AGENTE}").write_text('{"estado": {"carpeta": 3')
    consola = await crear(sesion="s1")
    assert (await consola.ejecutar_comando_seguro("basename $PWD", AGENTE)).salida == f"{AGENTE}\n"


@pytest.mark.parametrize("nombre", ["..", "a/b", "-x"])
async def test_un_nombre_que_no_es_de_carpeta_se_rechaza(crear: CrearConsola, nombre: str) -> None:
    with pytest.raises(ErrorConsola, match="no sirve de nombre"):
        await crear(sesion=nombre)
    with pytest.raises(ErrorConsola, match="no sirve de nombre"):
        await crear(sub=nombre)


async def test_un_trabajo_vivo_se_vuelve_a_gobernar(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"echo uno; touch empezada; until [ -e ya ]; do sleep 0.05; done; echo dos; sleep {n}"
    async with (
        dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA, clase="trabajo"),
        abierta(aislamiento, tmp_path) as consola,
    ):
        trabajos = consola.trabajos
        assert await trabajos.adoptar("t4", FILA, orden, AGENTE) is Suerte.VIVA
        estado = await trabajos.leer("t4", AGENTE)
        assert (estado.vivo, estado.salida, estado.command) == (True, "uno\n", orden)
        await consola.ejecutar_comando_seguro("touch ya", AGENTE)
        assert await hasta_que(lambda: rastro(tmp_path, FILA).escrito()[0].total == 8)
        assert await trabajos.iniciar("true", AGENTE, PERFIL) == "t5"
        parado = await trabajos.parar("t4", AGENTE)
        assert vivos(n) == []
        assert parado.resultado is not None
        assert (parado.salida, parado.resultado.motivo) == ("uno\ndos\n", MotivoFin.CANCELADO)
        await consola.cerrar_operacion(FILA)
        assert operaciones_en_disco(tmp_path) == [FILA]
        await trabajos.olvidar(AGENTE)
        assert operaciones_en_disco(tmp_path) == []


async def test_un_trabajo_que_acabo_o_murio_se_lee(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"echo uno; touch empezada; sleep {n}"
    a_medias = dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA, clase="trabajo")
    async with a_medias as supervisor, abierta(aislamiento, tmp_path) as consola:
        matar(supervisor)
        assert await hasta_que(lambda: not vivos(n))
        adoptar = consola.trabajos.adoptar
        assert await adoptar("t1", FILA, orden, AGENTE) is Suerte.INTERRUMPIDA
        estado = await consola.trabajos.leer("t1", AGENTE)
        assert (estado.vivo, estado.salida) == (False, "uno\n")
        await consola.ejecutar_comando_seguro("echo hecho; exit 3", AGENTE, None, FILA + 1)
        assert await adoptar("t2", FILA + 1, "…", AGENTE) is Suerte.TERMINADA
        resultado = (await consola.trabajos.leer("t2", AGENTE)).resultado
        assert resultado is not None
        assert (resultado.salida, resultado.codigo) == ("hecho\n", 3)
        assert await adoptar("t9", FILA + 2, "…", AGENTE) is Suerte.NUNCA
        assert await consola.trabajos.iniciar("true", AGENTE, PERFIL) == "t10"


async def test_la_copia_es_fiel_y_cada_sesion_sigue_por_su_lado(
    crear: CrearConsola, tmp_path: Path
) -> None:
    secreto = tmp_path / "secreto"
    secreto.write_text("no")
    primera = await crear()
    orden = f"echo uno > f; chmod 640 f; ln -s {secreto} fuera; mkfifo t; mkdir d; echo c > ~/casa"
    await primera.ejecutar_comando_seguro(orden, AGENTE)
    copiar_espacios(tmp_path, [AGENTE, "nadie-1"], [("s1", "")], "s2")
    copia = tmp_path / f"espacios/s2/{AGENTE}"
    original = (tmp_path / f"espacios/{AGENTE}/f").stat()
    assert (copia / "f").stat().st_mode == original.st_mode
    assert (copia / "f").stat().st_uid == original.st_uid
    assert (copia / "fuera").readlink() == secreto
    assert (tmp_path / f"casas/s2/{AGENTE}/casa").read_text() == "c\n"
    assert [c.name for c in (tmp_path / "espacios/s2").iterdir()] == [AGENTE]
    segunda = await crear(sub="s2")
    hecho = await segunda.ejecutar_comando_seguro("cat f; echo dos > f; pwd", AGENTE)
    assert hecho.salida == f"uno\n{copia}\n"
    assert (await primera.ejecutar_comando_seguro("cat f", AGENTE)).salida == "uno\n"
    with pytest.raises(ErrorConsola, match="ya existe"):
        copiar_espacios(tmp_path, [AGENTE], [("s1", "")], "s2")
