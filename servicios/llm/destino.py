"""A quién se llama."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Destino:
    """A quién se llama y qué variables lo gobiernan; `secreto` no sale en ningún texto."""

    proveedor: str
    modelo: str
    url: str = ""
    variable_clave: str | None = None
    variable_url: str | None = None
    secreto: str = field(default="", repr=False)

    @property
    def referencia(self) -> str:
        """El modelo como `proveedor:modelo`."""
        return f"{self.proveedor}:{self.modelo}"

    @property
    def lugar(self) -> str:
        """El proveedor y su dirección, sin credenciales."""
        if not self.url:
            return self.proveedor
        return f"{self.proveedor} ({re.sub(r'//[^/@]*@', '//', self.url)})"


def es_local(url: str) -> bool:
    """Si la dirección es esta máquina: ahí nunca se va por un proxy."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
