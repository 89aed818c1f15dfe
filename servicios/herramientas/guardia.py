"""La guardia de una sesión: qué se mira y qué se tapa en todo lo que cruza la puerta."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from dotenv import dotenv_values

from agentes.respuestas import con_textos
from servicios.ajustes import VARIABLES, Ajustes
from servicios.consola.secretos.claves import clave_de_sesion, marca_de
from servicios.consola.secretos.limpieza import limpiar
from servicios.consola.secretos.secretos import VARIABLE_CANARIO, Secretos
from servicios.llm.preajustes import PREAJUSTES

_AJUSTES = {nombre for variable in VARIABLES.values() for nombre in variable.nombres}
_DIRECCIONES = {p.variable_url for p in PREAJUSTES.values() if p.variable_url}
NO_SECRETAS = {n for n in _AJUSTES | _DIRECCIONES if not n.endswith("_KEY")}
"""Las variables nuestras que no son claves: su valor se puede ver."""


@dataclass(frozen=True, slots=True)
class Guardia:
    """Lo que se mira a la entrada y a la salida; `clave` es la de la sesión."""

    secretos: Secretos
    clave: bytes
    _denuncias: dict[str, str] = field(default_factory=dict)

    def depurar(self, texto: str) -> str:
        """El texto limpio y sin secretos."""
        return self.secretos.redactar(limpiar(texto))

    def alarma(self, valor: Any) -> str | None:
        """En qué forma lleva el canario alguno de sus textos, o `None`."""
        textos: list[str] = []

        def apuntar(texto: str) -> str:
            textos.append(limpiar(texto))
            return texto

        con_textos(valor, apuntar)
        return self.secretos.alarma("\n".join(textos))

    def denunciar(self, agente_id: str, que: str) -> None:
        """Alguien vio el canario en algo de ese agente fuera de la puerta: se sabrá en su próximo paso."""
        self._denuncias.setdefault(agente_id, que)

    def denuncia(self, agente_id: str) -> str | None:
        """Lo que se denunció de ese agente, o `None`."""
        return self._denuncias.get(agente_id)

    def marcar(self, datos: dict[str, Any], op: str) -> str:
        """Los datos en JSON, entre dos marcas que quien los escribió no podía saber.

        Las de una `op` son siempre las mismas.
        """
        marca = marca_de(self.clave, op)
        entre_marcas = {"inicio_datos": marca, **datos, "fin_datos": marca}
        return json.dumps(entre_marcas, ensure_ascii=False, separators=(",", ":"))


def abrir_guardia(ajustes: Ajustes, sesion: str) -> Guardia:
    """La guardia de una sesión, con su canario ya en nuestro entorno.

    Lee y escribe en el disco. Lanza `ErrorConfiguracion` si la clave de `data/` no se puede usar.
    """
    env = dotenv_values(ajustes.raiz / ".env", encoding="utf-8")
    guardia = Guardia(
        Secretos.desde(os.environ, env, NO_SECRETAS), clave_de_sesion(ajustes.datos, sesion)
    )
    os.environ[VARIABLE_CANARIO] = guardia.secretos.canario
    return guardia
