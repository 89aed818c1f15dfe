"""Cuánto cabe ahora por una puerta: cuántas llamadas a la vez, cada cuánto y desde cuándo.

Nadie dice de antemano cuánto aguanta un proveedor: se aprende de lo que no admite. Cada negativa
cierra la puerta para todos y baja el ritmo; si se repite, mengua también cuántas van a la vez.
Cada respuesta los deja crecer: deprisa hasta donde se sabe que iba bien y después tanteando.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

ESPERA_BASE_S = 1.0
ESPERA_TECHO_S = 30.0
"""Entre estas dos dobla la espera de un proveedor que no dice cuánto quiere."""

_RITMO_PRUDENTE = 4.0
"""Llamadas por segundo por las que se empieza a buscar el ritmo."""
_POCAS = 4
"""Con menos admitidas entre dos negativas, el ritmo iba muy pasado."""
_BUSCA, _VUELVE, _TANTEA = 1.15, 0.1, 0.005
"""Lo que crece el ritmo con cada respuesta: sin saber hasta dónde, hasta donde iba bien y pasado."""
_MENGUA = 0.7
_CERCA_S = 5.0
"""Una llamada de hace más que esto, y que lo que pide el proveedor, no tiene que ver con su negativa."""
_ENSEGUIDA_S = 0.01
_RITMO_MINIMO = 1 / ESPERA_TECHO_S


@dataclass(slots=True)
class Freno:
    """El de una puerta. `tope` son llamadas a la vez y `por_segundo`, cuántas (0, sin límite).

    Los instantes son segundos del mismo reloj. `rondas` son las veces que frenó sin que quedara
    ninguna admitida.
    """

    tope: int
    por_segundo: float = 0.0
    rondas: int = 0
    abre_en: float = 0.0
    _ventana: float = 0.0
    _umbral: float = 0.0
    _ritmo: float = 0.0
    _ritmo_bueno: float = 0.0
    _busca: bool = True
    _en_vuelo: list[float] = field(default_factory=list)
    _inicios: tuple[float, float] = (-math.inf, -math.inf)
    _cortado_en: float = -1.0
    _salidas: int = 0
    _dura: float = 1.0
    _seguidas: int = 0
    _rondas_contestadas: int = 0

    def __post_init__(self) -> None:
        self._ventana = self._umbral = float(self.tope)
        self._ritmo = self._ritmo_bueno = self.por_segundo

    @property
    def en_curso(self) -> int:
        """Cuántas hay ahora."""
        return len(self._en_vuelo)

    @property
    def hay_sitio(self) -> bool:
        """Si cabe otra a la vez."""
        return self.en_curso < int(self._ventana)

    def en_vano(self, desde: int) -> int:
        """Rondas seguidas en que no admitió a nadie, contando desde esa."""
        return self.rondas - max(desde, self._rondas_contestadas)

    def faltan(self, ahora: float) -> float:
        """Segundos hasta que pueda salir la siguiente, si hay sitio; negativos si ya podía."""
        siguiente = self._inicios[1] + 1 / self._ritmo if self._ritmo else ahora
        return max(self.abre_en, siguiente) - ahora

    def tardara(self, ahora: float, delante: int) -> float:
        """Segundos que se calcula que esperará quien tiene a tantos delante."""
        por_ritmo = delante / self._ritmo if self._ritmo else 0.0
        sobran = self.en_curso + delante - int(self._ventana)
        frenada = sobran >= 0 and self._ventana < self.tope
        por_sitio = (1 + sobran // int(self._ventana)) * self._dura if frenada else 0.0
        return max(self.faltan(ahora), 0.0) + max(por_ritmo, por_sitio)

    def empezar(self, ahora: float) -> None:
        """Sale una."""
        self._en_vuelo.append(ahora)
        self._salidas += 1
        self._inicios = (self._inicios[1], ahora)

    def acabar(self, inicio: float) -> None:
        """Acabó la que salió en ese instante, como fuera."""
        self._en_vuelo.remove(inicio)

    def respondida(self, inicio: float, ahora: float) -> None:
        """La que salió en `inicio` se contestó."""
        self._dura += (ahora - inicio - self._dura) * 0.2
        self._rondas_contestadas = self.rondas
        if inicio < self._cortado_en:
            return  # salió antes de frenar: no dice nada de cómo se va ahora
        if self._ventana < self.tope:
            paso = 1.0 if self._ventana < self._umbral else 1.0 / self._ventana
            self._ventana = min(self._ventana + paso, float(self.tope))
        if self._ritmo:
            self._acelerar()

    def negada(self, inicio: float, ahora: float, pedida_s: float | None) -> None:
        """La que salió en `inicio` no se admitió; el proveedor pide `pedida_s`, si lo dice.

        Se llama antes de `acabar`. Las que salieron antes del último freno no frenan otra vez.
        """
        self._salidas -= 1
        hueco = self._hueco(inicio, ahora, pedida_s)
        if not self._ritmo or (self._busca and inicio < self._cortado_en):
            self._partir_de(hueco)
        elif inicio >= self._cortado_en:
            pocas = self._salidas < _POCAS
            self._seguidas = self._seguidas + 1 if pocas else 1
            if self._seguidas > 3:  # ir más despacio no bastó
                self._umbral = min(self._ventana, self.en_curso) * _MENGUA
                self._ventana = max(self._umbral, 1.0)
            self._frenar(0.5 if pocas else 0.8, hueco)
        if inicio >= self._cortado_en:
            self.rondas += self._en_vuelo[0] >= inicio  # a la que salió antes sí la admitieron
            self._cortado_en, self._salidas = ahora, 0
        self._cerrar(ahora, pedida_s)

    def _hueco(self, inicio: float, ahora: float, pedida_s: float | None) -> float:
        """Segundos que manda dejar desde la anterior; 0 si no lo dice.

        Si la anterior fue mucho antes, no es ella quien llena el cupo: se cuenta desde la negada.
        """
        if pedida_s is None:
            return 0.0
        anterior = self._inicios[0] if self._inicios[1] == inicio else self._inicios[1]
        cerca = inicio - anterior <= max(pedida_s, _CERCA_S)
        desde = min(anterior, inicio) if cerca else inicio
        return max(ahora + pedida_s - desde, _ENSEGUIDA_S)

    def _partir_de(self, hueco: float) -> None:
        """El primer ritmo: el que se entiende de lo que admitió y de lo que manda esperar."""
        if not hueco:
            self._ritmo = self._ritmo_bueno = _RITMO_PRUDENTE
            return
        admitidas = max(self.en_curso - 1, 1)
        ritmo = max(1 / hueco, min(admitidas / hueco, _RITMO_PRUDENTE))
        self._ritmo = self._ritmo_bueno = min(ritmo, self._ritmo or ritmo)

    def _frenar(self, cuanto: float, hueco: float) -> None:
        self._busca, self._ritmo_bueno = False, self._ritmo
        pedido = min(1 / hueco, self._ritmo) if hueco else 0.0
        self._ritmo = max(self._ritmo * cuanto, pedido, _RITMO_MINIMO)

    def _acelerar(self) -> None:
        if self._busca:
            self._ritmo *= _BUSCA
        else:
            falta = self._ritmo_bueno - self._ritmo
            self._ritmo += max(falta * _VUELVE, self._ritmo_bueno * _TANTEA)
        if self.por_segundo:
            self._ritmo = min(self._ritmo, self.por_segundo)
        self._ritmo_bueno = max(self._ritmo_bueno, self._ritmo)

    def _cerrar(self, ahora: float, pedida_s: float | None) -> None:
        """Cerrada para todos; con algo de azar, que otros programas no vuelvan a la vez."""
        if pedida_s is None:
            base = min(ESPERA_BASE_S * 2.0 ** max(self._seguidas - 1, 0), ESPERA_TECHO_S)
            espera = base * random.uniform(0.8, 1.2)  # noqa: S311 - no es criptografía
        else:
            espera = pedida_s + random.uniform(0.0, min(0.1 * pedida_s, 0.5))  # noqa: S311
        self.abre_en = max(self.abre_en, ahora + espera)
