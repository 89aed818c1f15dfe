"""El árbol de cuentas: lo que gasta cada uno, lo que gasta su rama y hasta dónde se puede.

    agente → su cuenta sola + la de su rama + la de la rama de su superior + … + la de la sesión

La de la sesión es la rama del Master. Todo es síncrono y sin efectos: quien aparta algo lo tiene
antes de que nadie más pueda mirar, así que dos a la vez nunca apartan lo mismo.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agentes.eventos import MASTER
from agentes.presupuesto import Presupuesto, Recurso
from servicios.llm.presupuestos.cuentas import SALIDA_MAXIMA, SALIDA_MINIMA, Cuenta, Gastos
from servicios.llm.presupuestos.precios import GRATIS, Precio

AVISA, CIERRA = 80, 95
"""Tanto por ciento en que se avisa y en que se da el último turno."""

_CIERRAN = (Recurso.TOKENS, Recurso.USD, Recurso.SEGUNDOS)
"""Los que, casi acabados, dejan un último turno; los demás solo se niegan al pedir uno de más."""

LA_SESION = "la sesión"
"""Cómo se llama la cuenta de la rama del Master."""

_POLVO = 1.0
"""Tokens que pueden faltar solo por el redondeo de los dólares que se apartan y se sueltan."""


@dataclass(frozen=True, slots=True)
class Reserva:
    """Lo que una llamada tiene apartado. `salida` son los tokens que puede escribir."""

    agente_id: str
    entrada: int
    salida: int
    usd: float

    @property
    def tokens(self) -> int:
        """Los apartados."""
        return self.entrada + self.salida

    @property
    def es_corta(self) -> bool:
        """Si no le quedó todo el sitio que se da a una respuesta."""
        return self.salida < SALIDA_MAXIMA


@dataclass(frozen=True, slots=True)
class Negativa:
    """No se puede; si `espera`, quizá sí cuando acaben las llamadas que tienen algo apartado."""

    motivo: str
    espera: bool = False


@dataclass(frozen=True, slots=True)
class Hito:
    """Lo que se le dice una vez por tope: a qué parte (80 o 95 %) de cuál llegó, y de qué cuenta."""

    parte: int
    texto: str
    cuenta: str
    recurso: str
    tope: float


@dataclass(frozen=True, slots=True)
class Revision:
    """Lo que hay que decir a un agente antes de que piense, y por qué no ha de hacerlo, si no ha."""

    hitos: tuple[Hito, ...] = ()
    parar: str = ""


@dataclass(slots=True)
class _Nodo:
    superior: str
    sola: Cuenta
    rama: Cuenta
    cerrados: set[tuple[str, str, float]] = field(default_factory=set)


class Tesoreria:
    """Las cuentas de una sesión. Los tiempos son segundos de un reloj que solo crece."""

    def __init__(self) -> None:
        self._nodos: dict[str, _Nodo] = {}
        self.negado = ""
        """Por qué se negó algo la última vez; vacío si nunca, o si desde entonces hay más."""
        self.ampliada = False
        """Si la persona puso algún tope en este proceso."""

    def abrir(self, agente_id: str, superior: str, presupuesto: Presupuesto) -> None:
        """La cuenta de un agente, bajo la de su superior; si ya la tenía, se queda como está."""
        if agente_id in self._nodos:
            return
        quien = LA_SESION if agente_id == MASTER else agente_id
        sola = Cuenta(f"{agente_id} solo", presupuesto.solo)
        self._nodos[agente_id] = _Nodo(superior, sola, Cuenta(quien, presupuesto.rama))

    def fijar(self, agente_id: str, presupuesto: Presupuesto) -> None:
        """Otros topes para uno; lo gastado no cambia."""
        nodo = self._nodo(agente_id)
        nodo.sola.topes, nodo.rama.topes = presupuesto.solo, presupuesto.rama
        self.negado, self.ampliada = "", True

    def presupuesto(self, agente_id: str) -> Presupuesto:
        """Los topes de uno."""
        nodo = self._nodo(agente_id)
        return Presupuesto(nodo.rama.topes, nodo.sola.topes)

    def con_topes(self) -> Iterator[Cuenta]:
        """Las cuentas que tienen alguno, en el orden en que nacieron."""
        for nodo in self._nodos.values():
            yield from (cuenta for cuenta in (nodo.rama, nodo.sola) if cuenta.topes)

    def cuentas(self, agente_id: str) -> tuple[Cuenta, ...]:
        """Las que pagan lo que gasta uno: la suya sola y las de las ramas en que está."""
        nodo = self._nodo(agente_id)
        propias = [nodo.sola, nodo.rama]
        while nodo.superior:
            nodo = self._nodo(nodo.superior)
            propias.append(nodo.rama)
        return tuple(propias)

    def limitado(self, agente_id: str) -> bool:
        """Si alguna de sus cuentas tiene tope."""
        return any(cuenta.topes for cuenta in self.cuentas(agente_id))

    def mide_dinero(self) -> bool:
        """Si alguna cuenta tiene tope de dólares."""
        return any(Recurso.USD in cuenta.topes for cuenta in self.con_topes())

    def apuntar(self, agente_id: str, gastos: Gastos) -> None:
        """Suma lo que consta que ya gastó, salvo el tiempo: el de una rama no es una suma."""
        for cuenta in self.cuentas(agente_id):
            for recurso in Recurso:
                if recurso is not Recurso.SEGUNDOS:
                    cuenta.gastado.sumar(recurso, gastos.de(recurso))

    def apuntar_tiempo(self, agente_id: str, sola: float, rama: float) -> None:
        """El tiempo que consta que hubo algo suyo en marcha, y algo de su rama."""
        nodo = self._nodo(agente_id)
        nodo.sola.gastado.segundos, nodo.rama.gastado.segundos = sola, rama

    def sumar_tiempo(self, agente_id: str, segundos: float) -> None:
        """Algo suyo estuvo en marcha ese tiempo sin que se viera."""
        for cuenta in self.cuentas(agente_id):
            cuenta.gastado.segundos += segundos

    # --- llamadas -----------------------------------------------------------------------

    def reservar(
        self, agente_id: str, entrada: int, precio: Precio | None, ahora: float
    ) -> Reserva | Negativa:
        """Aparta la entrada estimada y lo que quede para escribir, en todas sus cuentas o en ninguna.

        Si otras tienen apartado parte de lo que podría escribir, espera: una respuesta solo se corta
        por lo gastado, nunca por lo que quizá sobre.
        """
        cuentas, pagado = self.cuentas(agente_id), precio or GRATIS
        if negada := self._sin_tiempo(cuentas, ahora):
            return negada
        if precio is None and any(Recurso.USD in cuenta.topes for cuenta in cuentas):
            return self._negar("hay un tope de usd y no se sabe el precio de su modelo")
        libre, cuenta = _menor_sitio(cuentas, entrada, pagado, con_apartado=False)
        if libre < SALIDA_MINIMA:
            return self._negar(_no_cabe(cuenta, entrada, pagado, ahora))
        sitio, _ = _menor_sitio(cuentas, entrada, pagado, con_apartado=True)
        if sitio < libre - _POLVO:
            return Negativa("", espera=True)
        salida = int(sitio)
        usd = entrada * pagado.entrada + salida * pagado.salida
        for cuenta in cuentas:
            cuenta.apartado.tokens += entrada + salida
            cuenta.apartado.usd += usd
        return Reserva(agente_id, entrada, salida, usd)

    def soltar(self, reserva: Reserva) -> None:
        """Lo apartado vuelve: la llamada acabó, o no llegó a salir."""
        for cuenta in self.cuentas(reserva.agente_id):
            cuenta.apartado.tokens -= reserva.tokens
            cuenta.apartado.usd -= reserva.usd

    def cobrar(self, agente_id: str, tokens: int, usd: float) -> None:
        """Lo que de verdad gastó una llamada."""
        self.apuntar(agente_id, Gastos(tokens=tokens, usd=usd))

    def empezar(self, agente_id: str, ahora: float) -> None:
        """Una llamada o una orden suya se pone en marcha."""
        for cuenta in self.cuentas(agente_id):
            cuenta.empezar(ahora)

    def acabar(self, agente_id: str, ahora: float) -> None:
        """Y acaba."""
        for cuenta in self.cuentas(agente_id):
            cuenta.acabar(ahora)

    # --- órdenes y agentes --------------------------------------------------------------

    def pedir(self, agente_id: str, recurso: Recurso, ahora: float) -> str:
        """Gasta una orden o un agente; si no se puede, no gasta nada y dice por qué."""
        cuentas = self.cuentas(agente_id)
        if recurso is Recurso.COMANDOS and (negada := self._sin_tiempo(cuentas, ahora)):
            return negada.motivo
        for cuenta in cuentas:
            if not cuenta.cabe(recurso, 1, ahora):
                return self._negar(cuenta.por_que(recurso, ahora)).motivo
        for cuenta in cuentas:
            cuenta.gastado.sumar(recurso, 1)
        return ""

    # --- cómo va ------------------------------------------------------------------------

    def revisar(self, agente_id: str, ahora: float) -> Revision:
        """Lo que toca antes de que piense: avisar, dejarle un último turno o pararlo.

        Cada aviso se da una vez por tope. Al Master no se le para aquí: se le niega la llamada.
        """
        nodo = self._nodo(agente_id)
        hitos: list[Hito] = []
        for cuenta in self.cuentas(agente_id):
            for recurso, tope in cuenta.topes.items():
                usado, dicho = cuenta.usado(recurso, ahora), cuenta.por_que(recurso, ahora)
                if not tope or usado * 100 < tope * AVISA:
                    continue
                cierra = recurso in _CIERRAN and agente_id != MASTER
                casi = cierra and usado * 100 >= tope * CIERRA
                if casi and (
                    usado >= tope or (cuenta.nombre, recurso.value, tope) in nodo.cerrados
                ):
                    return self._dichos(agente_id, hitos, self._negar(dicho).motivo)
                if (recurso.value, tope) not in cuenta.avisados:
                    hitos.append(Hito(AVISA, dicho, cuenta.nombre, recurso.value, tope))
                if casi:
                    hitos.append(Hito(CIERRA, dicho, cuenta.nombre, recurso.value, tope))
        return self._dichos(agente_id, hitos)

    def _dichos(self, agente_id: str, hitos: list[Hito], parar: str = "") -> Revision:
        for hito in hitos:
            self.consta(agente_id, hito)
        return Revision(tuple(hitos), parar)

    def consta(self, agente_id: str, hito: Hito) -> None:
        """Eso ya se dijo: no se repite mientras el tope sea el mismo."""
        if hito.parte == CIERRA:
            self._nodo(agente_id).cerrados.add((hito.cuenta, hito.recurso, hito.tope))
            return
        for cuenta in self.cuentas(agente_id):
            if cuenta.nombre == hito.cuenta:
                cuenta.avisados.add((hito.recurso, hito.tope))

    def _sin_tiempo(self, cuentas: tuple[Cuenta, ...], ahora: float) -> Negativa | None:
        for cuenta in cuentas:
            if not cuenta.cabe(Recurso.SEGUNDOS, 0, ahora):
                return self._negar(cuenta.por_que(Recurso.SEGUNDOS, ahora))
        return None

    def _negar(self, motivo: str) -> Negativa:
        self.negado = motivo
        return Negativa(motivo)

    def _nodo(self, agente_id: str) -> _Nodo:
        if agente_id not in self._nodos:
            superior = "" if agente_id == MASTER else MASTER
            self.abrir(agente_id, superior, Presupuesto())
        return self._nodos[agente_id]


def _menor_sitio(
    cuentas: Iterable[Cuenta], entrada: int, precio: Precio, *, con_apartado: bool
) -> tuple[float, Cuenta]:
    """Lo que dejaría escribir la cuenta que menos deja."""
    sitios = ((c.salida(entrada, precio, con_apartado=con_apartado), c) for c in cuentas)
    return min(sitios, key=lambda par: par[0])


def _no_cabe(cuenta: Cuenta, entrada: int, precio: Precio, ahora: float) -> str:
    """Qué tope impide una llamada con esa entrada."""
    tokens = cuenta.topes.get(Recurso.TOKENS)
    sin_tokens = tokens is not None and cuenta.gastado.tokens + entrada + SALIDA_MINIMA > tokens
    recurso = Recurso.TOKENS if sin_tokens else Recurso.USD
    pide = recurso.dicho(entrada if sin_tokens else entrada * precio.entrada)
    return f"{cuenta.por_que(recurso, ahora)}, y la siguiente llamada pide al menos {pide}"
