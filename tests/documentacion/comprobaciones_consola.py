"""Lo que un manual dice de la consola y del contenedor, contra el código."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum

from agentes.perfil_consola import PerfilConsola
from agentes.perfil_json import CLAVES_CONSOLA
from servicios.ajustes import RAIZ, VARIABLES
from servicios.consola.aislamientos.aislamiento import AUTO, NOMBRES, UID_ORDENES
from servicios.consola.pedido import MotivoFin
from servicios.consola.preparacion import Generales
from servicios.interfaz.argumentos import AISLAMIENTOS
from tests.documentacion.lectura import Esquema, Manual, codigos, diferencias

COMPOSE = (RAIZ / "docker/compose.yaml").read_text(encoding="utf-8")
_MIB = 1024 * 1024


def aislamientos(manual: Manual, _: Esquema) -> list[str]:
    """Uno por fila, con lo que promete y lo que no; y solo se nombran los que se pueden pedir."""
    filas = manual.tablas["aislamientos"]
    dichos = ["".join(codigos(fila[0])) for fila in filas]
    quejas = diferencias("aislamientos", dichos, [n for n in NOMBRES if n != AUTO])
    quejas += diferencias("--aislamiento", list(AISLAMIENTOS), list(NOMBRES))
    quejas += [f"{fila[0]}: falta lo que promete o lo que no" for fila in filas if not all(fila)]
    pedidos = set(re.findall(r"--aislamiento (\w+)", manual.texto))
    pedidos |= set(re.findall(r"ENJAMBRE_AISLAMIENTO=(\w+)", manual.texto))
    return [*quejas, *diferencias("aislamientos pedidos", sorted(pedidos - set(NOMBRES)), [])]


def motivos(manual: Manual, _: Esquema) -> list[str]:
    """Por qué puede terminar una orden."""
    dichos = ["".join(celda) for celda in manual.columna("motivos", 0)]
    sin_decir = [fila[0] for fila in manual.tablas["motivos"] if not fila[1]]
    return [
        *diferencias("motivos", dichos, [m.value for m in MotivoFin]),
        *diferencias("motivos sin significado", sin_decir, []),
    ]


def omisiones_del_perfil(manual: Manual, _: Esquema) -> list[str]:
    """El valor de cada clave de consola si falta; de las que eligen, todos y ese el primero."""
    significados = {"".join(codigos(fila[0])): fila[3] for fila in manual.tablas["claves"]}
    omisiones = {f.name: f.default for f in fields(PerfilConsola) if f.name in CLAVES_CONSOLA}
    quejas = []
    for clave, omision in omisiones.items():
        dicho = codigos(significados.get(clave, ""))
        if isinstance(omision, StrEnum):
            valores = [omision.value, *(e.value for e in type(omision) if e is not omision)]
            quejas += diferencias(clave, [d for d in dicho if d in valores], valores)
        elif isinstance(omision, int | float) and f"{omision:g}" not in dicho:
            quejas.append(f"{clave}: si falta es {omision:g}")
    return quejas


def contenedor(manual: Manual, _: Esquema) -> list[str]:
    """Las variables de `docker/compose.yaml`, sus valores y los topes que pone."""
    volumen = _en_compose(r"^ +name: (\S+)$")
    reales = {n: volumen if v == "datos" else v for n, v in variables_del_contenedor().items()}
    dichos = {
        "".join(codigos(fila[0])): "".join(codigos(fila[1])) for fila in manual.tablas["contenedor"]
    }
    topes = {_en_compose(rf"{que}(\d+)") for que in ("pids_limit: ", "mem_limit: ", "size=")}
    texto = manual.apartado("In a container", "En un contenedor")
    faltan = sorted(topes - set(re.findall(r"\d+", texto)))
    return [
        *diferencias("variables del contenedor", sorted(dichos.items()), sorted(reales.items())),
        *diferencias("topes del contenedor", faltan, []),
    ]


def variables_del_contenedor() -> dict[str, str]:
    """Las que cambian `docker/compose.yaml` y su valor si faltan."""
    return dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE))


def _en_compose(patron: str) -> str:
    hallado = re.search(patron, COMPOSE, re.MULTILINE)
    return hallado[1] if hallado else f"no está: {patron}"


def numeros_de_seguridad(manual: Manual, _: Esquema) -> list[str]:
    """Los límites que cuenta el apartado de seguridad son los de verdad."""
    seguridad = manual.apartado("Safety", "Seguridad")
    dichos = {int(re.sub(r"[.,]", "", n)) for n in re.findall(r"\d+(?:[.,]\d{3})*", seguridad)}
    return diferencias("números de seguridad", sorted(_numeros() - dichos), [])


def _numeros() -> set[int]:
    generales = ("limite_comando_s", "limite_salida", "comandos_simultaneos", "max_iteraciones")
    omisiones = [VARIABLES[campo].omision for campo in (*generales, "plazo_aprobacion_s")]
    perfil = PerfilConsola()
    return {
        *(int(float(omision)) for omision in omisiones),
        *(perfil.limite_memoria_mb, perfil.limite_procesos, perfil.limite_archivo_mb),
        *(perfil.limite_espacio_mb, perfil.max_trabajos, int(perfil.vida_trabajo_s)),
        *(Generales().total // _MIB, UID_ORDENES),
    }


DE_LA_CONSOLA = (aislamientos, motivos, omisiones_del_perfil, contenedor, numeros_de_seguridad)
