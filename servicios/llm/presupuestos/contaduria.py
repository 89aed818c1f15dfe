"""Poner presupuestos y reponer lo gastado: lo que hace la persona y lo que dice la bitácora."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentes.errores import ErrorConfiguracion
from agentes.eventos import MASTER, USUARIO
from agentes.eventos_presupuesto import PresupuestoFijado
from agentes.presupuesto import Cambio, CuentaGuardada, Presupuesto, Recurso, Topes, ampliar
from agentes.respuestas import Uso
from servicios.llm.presupuestos.caja import Caja
from servicios.llm.presupuestos.cuentas import Cuenta, Gastos
from servicios.llm.presupuestos.tesoreria import Hito, Tesoreria


@dataclass(frozen=True, slots=True)
class Contaduria:
    """Los presupuestos de una sesión. `modelos` son las referencias de los que se pueden llamar."""

    caja: Caja
    modelos: Callable[[], Iterable[str]]

    @property
    def _tesoreria(self) -> Tesoreria:
        return self.caja.tesoreria

    @property
    def negado(self) -> str:
        """Por qué se negó algo la última vez; vacío si nada, o si después se dio más."""
        return self._tesoreria.negado

    @property
    def ampliada(self) -> bool:
        """Si la persona puso algún tope en este proceso."""
        return self._tesoreria.ampliada

    def de(self, agente_id: str) -> Presupuesto:
        """Los topes de uno; los de la sesión son los del Master."""
        return self._tesoreria.presupuesto(agente_id)

    def cuentas(self) -> list[tuple[Cuenta, Recurso, float]]:
        """Cada tope que hay: su cuenta, el recurso y lo que lleva gastado."""
        ahora = self.caja.reloj.ahora()
        return [
            (cuenta, recurso, cuenta.usado(recurso, ahora))
            for cuenta in self._tesoreria.con_topes()
            for recurso in cuenta.topes
        ]

    def le_alcanza(self, agente_id: str) -> bool:
        """Si ninguna de sus cuentas está acabada."""
        ahora = self.caja.reloj.ahora()
        return all(
            cuenta.usado(recurso, ahora) < tope
            for cuenta in self._tesoreria.cuentas(agente_id)
            for recurso, tope in cuenta.topes.items()
        )

    def comprobar(self, presupuestos: Iterable[Presupuesto], modelos: Iterable[str] = ()) -> None:
        """Que, si alguno mide dinero, se sepa el precio de todo modelo que se pueda llamar.

        `modelos` son los que se añaden. Lanza `ErrorConfiguracion`.
        """
        de_usd = any(Recurso.USD in {*p.rama, *p.solo} for p in presupuestos)
        if de_usd or self._tesoreria.mide_dinero():
            self.caja.precios.exigir([*self.modelos(), *modelos])

    def abrir(self, cuentas: Iterable[CuentaGuardada], presupuestos: Iterable[Presupuesto]) -> None:
        """Lo que cada uno llevaba gastado, los superiores primero; `presupuestos` son los demás que hay.

        Lanza `ErrorConfiguracion` si falta un precio.
        """
        self._reponer(cuentas)
        self.comprobar(presupuestos)

    def _reponer(self, cuentas: Iterable[CuentaGuardada]) -> None:
        for guardada in cuentas:
            self._tesoreria.abrir(guardada.agente_id, guardada.superior, guardada.presupuesto)
            usd = guardada.usd + sum(self._coste(*suelto) for suelto in guardada.sin_precio)
            gastos = Gastos(guardada.tokens, usd, 0, guardada.comandos, guardada.agentes)
            self._tesoreria.apuntar(guardada.agente_id, gastos)
            tiempos = (guardada.segundos, guardada.segundos_rama)
            self._tesoreria.apuntar_tiempo(guardada.agente_id, *tiempos)
            self.caja.cortada(guardada.agente_id, guardada.cortada)
            for parte, cuenta, recurso, tope in guardada.hitos:
                self._tesoreria.consta(guardada.agente_id, Hito(parte, "", cuenta, recurso, tope))

    def _coste(self, modelo: str, entrada: int, salida: int, cacheados: int) -> float:
        precio = self.caja.precios.de(modelo)
        return precio.de(Uso(entrada, salida, cacheados)) if precio else 0.0

    async def poner_en_sesion(self, topes: Topes) -> None:
        """Los topes que se dieron al arrancar; los que no nombran se quedan como estaban."""
        antes = self.de(MASTER)
        await self._fijar(MASTER, Presupuesto({**antes.rama, **topes}, antes.solo))

    async def cambiar(
        self, agente_id: str, cambios: Iterable[Cambio], *, solo: bool
    ) -> Presupuesto:
        """Otros topes para uno, de su rama o de él solo: vuelve cuando están guardados.

        Lanza `ErrorConfiguracion` si no valen o no se sabe un precio que hace falta.
        """
        antes, pedidos = self.de(agente_id), tuple(cambios)
        if solo:
            nuevo = Presupuesto(antes.rama, ampliar(antes.solo, pedidos))
        else:
            nuevo = Presupuesto(ampliar(antes.rama, pedidos), antes.solo)
        if not nuevo:
            raise ErrorConfiguracion("no dice ningún tope")
        self.comprobar([nuevo])
        await self._fijar(agente_id, nuevo)
        return nuevo

    async def _fijar(self, agente_id: str, nuevo: Presupuesto) -> None:
        hecho = PresupuestoFijado(agente_id=USUARIO, de=agente_id, topes=nuevo.datos())
        await self.caja.anotar(hecho, None)
        self._tesoreria.fijar(agente_id, nuevo)
        self.caja.avisar()
