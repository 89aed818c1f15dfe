"""Qué nombres de archivo hay que preguntar: secretos, ocultos, del sistema o de fuera."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

_SECRETOS = (
    *(".env", ".env.*", ".envrc", ".ssh", ".aws", ".gnupg", ".netrc", "_netrc", ".pgpass"),
    *(".git-credentials", ".npmrc", ".pypirc", ".docker", ".kube", ".azure", ".my.cnf"),
    *(".htpasswd", "htpasswd", ".vault-token", ".password-store", ".mozilla", ".*_history"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.gpg"),
    *("*.asc", "*.ovpn", "*.tfstate", "*.tfvars", "id_rsa*", "id_dsa*", "id_ecdsa*"),
    *("id_ed25519*", "shadow", "shadow-", "gshadow", "gshadow-", "sudoers", "kubeconfig"),
    *("authorized_keys", "swarm.db*", "environ", "kcore"),
    *("credentials", "credentials.*", "secret", "secret.*", "secrets", "secrets.*"),
    *("passwd", "passwd-", "token", "token.*", "tokens.json", "*.token", "passwords.*"),
    *("*.env", "*_rsa", "*_key", "*private*key*", "*credential*", "*service*account*.json"),
    *("*-key.json", "*adminsdk*", "*api*key*", "*.pem.*", "*.key.*", "*.tfvars*", "*.tfstate*"),
)

_CONCRETOS = (
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "shadow", "gshadow", "sudoers", "passwd"),
    *("key.pem", "cert.pem", "server.pem", "private.pem", "server.key", "private.key", "tls.key"),
    *("cert.p12", "cert.pfx", "clave.kdbx", "clave.ppk", "clave.gpg", "terraform.tfstate"),
    *("credentials", "credentials.json", "secrets", "secrets.yaml", "secrets.yml", "secrets.json"),
    *("authorized_keys", "kubeconfig", "swarm.db", "token", "htpasswd", "environ"),
    *("prod.env", "production.env", "local.env", "private_key", "deploy_key", "deploy_rsa"),
    *("service-account.json", "gcp-key.json", "firebase-adminsdk.json", "aws_credentials"),
    *("api_key", "apikey", "api_key.txt", "apikey.txt", "token.txt", "server.key.bak"),
    *("key.pem.old", "terraform.tfvars", "terraform.tfstate.backup"),
)
"""Los nombres de secreto contra los que se miran los comodines de bash."""

_CONCRETOS_OCULTOS = (
    *(".env", ".env.local", ".env.prod", ".env.production", ".env.development", ".netrc"),
    *(".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".ssh", ".aws", ".gnupg"),
)
_TAMBIEN_EN_RECURSIVAS = ("config",)
"""`.git/config`, que puede llevar contraseñas."""

_EJEMPLOS = {".env.example", ".env.sample", ".env.template", ".env.dist"}

_OCULTOS_CORRIENTES = re.compile(
    r"\.((env\.(example|sample|template|dist)|git(ignore|attributes|keep|hub|lab|lab-ci\.ya?ml)|editorconfig|dockerignore|ci"
    r"|(eslint|prettier|babel|stylelint)(rc|ignore)[\w.]*|pre-commit-config\.ya?ml"
    r"|(python|node|ruby|java|go)-version|nvmrc|tool-versions|flake8|coveragerc|pylintrc"
    r"|isort\.cfg|mypy\.ini|ruff\.toml|travis\.ya?ml|circleci|readthedocs\.ya?ml|storybook"
    r"|clang-(format|tidy)|rubocop\.yml|rspec|swcrc|mailmap|husky|changeset|devcontainer"
    r"|venv|tox|pytest_cache|mypy_cache|ruff_cache|cache|next|vscode|idea))?\Z"
)
_ABSOLUTAS = re.compile(
    r"/(usr|bin|sbin|lib|lib64|tmp)(/.*)?"
    r"|/etc/(os-release|debian_version|alpine-release|lsb-release|timezone|localtime)"
    r"|/proc/(cpuinfo|meminfo|loadavg|uptime|version|stat|filesystems)"
    r"|/dev/null"
)
_PEDAZOS = re.compile(r"[=:,]")
_PATRON_LARGO = 100
_CLASE = re.compile(r"\[[^\]]+\]")


def motivo_de_ruta(texto: str, *, comodin: bool = False, contenido: bool = True) -> str:
    """Por qué hay que preguntar antes de leer `texto`; vacío si no hace falta.

    Con `comodin`, `texto` es un patrón. Sin `contenido`, la orden solo enseña nombres o tamaños.
    También mira los pedazos (`--opcion=ruta`, `HEAD:ruta`).
    """
    for pedazo in {texto, *_PEDAZOS.split(texto)}:
        if motivo := _motivo(pedazo, comodin=comodin, contenido=contenido):
            return motivo
    return ""


def nombra_secreto(texto: str) -> bool:
    """Si algún componente de `texto` es, tal cual, el nombre de un secreto."""
    return any(_es_secreto(parte) for parte in re.split(r"[/=:,\s]", texto))


def patron_alcanza_secretos(patron: str) -> bool:
    """Si un patrón con que un programa elige archivos alcanza los secretos más corrientes."""
    ultimo = patron.rsplit("/", 1)[-1]
    if len(patron) > _PATRON_LARGO or any(letra in patron for letra in "{\\"):
        return True
    simple = _CLASE.sub("?", ultimo.casefold())
    secretos = _CONCRETOS + _CONCRETOS_OCULTOS + _TAMBIEN_EN_RECURSIVAS
    return "[" in simple or any(_se_cruzan(simple, secreto) for secreto in secretos)


def _motivo(ruta: str, *, comodin: bool, contenido: bool) -> str:
    if ruta.startswith("~"):
        return "lleva a una carpeta personal"
    if ruta.startswith("/") and not _absoluta_corriente(ruta, comodin=comodin):
        return "está fuera de la carpeta de trabajo"
    for parte in ruta.split("/"):
        if parte == "..":
            return "sale de la carpeta de trabajo"
        if comodin and any(letra in parte for letra in "*?["):
            if _comodin_alcanza(parte, contenido):
                return "puede alcanzar un archivo secreto u oculto"
        elif _es_secreto(parte):
            return "tiene nombre de secreto"
        elif parte.startswith(".") and not _OCULTOS_CORRIENTES.match(parte):
            return "es un nombre oculto"
    return ""


def _absoluta_corriente(ruta: str, *, comodin: bool) -> bool:
    limpia = re.sub(r"/(\./|/)+", "/", ruta)
    if not _ABSOLUTAS.fullmatch(limpia):
        return False
    return not comodin or not limpia.startswith(("/etc", "/proc", "/dev"))


def _es_secreto(nombre: str) -> bool:
    minusculas = nombre.casefold()
    if not minusculas or minusculas in _EJEMPLOS or minusculas.endswith(".pub"):
        return False
    return bool(_NOMBRES.match(minusculas))


def _comodin_alcanza(patron: str, contenido: bool) -> bool:
    if patron.startswith("."):
        return True
    patron = _CLASE.sub("?", patron.casefold())
    if len(patron) > _PATRON_LARGO:
        return True
    if not contenido and patron[0] in "*?":
        return False
    # Para bash ni `*` ni `?` valen por el punto del principio; por si acaso, `?` aquí sí.
    secretos = _CONCRETOS + (_CONCRETOS_OCULTOS if patron[0] == "?" else ())
    return any(_se_cruzan(patron, secreto) for secreto in secretos)


@lru_cache(maxsize=4096)
def _se_cruzan(uno: str, otro: str) -> bool:
    """Si hay algún nombre que cumple los dos patrones (solo `*` y `?`)."""
    vistos: set[tuple[int, int]] = set()
    pendientes = [(0, 0)]
    while pendientes:
        par = pendientes.pop()
        if par in vistos:
            continue
        vistos.add(par)
        i, j = par
        if i == len(uno) and j == len(otro):
            return True
        pendientes.extend(_pasos(uno, otro, i, j))
    return False


def _pasos(uno: str, otro: str, i: int, j: int) -> list[tuple[int, int]]:
    a, b = uno[i : i + 1], otro[j : j + 1]
    pasos = []
    if a == "*":
        pasos.append((i + 1, j))
    if b == "*":
        pasos.append((i, j + 1))
    if a and b and (a == b or a in "*?" or b in "*?"):
        pasos.append((i if a == "*" else i + 1, j if b == "*" else j + 1))
    return pasos


_NOMBRES = re.compile("|".join(translate(nombre) for nombre in _SECRETOS))
