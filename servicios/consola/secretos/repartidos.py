"""Los valores conocidos que no salen de una pieza: repartidos, cortados o a medio escribir."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping

from servicios.consola.secretos.codificaciones import MINIMO
from servicios.consola.secretos.limpieza import RUIDO

MARCA_HUECO = "bytes omitidos …]"
"""Lo que lleva todo texto con algo omitido."""

_HUECO = re.compile(r"((?:\n|\\n)\[… \d+ bytes omitidos …\](?:\n|\\n))")
_RUIDO = re.compile(RUIDO)
# Un «0» o una barra al final pueden ser el comienzo de «0x» o de «\x».
_RUIDO_HEX = re.compile(rf"0(?:x|\Z)|\\+(?:x|\Z)|[:,;\"'-]|{RUIDO}")
_SIGNOS_HEX = ("0x", "\\", "x", ":", ",", ";", '"', "'", "-")
_ARRANQUE = 4


class Principios:
    """Unos textos, para buscar cuál de ellos está a medias al final de otro."""

    def __init__(self, textos: Iterable[str]) -> None:
        self._textos = sorted(set(textos))
        self._arranques = {t[:_ARRANQUE] for t in self._textos}
        self.maximo = max(map(len, self._textos), default=0)

    def a_medias(self, texto: str) -> tuple[int, str] | None:
        """Cuántas letras del final de `texto` empiezan uno, las más posibles, y cuál."""
        largo = len(texto)
        for lugar in range(max(0, largo - self.maximo), largo):
            if texto[lugar : lugar + _ARRANQUE] in self._arranques or largo - lugar < _ARRANQUE:
                final = texto[lugar:]
                sitio = bisect_left(self._textos, final)
                if sitio < len(self._textos) and self._textos[sitio].startswith(final):
                    return largo - lugar, self._textos[sitio]
        return None


class Repartidos:
    """Las formas de los valores y su marca; `hexadecimales` son las que admiten separadores."""

    def __init__(self, formas: Mapping[str, str], hexadecimales: Collection[str]) -> None:
        self._marcas = formas
        self._juntas: dict[str, str] = {}
        for forma in sorted(formas, key=len, reverse=True):
            if len(junta := sin_ruido(forma)) >= MINIMO:
                self._juntas.setdefault(junta, formas[forma])
        self._hexadecimales = {forma: formas[forma] for forma in hexadecimales}
        self._principios = Principios(formas)
        self._finales = Principios(forma[::-1] for forma in formas)
        self._por_juntar = (
            (_RUIDO, Principios(self._juntas)),
            (_RUIDO_HEX, Principios(hexadecimales)),
        )

    def tapar(self, texto: str) -> str:
        """Los que `base64`, `fold`, `od` o unos signos de por medio reparten en trozos."""
        junto = sin_ruido(texto)
        if len(junto) < len(texto) and (hay := _presentes(self._juntas, junto)):
            texto = _tapar(texto, _RUIDO, hay)
        for signo in _SIGNOS_HEX:
            junto = junto.replace(signo, "")
        if len(junto) < len(texto) and (hay := _presentes(self._hexadecimales, junto)):
            texto = _tapar(texto, _RUIDO_HEX, hay)
        return texto

    def tapar_cortados(self, texto: str) -> str:
        """Los que quedaron a medias a un lado u otro de lo omitido."""
        partes = _HUECO.split(texto)
        for hueco in range(1, len(partes), 2):
            antes, despues = partes[hueco - 1], partes[hueco + 1]
            corte = self._principios.a_medias(antes)
            if corte is not None and corte[0] >= MINIMO:
                partes[hueco - 1] = antes[: -corte[0]] + self._marcas[corte[1]]
            corte = self._finales.a_medias(despues[: self._finales.maximo][::-1])
            if corte is not None and corte[0] >= MINIMO:
                partes[hueco + 1] = self._marcas[corte[1][::-1]] + despues[corte[0] :]
        return "".join(partes)

    def retener(self, texto: str) -> int:
        """Cuántas letras del final pueden ser el comienzo de un valor, entero o repartido."""
        entero = self._principios.a_medias(texto)
        retenidas = entero[0] if entero else 0
        for ruido, principios in self._por_juntar:
            junto, sitios = _juntar(texto, ruido)
            if (medio := principios.a_medias(junto)) is not None:
                retenidas = max(retenidas, len(texto) - sitios[len(junto) - medio[0]])
        return retenidas


def sin_ruido(texto: str) -> str:
    """El texto sin blancos ni nada que no se vea."""
    junto = "".join(texto.split())
    if "<U+" in junto or not junto.isprintable() or "\ufffd" in junto:
        return _RUIDO.sub("", junto)
    return junto


def _presentes(formas: Mapping[str, str], junto: str) -> dict[str, str]:
    return {forma: marca for forma, marca in formas.items() if forma in junto}


def _juntar(texto: str, ruido: re.Pattern[str]) -> tuple[str, list[int]]:
    """El texto sin el ruido, y en qué lugar estaba cada letra que queda."""
    tramos = list(_tramos(texto, ruido))
    junto = "".join(texto[desde:hasta] for desde, hasta in tramos)
    return junto, [lugar for tramo in tramos for lugar in range(*tramo)]


def _tramos(texto: str, ruido: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    ultimo = 0
    for estorbo in ruido.finditer(texto):
        if estorbo.start() > ultimo:
            yield ultimo, estorbo.start()
        ultimo = estorbo.end()
    if len(texto) > ultimo:
        yield ultimo, len(texto)


def _tapar(texto: str, ruido: re.Pattern[str], marcas: Mapping[str, str]) -> str:
    junto, sitios = _juntar(texto, ruido)
    partes: list[str] = []
    ultimo = 0
    for hallada in re.finditer("|".join(map(re.escape, marcas)), junto):
        partes += (texto[ultimo : sitios[hallada.start()]], marcas[hallada[0]])
        ultimo = sitios[hallada.end() - 1] + 1
    return "".join((*partes, texto[ultimo:]))
