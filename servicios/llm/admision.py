"""Quién puede llamar ahora: una puerta por proveedor, modelo y clave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Admision:
    """Limita las llamadas simultáneas de cada puerta. Quien espera a un agente no ocupa sitio."""

    def __init__(self, simultaneas: int) -> None:
        self._puertas: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(simultaneas)
        )

    @asynccontextmanager
    async def puerta(self, clave: str) -> AsyncIterator[None]:
        """Ocupa un sitio mientras dure el bloque."""
        async with self._puertas[clave]:
            yield
