"""El espacio y la memoria de una orden no se esconden: lo que no se ve por su nombre también cuenta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.consola.supervision.procesos import tamano
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import AISLAMIENTOS
from tests.consola.apoyo_plazas import sitio
from tests.consola.tabla.apoyo_tabla import COMO, Enjambre, Pedida

_POCO: dict[str, Any] = {"limite_espacio_mb": 8, "limite_memoria_mb": 128, "limite_comando_s": 8.0}
_MIB = 1024 * 1024


def _python(codigo: str) -> str:
    return f"python3 - <<'FIN'\nimport os, time\n{codigo}\nFIN\necho entera"


HONDAS = _python("""
for _ in range(40):
    os.mkdir("n" * 200)
    os.chdir("n" * 200)
for i in range(40):
    open(f"f{i}", "wb").write(b"x" * (1 << 20))
    time.sleep(0.1)
""")
BORRADOS = _python("""
abiertos = []
for i in range(40):
    abiertos.append(open("f", "wb", buffering=0))
    abiertos[-1].write(b"x" * (1 << 20))
    os.unlink("f")
    time.sleep(0.1)
""")
VACIOS = _python("""
for i in range(16000):
    open(f"f{i}", "wb").close()
    if i % 400 == 0:
        time.sleep(0.1)
""")
CERRADA = _python("""
os.chmod(".", 0o311)
for i in range(40):
    open(f"f{i}", "wb").write(b"x" * (1 << 20))
    time.sleep(0.1)
""")
RAMAS = _python("""
for _ in range(300):
    os.mkdir("a")
    os.mkdir("b")
    os.mkdir("b/c")
    os.mkdir("a/c")
    os.chdir("a")
time.sleep(4)
""")
DE_NADIE = _python("""
abiertos = []
for i in range(60):
    abiertos.append(os.memfd_create("f"))
    for _ in range(8):
        os.write(abiertos[-1], b"x" * (1 << 20))
    time.sleep(0.05)
""")
ENLACES = _python("""
open("f", "wb").write(b"x" * (1 << 20))
for i in range(60):
    os.link("f", f"g{i}")
    time.sleep(0.02)
""")
PROYECTADA = _python("""
import mmap
archivo = os.memfd_create("f")
os.ftruncate(archivo, 80 << 20)
lugar = mmap.mmap(archivo, 80 << 20)
for i in range(0, 80 << 20, 4096):
    lugar[i] = 1
time.sleep(1)
""")


@pytest.mark.parametrize(
    "orden", [HONDAS, BORRADOS, VACIOS, RAMAS], ids=["hondas", "borrados", "vacios", "ramas"]
)
async def test_lo_escondido_cuenta_como_espacio(consola: EjecutorConsola, orden: str) -> None:
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1", PerfilConsola(**_POCO))
    assert (resultado.motivo, resultado.salida) == (MotivoFin.LIMITE_ESPACIO, "")
    borrado = await consola.ejecutar_comando_seguro(
        "rm -rf ./* && ls", "a-1", PerfilConsola(**_POCO)
    )
    assert (borrado.motivo, borrado.salida, borrado.error) == (MotivoFin.OK, "", "")


async def test_vaciar_despacio_una_carpeta_llena_se_puede(consola: EjecutorConsola) -> None:
    llenar = "for i in {1..24}; do head -c 1M /dev/zero > f$i; done"
    await consola.ejecutar_comando_seguro(llenar, "a-1")
    vaciar = "for f in f*; do rm $f; sleep 0.05; done; ls; echo vacia"
    resultado = await consola.ejecutar_comando_seguro(vaciar, "a-1", PerfilConsola(**_POCO))
    assert (resultado.motivo, resultado.salida) == (MotivoFin.OK, "vacia\n")


@pytest.mark.parametrize(
    ("orden", "perfil"),
    [
        (ENLACES, PerfilConsola(limite_espacio_mb=8)),
        (PROYECTADA, PerfilConsola(limite_memoria_mb=128)),
    ],
    ids=["enlaces", "proyectada"],
)
async def test_lo_que_es_uno_solo_cuenta_una_vez(
    consola: EjecutorConsola, orden: str, perfil: PerfilConsola
) -> None:
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1", perfil)
    assert (resultado.motivo, resultado.salida) == (MotivoFin.OK, "entera\n")


@pytest.mark.parametrize("aislamiento", AISLAMIENTOS)
@pytest.mark.parametrize("como", COMO)
def test_ni_cerrando_la_carpeta_ni_con_memoria_de_nadie(aislamiento: str, como: str) -> None:
    with sitio(aislamiento, COMO[como]) as lugar:
        pedidas = [Pedida("cerrada", CERRADA, _POCO), Pedida("de-nadie", DE_NADIE, _POCO)]
        dejados = Enjambre(aislamiento, como).correr(lugar, [pedidas]).dejados
    motivos = {agente: dejado.motivo for agente, dejado in dejados.items()}
    assert motivos == {"cerrada": "limite_espacio", "de-nadie": "limite_memoria"}


def test_medir_no_sale_por_un_enlace_ni_cuenta_lo_que_no_existe(tmp_path: Path) -> None:
    fuera, dentro = tmp_path / "fuera", tmp_path / "dentro"
    fuera.mkdir()
    dentro.mkdir()
    (fuera / "f").write_bytes(b"x" * _MIB)
    (dentro / "enlace").symlink_to(fuera)
    assert tamano([str(dentro), str(tmp_path / "no-hay")], 5) == 4096
