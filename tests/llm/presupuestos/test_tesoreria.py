"""El árbol de cuentas: árboles al azar, con semilla, contra una cuenta llevada aparte.

Nunca se pasa de un tope más que por lo que las llamadas en curso gastan de más sobre lo apartado, y
tras un corte nunca se cuenta de menos.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from agentes.eventos import MASTER
from agentes.presupuesto import Presupuesto, Recurso, ampliar, leer_cambios, leer_topes
from agentes.respuestas import Uso
from servicios.llm.presupuestos.cuentas import SALIDA_MAXIMA, SALIDA_MINIMA, Gastos
from servicios.llm.presupuestos.precios import GRATIS, Precio
from servicios.llm.presupuestos.tesoreria import Negativa, Reserva, Tesoreria

AGENTES, NIVELES, PASOS = 20, 3, 400
BARATO, CARO = Precio(1e-6, 2e-6, 1e-7), Precio(5e-6, 40e-6, 1e-6)


@dataclass
class Libro:
    """La cuenta llevada aparte: lo gastado de verdad por cada agente, y quién cuelga de quién."""

    padres: dict[str, str]
    tokens: dict[str, int] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)

    def gastar(self, agente_id: str, tokens: int, usd: float) -> None:
        self.tokens[agente_id] = self.tokens.get(agente_id, 0) + tokens
        self.usd[agente_id] = self.usd.get(agente_id, 0.0) + usd

    def rama(self, cabeza: str) -> tuple[int, float]:
        suyos = [a for a in self.padres if self._cuelga(a, cabeza)]
        return sum(self.tokens.get(a, 0) for a in suyos), sum(self.usd.get(a, 0.0) for a in suyos)

    def _cuelga(self, agente_id: str, cabeza: str) -> bool:
        while agente_id and agente_id != cabeza:
            agente_id = self.padres[agente_id]
        return agente_id == cabeza


def _arbol(azar: random.Random) -> dict[str, str]:
    """20 agentes en 3 niveles bajo el Master."""
    niveles: list[list[str]] = [[MASTER], [], [], []]
    padres = {MASTER: ""}
    for numero in range(AGENTES):
        nivel = azar.randint(1, NIVELES) if numero >= NIVELES else numero + 1
        padre = azar.choice(niveles[nivel - 1] or niveles[0])
        nuevo = f"a-{numero}"
        padres[nuevo] = padre
        niveles[nivel].append(nuevo)
    return padres


def _presupuesto(azar: random.Random) -> Presupuesto:
    rama: dict[Recurso, float] = {}
    if azar.random() < 0.4:
        rama[Recurso.TOKENS] = azar.choice([0, 5_000, 40_000, 200_000])
    if azar.random() < 0.3:
        rama[Recurso.USD] = azar.choice([0.0, 0.01, 0.5])
    solo = {Recurso.TOKENS: 30_000} if azar.random() < 0.2 else {}
    return Presupuesto(rama, solo)


def _abrir(padres: dict[str, str], presupuestos: dict[str, Presupuesto]) -> Tesoreria:
    tesoreria = Tesoreria()
    for agente_id, padre in padres.items():
        tesoreria.abrir(agente_id, padre, presupuestos[agente_id])
    return tesoreria


@dataclass
class EnCurso:
    reserva: Reserva
    precio: Precio
    real: Uso

    @property
    def de_mas(self) -> tuple[int, float]:
        """Lo que gastará por encima de lo apartado (la entrada se estimó corta)."""
        usd = self.precio.de(self.real) - self.reserva.usd
        return max(0, self.real.total - self.reserva.tokens), max(0.0, usd)


@pytest.mark.parametrize("semilla", range(40))
def test_ningun_tope_se_pasa_mas_que_por_las_llamadas_en_curso(semilla: int) -> None:
    """Con reintentos, relevos a un modelo más caro, fallos sin uso y cortes con reanudación."""
    azar = random.Random(semilla)
    padres = _arbol(azar)
    presupuestos = {a: _presupuesto(azar) for a in padres}
    presupuestos[MASTER] = Presupuesto({Recurso.TOKENS: 400_000, Recurso.USD: 2.0})
    tesoreria, libro = _abrir(padres, presupuestos), Libro(padres)
    en_curso: list[EnCurso] = []
    exceso = {a: [0, 0.0] for a in padres}
    salieron = 0
    for paso in range(PASOS):
        if azar.random() < 0.6:
            agente_id, precio = azar.choice([*padres]), azar.choice([BARATO, CARO, GRATIS])
            estimado = azar.randint(50, 4_000)
            hecha = tesoreria.reservar(agente_id, estimado, precio, float(paso))
            if isinstance(hecha, Reserva):
                salieron += 1
                assert SALIDA_MINIMA <= hecha.salida <= SALIDA_MAXIMA
                entrada = round(estimado * azar.uniform(0.5, 1.5))
                real = Uso(entrada, azar.randint(0, hecha.salida), azar.randint(0, entrada))
                en_curso.append(EnCurso(hecha, precio, real))
            else:
                assert hecha.espera <= bool(en_curso), "espera a que acabe algo que no hay"
        elif en_curso:
            _acabar(en_curso.pop(azar.randrange(len(en_curso))), tesoreria, libro, exceso, azar)
        _comprobar(tesoreria, libro, exceso)
        if paso % 97 == 96:
            tesoreria = _cortar(padres, presupuestos, en_curso, libro, exceso)
            _comprobar(tesoreria, libro, exceso)
    assert salieron > 10


def _acabar(
    llamada: EnCurso,
    tesoreria: Tesoreria,
    libro: Libro,
    exceso: dict[str, list[float]],
    azar: random.Random,
) -> None:
    """Bien, o con un fallo que no dice su uso: entonces cuesta la entrada estimada."""
    uso = llamada.real if azar.random() < 0.8 else Uso(llamada.reserva.entrada, 0)
    agente_id, usd = llamada.reserva.agente_id, llamada.precio.de(uso)
    tesoreria.soltar(llamada.reserva)
    tesoreria.cobrar(agente_id, uso.total, usd)
    libro.gastar(agente_id, uso.total, usd)
    for cabeza in _cadena(agente_id, libro.padres):
        exceso[cabeza][0] += llamada.de_mas[0]
        exceso[cabeza][1] += llamada.de_mas[1]


def _cortar(
    padres: dict[str, str],
    presupuestos: dict[str, Presupuesto],
    en_curso: list[EnCurso],
    libro: Libro,
    exceso: dict[str, list[float]],
) -> Tesoreria:
    """Muere el programa: lo apartado sin respuesta se da por gastado, se gastara o no."""
    for llamada in en_curso:
        reserva = llamada.reserva
        libro.gastar(reserva.agente_id, reserva.tokens, reserva.usd)
    en_curso.clear()
    nueva = _abrir(padres, presupuestos)
    for agente_id in padres:
        gastos = Gastos(libro.tokens.get(agente_id, 0), libro.usd.get(agente_id, 0.0))
        nueva.apuntar(agente_id, gastos)
    return nueva


def _cadena(agente_id: str, padres: dict[str, str]) -> list[str]:
    cadena = [agente_id]
    while padres[cadena[-1]]:
        cadena.append(padres[cadena[-1]])
    return cadena


def _comprobar(tesoreria: Tesoreria, libro: Libro, exceso: dict[str, list[float]]) -> None:
    for agente_id in libro.padres:
        sola, rama, *_ = tesoreria.cuentas(agente_id)
        tokens, usd = libro.rama(agente_id)
        assert rama.gastado.tokens == tokens, "la rama paga lo de todos los suyos, y nada más"
        assert rama.gastado.usd == pytest.approx(usd)
        assert sola.gastado.tokens == libro.tokens.get(agente_id, 0)
        for cuenta in (sola, rama):
            de_mas_tokens, de_mas_usd = exceso[agente_id]
            comprometido = cuenta.gastado.tokens + cuenta.apartado.tokens
            assert comprometido <= cuenta.topes.get(Recurso.TOKENS, 1e18) + de_mas_tokens
            en_usd = cuenta.gastado.usd + cuenta.apartado.usd
            assert en_usd <= cuenta.topes.get(Recurso.USD, 1e18) + de_mas_usd + 1e-9


def test_lo_que_solo_impide_lo_apartado_espera_y_lo_demas_se_niega() -> None:
    tesoreria = Tesoreria()
    tesoreria.fijar(MASTER, Presupuesto({Recurso.TOKENS: 20_000}))
    primera = tesoreria.reservar("a-1", 1_000, None, 0.0)
    assert isinstance(primera, Reserva)
    assert primera.salida == SALIDA_MAXIMA
    segunda = tesoreria.reservar("a-2", 2_600, None, 0.0)
    assert segunda == Negativa("", espera=True)
    assert tesoreria.negado == ""
    tesoreria.soltar(primera)
    tesoreria.cobrar("a-1", 1_200, 0.0)
    assert isinstance(tesoreria.reservar("a-2", 2_600, None, 0.0), Reserva)
    negada = tesoreria.reservar("a-2", 30_000, None, 0.0)
    assert isinstance(negada, Negativa)
    assert not negada.espera
    assert "la sesión: gastado 1200 tokens de 20000 tokens" in negada.motivo


def test_ninguna_sale_con_poco_sitio_porque_otras_lo_tengan_apartado() -> None:
    """Si no, se cortaría su respuesta y se la pararía sin que se hubiera acabado nada."""
    tesoreria = Tesoreria()
    tesoreria.fijar(MASTER, Presupuesto({Recurso.TOKENS: 40_000, Recurso.USD: 10}))
    primeras = [tesoreria.reservar(a, 1_000, CARO, 0.0) for a in ("a-1", "a-2")]
    assert [r.salida for r in primeras if isinstance(r, Reserva)] == [SALIDA_MAXIMA] * 2
    assert tesoreria.reservar("a-3", 1_000, CARO, 0.0) == Negativa("", espera=True)
    for reserva in primeras:
        assert isinstance(reserva, Reserva)
        tesoreria.soltar(reserva)
        tesoreria.cobrar(reserva.agente_id, 3_000, CARO.de(Uso(1_000, 2_000)))
    tercera = tesoreria.reservar("a-3", 1_000, CARO, 0.0)
    assert isinstance(tercera, Reserva)
    assert tercera.salida == SALIDA_MAXIMA


def test_el_redondeo_de_los_dolares_no_deja_a_nadie_esperando() -> None:
    azar = random.Random(5)
    tesoreria = Tesoreria()
    tesoreria.fijar(MASTER, Presupuesto({Recurso.USD: 1.0}))
    for _ in range(2_000):
        precio = Precio(azar.random() * 1e-6, azar.random() * 1e-6, 0.0)
        juntas = [tesoreria.reservar(f"a-{n}", azar.randint(1, 999), precio, 0.0) for n in range(4)]
        for reserva in juntas:
            assert isinstance(reserva, Reserva)
            tesoreria.soltar(reserva)
    tesoreria.cobrar("a-1", 1, 0.99)
    hecha = tesoreria.reservar("a-1", 1, Precio(0.0, 1e-6, 0.0), 0.0)
    assert isinstance(hecha, Reserva), "nadie tiene nada apartado"


def test_el_tiempo_de_una_rama_cuenta_una_vez_lo_que_va_a_la_vez() -> None:
    tesoreria = Tesoreria()
    tesoreria.abrir("jefe-1", MASTER, Presupuesto({Recurso.SEGUNDOS: 10}))
    for nombre in ("a-1", "a-2"):
        tesoreria.abrir(nombre, "jefe-1", Presupuesto())
    tesoreria.empezar("a-1", 0.0)
    tesoreria.empezar("a-2", 1.0)
    tesoreria.acabar("a-1", 4.0)
    tesoreria.acabar("a-2", 6.0)
    _, rama, sesion = tesoreria.cuentas("jefe-1")
    assert (rama.gastado.segundos, sesion.gastado.segundos) == (6.0, 6.0)
    assert [tesoreria.cuentas(a)[0].gastado.segundos for a in ("a-1", "a-2")] == [4.0, 5.0]
    tesoreria.empezar("a-2", 10.0)
    assert rama.usado(Recurso.SEGUNDOS, 13.0) == 9.0
    assert isinstance(tesoreria.reservar("a-1", 10, None, 13.0), Reserva)
    negada = tesoreria.reservar("a-1", 10, None, 14.0)
    assert isinstance(negada, Negativa)
    assert "10.0 s de 10.0 s" in negada.motivo


def test_con_un_tope_de_dinero_y_sin_precio_no_sale_ninguna() -> None:
    tesoreria = Tesoreria()
    tesoreria.fijar(MASTER, Presupuesto({Recurso.USD: 5}))
    assert isinstance(tesoreria.reservar("a-1", 10, None, 0.0), Negativa)
    assert isinstance(tesoreria.reservar("a-1", 10, GRATIS, 0.0), Reserva)


@pytest.mark.parametrize(
    ("texto", "dice"),
    [
        ("", "está vacío"),
        ("tokens", "no es recurso=N"),
        ("euros=3", "no es un recurso; los que hay: tokens, usd, segundos, comandos, agentes"),
        ("tokens=muchos", "«muchos» no es un número"),
        ("tokens=1,tokens=2", "hay un recurso repetido"),
        ("tokens=-1", "ha de ser un número desde 0"),
        ("agentes=1.5", "ha de ser un número entero"),
        ("usd=nan", "ha de ser un número desde 0"),
        ("usd=inf", "ha de ser un número desde 0"),
        ("tokens=+5", "aquí no hay a qué sumar"),
    ],
)
def test_un_presupuesto_que_no_vale_dice_por_que(texto: str, dice: str) -> None:
    with pytest.raises(Exception, match="^.*" + dice.replace("+", r"\+").replace(".", r"\.")):
        leer_topes(texto)


def test_los_cambios_suman_o_ponen() -> None:
    topes = ampliar({Recurso.USD: 1.0}, leer_cambios(["+2", "tokens=5"]))
    assert topes == {Recurso.USD: 3.0, Recurso.TOKENS: 5}
    with pytest.raises(Exception, match="no hay tope de comandos al que sumar"):
        ampliar(topes, leer_cambios(["comandos=+1"]))
