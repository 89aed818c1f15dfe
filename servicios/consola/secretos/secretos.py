"""Los secretos que no deben salir: los que conocemos, en todas sus formas, y los que se delatan.

    secretos = Secretos.desde(os.environ, dotenv_values(".env"), {"MODEL"})
    secretos.redactar("OPENAI_API_KEY=…")  # → "OPENAI_API_KEY=[secreto:OPENAI_API_KEY]"

Lleva además un canario: un valor sin uso que se deja a la vista. Quien lo repite ha leído lo que
no debía, y `alarma` lo dice.
"""

from __future__ import annotations

import base64
import re
import secrets
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agentes.respuestas import en_unicode
from servicios.consola.secretos.codificaciones import HEXADECIMAL, LITERALES, formas
from servicios.consola.secretos.formatos import pendiente, tapar_formatos
from servicios.consola.secretos.repartidos import MARCA_HUECO, Repartidos, sin_ruido

VARIABLE_CANARIO = "SWARM_CANARIO"
"""La variable de nuestro entorno que lleva el canario; ninguna orden la recibe."""

_NOMBRE_SECRETO = re.compile(
    r"password|passwd|passphrase|secret|token|credential|cookie|api_?key|(?:pass|key|pwd)$"
    r"|(?:^|_)(?:key|keys|pass|pwd|pat|dsn|pin|auth|session|bearer)(?:_|$)",
    re.IGNORECASE,
)
_NOMBRE_DUDOSO = re.compile(r"(?:^|_)(?:session|auth)(?:_|$)", re.IGNORECASE)
_NO_SECRETAS = {
    "PWD",
    "OLDPWD",
    "XAUTHORITY",
    "SSH_AUTH_SOCK",
    "SESSION_MANAGER",
    "DBUS_SESSION_BUS_ADDRESS",
}
_CORRIENTE = re.compile(
    r"[A-Za-z]+(?:[ ._-][A-Za-z]+)*(?::\d{1,5})?"  # palabras y nombres de servidor
    r"|[\d.,:/ -]+"  # números, fechas, direcciones IP
    r"|[a-z][a-z0-9+.-]*://[^@?#\s]*",  # direcciones sin usuario ni consulta
    re.IGNORECASE,
)


class Secretos:
    """Los valores que se tapan (pares de nombre y valor) y el canario."""

    def __init__(self, valores: Iterable[tuple[str, str]], canario: str) -> None:
        self.canario = canario
        self._canario = formas(canario)
        self._nombres: dict[str, str] = {}
        literales: set[str] = set()
        hexadecimales: set[str] = set()
        for nombre, valor in (*valores, (VARIABLE_CANARIO, canario)):
            marca = f"[secreto:{re.sub(r'[^A-Za-z0-9_.-]', '_', nombre)[:64]}]"
            for forma, como in formas(en_unicode(valor)).items():
                self._nombres.setdefault(forma, marca)
                if como in LITERALES:
                    literales.add(forma)
                elif como == HEXADECIMAL:
                    hexadecimales.add(forma)
        self._formas = tuple(sorted(self._nombres, key=len, reverse=True))
        self._literales = tuple(literales)
        self._repartidos = Repartidos(self._nombres, hexadecimales)

    @classmethod
    def desde(
        cls,
        entorno: Mapping[str, str],
        env: Mapping[str, str | None],
        no_secretas: Collection[str],
    ) -> Secretos:
        """Los de nuestro entorno (por su nombre) y los de `.env` (todos), con un canario nuevo.

        `no_secretas` son las variables cuyo valor se puede ver. Tampoco cuentan rutas que
        existen, direcciones sin contraseña ni, en `.env`, palabras corrientes.
        """
        pares = [(n, v) for n, v in entorno.items() if n not in no_secretas and _promete(n, v)]
        for nombre, valor in env.items():
            if valor and nombre not in no_secretas and (_promete(nombre, valor) or _raro(valor)):
                pares.append((nombre, valor))
        todos = [*entorno.items(), *((n, v) for n, v in env.items() if v)]
        pares += [(n, clave) for n, v in todos for clave in _clave_de_url(v)]
        return cls(((n, v.strip()) for n, v in pares), secrets.token_hex(16))

    @cached_property
    def senuelo(self) -> str:
        """Una clave privada de OpenSSH que no abre nada: por dentro todo es el canario."""
        return _senuelo(self.canario)

    def redactar(self, texto: str) -> str:
        """El texto con cada secreto cambiado por `[secreto:NOMBRE]` o `[secreto:FORMA]`."""
        if presentes := [forma for forma in self._formas if forma in texto]:
            patron = "|".join(map(re.escape, presentes))
            texto = re.sub(patron, lambda hallada: self._nombres[hallada[0]], texto)
        texto = self._repartidos.tapar(texto)
        if MARCA_HUECO in texto:
            texto = self._repartidos.tapar_cortados(texto)
        return tapar_formatos(texto)

    def retener(self, texto: str) -> int:
        """Cuántas letras del final no se pueden enseñar sin saber cómo sigue el texto."""
        return max(self._repartidos.retener(texto), pendiente(texto))

    def repasar(self, texto: str) -> str:
        """Como `redactar`, si un valor está tal cual o algo se delata; cuesta la cuarta parte.

        Es para lo que ya pasó por `redactar` en su origen y se mira otra vez antes de guardarlo.
        """
        if any(forma in texto for forma in self._literales):
            return self.redactar(texto)
        return tapar_formatos(texto)

    def alarma(self, texto: str) -> str | None:
        """Cómo aparece el canario en el texto, o `None` si no está."""
        for forma, como in self._canario.items():
            if forma in texto:
                return como
        junto = sin_ruido(texto)
        partida = (como for forma, como in self._canario.items() if forma in junto)
        return next(partida, None) if len(junto) < len(texto) else None


def _promete(nombre: str, valor: str) -> bool:
    """Si por su nombre es un secreto, y su valor no lo desmiente."""
    if nombre in _NO_SECRETAS or not _NOMBRE_SECRETO.search(nombre) or _es_ruta(valor):
        return False
    return not (_CORRIENTE.fullmatch(valor) and ("://" in valor or _NOMBRE_DUDOSO.search(nombre)))


def _raro(valor: str) -> bool:
    """Si por su valor puede ser un secreto, se llame como se llame."""
    return not (_CORRIENTE.fullmatch(valor.strip()) or _es_ruta(valor))


def _es_ruta(valor: str) -> bool:
    """Si nombra algo del disco, o algo que cabría en una carpeta que existe."""
    ruta = Path(valor)
    try:
        if not ruta.is_absolute():
            return valor.startswith(("./", "../", "~/"))
        return ruta.exists() or (ruta.parent != ruta.parent.parent and ruta.parent.exists())
    except (OSError, ValueError):
        return False


def _clave_de_url(valor: str) -> Iterator[str]:
    """La contraseña de una dirección que la lleve, tal cual y descifrada."""
    if "://" not in valor:
        return
    try:
        clave = urlsplit(valor.strip()).password
    except ValueError:
        return
    if clave:
        yield from {clave, unquote(clave)}


def _senuelo(canario: str) -> str:
    def campo(datos: bytes) -> bytes:
        return struct.pack(">I", len(datos)) + datos

    material = canario.encode()
    publica = campo(b"ssh-ed25519") + campo(material)
    control = campo(material * 2) + campo(f"{canario}@enjambre".encode())
    privada = b"\0\0\0\1" * 2 + publica + control
    privada += bytes(range(1, -len(privada) % 8 + 1))
    cabecera = b"openssh-key-v1\0" + campo(b"none") * 2 + campo(b"") + b"\0\0\0\1"
    cuerpo = base64.b64encode(cabecera + campo(publica) + campo(privada)).decode()
    lineas = (cuerpo[i : i + 70] for i in range(0, len(cuerpo), 70))
    tipo = "OPENSSH PRIVATE KEY"
    return "\n".join(
        (f"-----BEGIN {tipo}-----", *lineas, f"-----END {tipo}-----", f"# {canario}", "")
    )
