"""El modelo configurado: comprueba clave y dirección antes de importar nada del proveedor."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from agentes.errores import ErrorConfiguracion
from servicios.ajustes import direccion
from servicios.llm.destino import Destino
from servicios.llm.preajustes import (
    PREAJUSTES,
    SIN_CLAVE,
    Preajuste,
    ReferenciaModelo,
    resolver_modelo,
)
from servicios.llm.proveedores import abrir_modelo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentes.definicion import DefinicionAgente
    from servicios.ajustes import Ajustes
    from servicios.llm.flujo import ModeloLLM


def cargar_llm(referencia: ReferenciaModelo, ajustes: Ajustes) -> ModeloLLM:
    """El modelo de una referencia, dueño de sus clientes HTTP (se cierran con `cerrar()`).

    Construirlo importa el cliente del proveedor (un segundo la primera vez): se puede hacer en
    un hilo. Uno por referencia basta para todos los agentes.
    Lanza `ErrorConfiguracion` si falta la clave o la dirección no vale.
    """
    preajuste = PREAJUSTES[referencia.proveedor]
    url = _direccion(preajuste, ajustes)
    clave = _clave(preajuste, url, ajustes)
    destino = Destino(
        proveedor=referencia.proveedor,
        modelo=referencia.nombre,
        url=url,
        variable_clave=preajuste.variable_clave,
        variable_url=preajuste.variable_url,
        secreto="" if clave == SIN_CLAVE else clave,
    )
    huella = hashlib.sha256(clave.encode()).hexdigest()[:12]
    modelo = abrir_modelo(destino, clave, f"{referencia}@{huella}")
    modelo.contexto = ajustes.contexto or modelo.contexto
    return modelo


SIN_MODELO = (
    "No hay modelo: pon GOOGLE_API_KEY, GEMINI_API_KEY u OPENAI_API_KEY (o MODEL=proveedor:modelo)"
    " en el entorno o en .env; para la demostración sin clave, MODEL=demo."
)


def elegir_modelo(ajustes: Ajustes, *, demo_sin_clave: bool) -> ReferenciaModelo:
    """El modelo de `MODEL`, el de la primera clave que haya o, si se admite, la demostración.

    Lanza `ErrorConfiguracion` si no hay ninguno.
    """
    elegido = resolver_modelo(ajustes.model, ajustes)
    if elegido is None and demo_sin_clave:
        elegido = resolver_modelo("demo", ajustes)
    if elegido is None:
        raise ErrorConfiguracion(SIN_MODELO)
    return elegido


class Modelos:
    """Un cliente por referencia, compartido por quien la use.

    `general` es el de quien no tiene uno propio: el Master y casi todos los agentes.
    """

    def __init__(self, ajustes: Ajustes) -> None:
        self._ajustes = ajustes
        self._por_referencia: dict[str, ModeloLLM] = {}
        self._respaldo: tuple[str, ...] = ()
        self.general = ""

    def abrir(self, texto: str) -> None:
        """Carga el general y los de `ENJAMBRE_MODELOS_RESPALDO`. Lanza `ErrorConfiguracion`."""
        self.general = self.cargar(texto).referencia
        pedidos = [parte.strip() for parte in self._ajustes.modelos_respaldo.split(",")]
        try:
            self._respaldo = tuple(self.cargar(p).referencia for p in pedidos if p)
        except ErrorConfiguracion as error:
            raise ErrorConfiguracion(f"ENJAMBRE_MODELOS_RESPALDO: {error}") from None

    @property
    def generales(self) -> tuple[str, ...]:
        """El general y sus respaldos."""
        return tuple(dict.fromkeys((self.general, *self._respaldo)))

    def de(self, definicion: DefinicionAgente) -> tuple[str, ...]:
        """El de un tipo de agente y sus respaldos. Lanza `ErrorConfiguracion`."""
        respaldo = definicion.modelos_respaldo
        if respaldo is None:
            respaldo = () if definicion.model else self._respaldo
        pedidos = (definicion.model or self.general, *respaldo)
        return tuple(self.cargar(texto).referencia for texto in pedidos)

    def todas(self, tipos: Iterable[DefinicionAgente]) -> list[str]:
        """Los generales y los de esos tipos. Lanza `ErrorConfiguracion`."""
        return [*self.generales, *(suyo for tipo in tipos for suyo in self.de(tipo))]

    def cargar(self, texto: str) -> ModeloLLM:
        """El modelo de un texto `proveedor:modelo`. Lanza `ErrorConfiguracion`."""
        referencia = resolver_modelo(texto, self._ajustes)
        if referencia is None:
            raise ErrorConfiguracion(f"no se sabe qué modelo es «{texto}»")
        clave = str(referencia)
        if clave not in self._por_referencia:
            self._por_referencia[clave] = cargar_llm(referencia, self._ajustes)
        return self._por_referencia[clave]

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP de todos."""
        for modelo in self._por_referencia.values():
            await modelo.cerrar()


def _direccion(preajuste: Preajuste, ajustes: Ajustes) -> str:
    propias = {"gemini": ajustes.google_base_url, "openai": ajustes.openai_base_url}
    variable = preajuste.variable_url
    puesta = propias.get(preajuste.nombre) or (ajustes.clave(variable) if variable else None)
    try:
        return direccion(puesta) or preajuste.url
    except ValueError as error:
        raise ErrorConfiguracion(f"{variable}: {error} (entorno o .env)") from None


def _clave(preajuste: Preajuste, url: str, ajustes: Ajustes) -> str:
    """La clave de este proveedor y de ninguno más; un relleno si no la pide.

    Un servidor propio (otra dirección) puede no pedirla.
    """
    variable = preajuste.variable_clave
    if variable is None:
        return SIN_CLAVE
    propias = {"gemini": ajustes.google_api_key, "openai": ajustes.openai_api_key}
    propia = propias.get(preajuste.nombre)
    clave = propia.get_secret_value() if propia else ajustes.clave(variable)
    if clave:
        return _comprobada(clave, variable)
    if url != preajuste.url:
        return SIN_CLAVE
    raise ErrorConfiguracion(
        f"Falta {variable}, la clave de {preajuste.nombre}: ponla en el entorno o en .env"
        f" ({variable}=…), o usa MODEL=demo para probar sin clave"
    )


def _comprobada(clave: str, variable: str) -> str:
    """Una clave que cabe en una cabecera HTTP."""
    if not clave.isascii() or not clave.isprintable() or " " in clave:
        raise ErrorConfiguracion(
            f"{variable}: tiene caracteres que una clave no puede llevar; cópiala de nuevo"
        )
    return clave
