"""El registro de fábrica: las herramientas incluidas, sobre una consola y sus permisos."""

from __future__ import annotations

from servicios.ejecutor_consola import EjecutorConsola
from servicios.herramientas.incluidas.consola import PerfilDe, Permisos, herramienta_consola
from servicios.herramientas.incluidas.trabajos import herramientas_trabajos
from servicios.herramientas.registro import RegistroHerramientas


def registro_de_fabrica(
    consola: EjecutorConsola, perfil_de: PerfilDe, permisos: Permisos
) -> RegistroHerramientas:
    """Un registro con las herramientas que trae el producto."""
    registro = RegistroHerramientas()
    registro.registrar(herramienta_consola(consola, perfil_de, permisos))
    for herramienta in herramientas_trabajos(consola.trabajos, perfil_de, permisos):
        registro.registrar(herramienta)
    return registro
