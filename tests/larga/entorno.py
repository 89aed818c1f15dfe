"""Lo que rodea a la persona y a sus gestos: la ventana, lo que se apunta y lo que ve el doble."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tests.larga.evidencias import Evidencias
from tests.larga.notario import MASTER, Notario
from tests.larga.plan import Plan
from tests.larga.registro import Registro
from tests.larga.ventana import LIMITE_S, Ventana
from tests.tortura.mirada import Mirada


@dataclass
class Entorno:
    """Una carrera en marcha. `pausados` son los que detuvo la persona."""

    plan: Plan
    ventana: Ventana
    registro: Registro
    notario: Notario
    evidencias: Evidencias
    mirada: Mirada
    pausados: set[str] = field(default_factory=set)
    _numero: int = field(default=0, init=False)

    def siguiente(self) -> int:
        """Un número que nadie ha usado."""
        self._numero += 1
        return self._numero

    async def decir(self, linea: str) -> None:
        """Una línea al Master; vuelve cuando el modelo la ha recibido."""
        await self.ventana.teclear(linea)
        await self.hasta_que_llegue(linea)

    async def hasta_que_llegue(self, linea: str) -> None:
        """Apunta una línea ya enviada y espera a que esté en lo que lee el modelo del Master."""
        async with asyncio.timeout(LIMITE_S):
            while not any(m.texto == linea for m in self.notario.historia(MASTER)):
                await asyncio.sleep(0.05)
        self.registro.anotar("linea", texto=linea)

    async def directa(self, agente: str, texto: str) -> None:
        """Un mensaje directo; apunta si quedó en cola o si ya no había a quién."""
        await self.ventana.teclear(f"@{agente} {texto}")
        visto = await self.ventana.hasta(lambda v: _encolado(v, texto) or _rehusado(v))
        self.registro.anotar("directa", para=agente, texto=texto, llego=_encolado(visto, texto))

    async def hasta_ver(self, texto: str) -> str:
        """Espera a que se vea un texto."""
        return await self.ventana.hasta(lambda visto: texto in visto)

    def trabajando(self, tipo: str) -> list[str]:
        """Los agentes de ese tipo que han preguntado y aún no han acabado, que se sepa."""
        vivos = dict.fromkeys(
            p["agente"]
            for p in self.registro.de("peticion")
            if p["agente"].startswith(f"{tipo}-") and not p["averia"]
        )
        for peticion in self.registro.de("peticion"):
            acaba = any(nombre == "reportar_resultado_final" for nombre, _ in peticion["llamadas"])
            if acaba and not peticion["averia"]:
                vivos.pop(peticion["agente"], None)
        return [*vivos]


def _encolado(visto: str, texto: str) -> bool:
    return f"usuario · en cola · {texto}" in visto


def _rehusado(visto: str) -> bool:
    return "con un blanco delante de la arroba" in visto[-2000:]
