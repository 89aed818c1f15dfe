"""A dónde se deja salir con `red: lista`: leer destinos, compararlos y juzgar direcciones.

Todo es puro. Un nombre se compara en minúsculas, sin el punto final y en su forma ASCII (IDNA);
una dirección, en su forma canónica.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from agentes.errores import ErrorConsola

_NAT64 = IPv6Network("64:ff9b::/96")
_NOMBRE_MAXIMO = 253
_ETIQUETA = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Lo que acaba así lo lee como dirección la biblioteca de C (127.1, 0x7f.1), no como nombre.
_NUMERO = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PUERTO = re.compile(r"[0-9]{1,5}")
_COMODIN = "*."


@dataclass(frozen=True, slots=True)
class Destino:
    """Un servidor, ya en su forma canónica, y un puerto de 1 a 65535."""

    servidor: str
    puerto: int

    def __str__(self) -> str:
        servidor = f"[{self.servidor}]" if ":" in self.servidor else self.servidor
        return f"{servidor}:{self.puerto}"

    @property
    def es_direccion(self) -> bool:
        """Si el servidor es una IP y no un nombre."""
        return ":" in self.servidor or _NUMERO.fullmatch(self.servidor.split(".")[-1]) is not None


def leer_destino(texto: str) -> Destino:
    """Lee «servidor:puerto», con los corchetes de IPv6. Lanza `ValueError` si no lo es."""
    servidor, _, puerto = texto.rpartition(":")
    if not _PUERTO.fullmatch(puerto) or not 0 < int(puerto) <= 0xFFFF:
        raise ValueError(texto)
    return Destino(_leer_servidor(servidor), int(puerto))


class ListaDestinos:
    """Los destinos de un tipo de agente: exactos o «*.dominio:puerto» (lo que cuelga de él)."""

    def __init__(self, textos: Sequence[str]) -> None:
        """Lanza `ErrorConsola` si uno no vale."""
        self._exactos: set[Destino] = set()
        self._comodines: set[Destino] = set()
        for texto in textos:
            try:
                self._apuntar(texto)
            except ValueError:
                raise ErrorConsola(
                    f"red_destinos: «{texto}» no vale; escribe «servidor:puerto», "
                    "«*.dominio:puerto» o «[IPv6]:puerto»"
                ) from None

    def admite(self, destino: Destino) -> bool:
        """Si el destino está en la lista; un comodín nunca vale para una dirección."""
        if destino in self._exactos:
            return True
        etiquetas = destino.servidor.split(".")
        return not destino.es_direccion and any(
            Destino(".".join(etiquetas[n:]), destino.puerto) in self._comodines
            for n in range(1, len(etiquetas))
        )

    def admite_direccion(self, direccion: str, puerto: int) -> bool:
        """Si se puede conectar a una dirección a la que llevó un nombre de la lista.

        Las de esta máquina y las privadas, solo si la lista las nombra letra por letra. Lanza
        `ValueError` si no es una dirección.
        """
        ip = _llana(ip_address(direccion.partition("%")[0]))
        return _es_publica(ip) or Destino(str(ip), puerto) in self._exactos

    def _apuntar(self, texto: str) -> None:
        if not texto.startswith(_COMODIN):
            self._exactos.add(leer_destino(texto))
            return
        destino = leer_destino(texto.removeprefix(_COMODIN))
        if destino.es_direccion:
            raise ValueError(texto)
        self._comodines.add(destino)


def _leer_servidor(texto: str) -> str:
    if len(texto) > _NOMBRE_MAXIMO:
        raise ValueError(texto)
    if texto.startswith("[") and texto.endswith("]") and "%" not in texto:
        return str(_llana(IPv6Address(texto[1:-1])))
    with suppress(ValueError):
        return str(IPv4Address(texto))
    nombre = texto.encode("idna").decode("ascii").lower().removesuffix(".")
    etiquetas = nombre.split(".")
    if not all(map(_ETIQUETA.fullmatch, etiquetas)) or _NUMERO.fullmatch(etiquetas[-1]):
        raise ValueError(texto)
    return nombre


def _llana(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """«::ffff:127.0.0.1» es otra forma de escribir «127.0.0.1»."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _es_publica(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return _es_publica(IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.sixtofour or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)
