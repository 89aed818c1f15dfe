"""La carpeta de la persona que se presta a los agentes, y lo que de ella no se presta."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.aislamientos.visibles import carpetas_de_python

_SE_EJECUTA_SOLO = (
    *(".git/hooks", ".git/config", ".git/config.worktree", ".git/modules", ".gitmodules"),
    *(".gitconfig", ".husky", ".githooks", ".pre-commit-config.yaml"),
    *(".envrc", ".venv", "venv", ".vscode", ".idea", ".devcontainer", ".mcp.json", ".claude"),
    *(".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile"),
    *(".inputrc", ".ripgreprc"),
)
"""Lo que git, la shell o un editor ejecutan u obedecen sin que nadie se lo pida."""

_GANCHOS = ".git/hooks"
"""Se protege aunque falte: se crea vacía, como hace `git init`, para que no la cree un agente."""

_SECRETOS = (
    *(".ssh", ".gnupg", ".aws", ".kube", ".docker", ".netrc", ".git-credentials", ".pypirc"),
)
_EJEMPLOS = {".env.example", ".env.sample", ".env.template", ".env.dist"}
_SIN_ENTORNOS = {".env", ".git", "node_modules", ".venv", "venv", "__pycache__"}
_HONDURA, _ENTRADAS, _POR_CARPETA, _CARPETAS, _TOPE = 4, 5_000, 2_000, 2_000, 200
_AL_EMPEZAR = 100_000
_RECIENTE_NS = 50_000_000
"""Lo que tarda el reloj del núcleo, de sobra, en distinguir dos cambios de una carpeta."""


@dataclass(frozen=True, slots=True)
class _Leida:
    """Las carpetas que había en una; `cambio` es su hora, o -1 si podría cambiar sin notarse."""

    cambio: int
    hijas: tuple[str, ...]


class _Entornos:
    """Busca los `.env` del proyecto sin recorrerlo entero cada vez.

    De cada carpeta recuerda lo que había mientras no cambie. Lo que encuentra una vez lo da
    mientras exista: un agente que llene el proyecto no lo hará olvidar.
    """

    def __init__(self, datos: Path) -> None:
        self._datos = str(datos)
        self._leidas: dict[str, _Leida] = {}
        self._vistos: dict[str, None] = {}

    def buscar(self, lugares: Iterable[Path], entradas: int) -> list[Path]:
        """Los que hay a menos de seis carpetas de hondo, y a lo sumo doscientos.

        `entradas` es cuántas puede leer esta vez, más o menos; la siguiente sigue por donde iba.
        """
        self._vistos = {ruta: None for ruta in self._vistos if os.path.lexists(ruta)}
        antes, self._leidas = self._leidas, {}
        nivel = [str(lugar) for lugar in lugares]
        for _ in range(_HONDURA + 1):
            siguiente: list[str] = []
            for carpeta in nivel[: _CARPETAS - len(self._leidas)]:
                leida = _vigente(carpeta, antes)
                if leida is None and entradas > 0:
                    leida, gasto = self._leer(carpeta)
                    entradas -= gasto
                if leida is not None:
                    self._leidas[carpeta] = leida
                    siguiente += leida.hijas
            nivel = siguiente
        return [Path(ruta) for ruta in self._vistos]

    def _leer(self, carpeta: str) -> tuple[_Leida | None, int]:
        """Lo que hay en una carpeta y cuántas entradas ha habido que leer; `None` si no se puede."""
        self._anotar(f"{carpeta}/.env")  # aunque haya tantas entradas que no se llegue a ella
        try:
            # No la de modificación, que un agente puede fijar.
            cambio = os.lstat(carpeta).st_ctime_ns
            with os.scandir(carpeta) as entradas:
                leidas = list(islice(entradas, _POR_CARPETA))
            carpetas = [e for e in leidas if e.is_dir(follow_symlinks=False)]
        except OSError:
            return None, 1
        for entrada in leidas:
            if entrada.name.startswith(".env."):
                self._anotar(entrada.path)
        if time.time_ns() - cambio < _RECIENTE_NS:
            cambio = -1
        entrar = (e for e in carpetas if e.name not in _SIN_ENTORNOS and e.path != self._datos)
        return _Leida(cambio, tuple(e.path for e in entrar)), len(leidas) + 1

    def _anotar(self, ruta: str) -> None:
        es_ejemplo = os.path.basename(ruta) in _EJEMPLOS  # noqa: PTH119
        if not es_ejemplo and len(self._vistos) < _TOPE and os.path.lexists(ruta):
            self._vistos[ruta] = None


@dataclass(frozen=True, slots=True)
class Proyecto:
    """`carpeta` es la del proyecto, `datos` la del enjambre y `raiz` la de su programa.

    Las protegidas se fijan al empezar: lo que un agente cree después con uno de esos nombres es
    suyo, y montarlo sería fiarse de él.
    """

    carpeta: Path
    datos: Path
    raiz: Path
    protegidas: tuple[Path, ...]
    _entornos: _Entornos

    @classmethod
    def mirar(cls, carpeta: Path, datos: Path, raiz: Path) -> Proyecto:
        """El proyecto tal como está ahora. Las rutas ya no tienen enlaces."""
        rutas = [*(carpeta / nombre for nombre in _SE_EJECUTA_SOLO), raiz]
        if (carpeta / ".git").is_file():
            rutas.append(carpeta / ".git")
        rutas += carpetas_de_python()
        ganchos = carpeta / _GANCHOS
        hay = (r for r in rutas if os.path.lexists(r) or (r == ganchos and r.parent.is_dir()))
        dentro = (r for r in hay if r.is_relative_to(carpeta))
        proyecto = cls(carpeta, datos, raiz, tuple(dict.fromkeys(dentro)), _Entornos(datos))
        # Antes de que ningún agente pueda estorbar la búsqueda.
        proyecto._buscar_entornos(_AL_EMPEZAR)
        return proyecto

    def ocultas(self) -> tuple[Path, ...]:
        """Lo que no debe verse, si está: secretos y `data/`. Se mira cada vez."""
        candidatas = [self.carpeta / nombre for nombre in _SECRETOS]
        candidatas += self._buscar_entornos(_ENTRADAS)
        hay = {real for ruta in candidatas if (real := _real(ruta)) is not None}
        # Un enlace no hará que se tape la carpeta de otro agente.
        hay = {ruta for ruta in hay if not ruta.is_relative_to(self.datos)} | {self.datos}
        return tuple(sorted(ruta for ruta in hay if self.carpeta in ruta.parents))

    def _buscar_entornos(self, entradas: int) -> list[Path]:
        lugares = dict.fromkeys((self.raiz, self.carpeta))
        dentro = [lugar for lugar in lugares if lugar.is_relative_to(self.carpeta)]
        return self._entornos.buscar(dentro, entradas)

    def exigir(self, casa: Path | None, duenio: int | None, *, escribir: bool) -> None:
        """Lanza `ErrorConsola` con el remedio si este proyecto no se puede prestar."""
        if reparo := self._reparo(casa, escribir=escribir):
            raise ErrorConsola(
                f"consola: no se puede prestar «{self.carpeta}» a un agente: {reparo};"
                " pon la de un proyecto en ENJAMBRE_PROYECTO o quita `espacio` al tipo"
            )
        if duenio is not None and not _puede(self.carpeta, duenio, escribir=escribir):
            que = "escribir" if escribir else "entrar"
            raise ErrorConsola(
                f"consola: las órdenes corren como el usuario {duenio}, que no puede {que} en"
                f" «{self.carpeta}»; arranca el enjambre como tu usuario corriente"
                f" o da la carpeta a ese (chown -R {duenio})"
            )
        if escribir:
            self._asegurar_protegidas()

    def _asegurar_protegidas(self) -> None:
        ganchos = self.carpeta / _GANCHOS
        if ganchos in self.protegidas:
            with suppress(OSError):
                ganchos.mkdir()
        for ruta in self.protegidas:
            if ruta.resolve() != ruta:
                raise ErrorConsola(
                    f"consola: «{ruta}» pasa por un enlace simbólico y no se puede proteger de las"
                    " órdenes; sustitúyelo por lo que enlaza o concede `espacio: solo_lectura`"
                )

    def _reparo(self, casa: Path | None, *, escribir: bool) -> str:
        carpeta = self.carpeta
        if carpeta == Path("/") or not carpeta.is_dir():
            return "no es la carpeta de un proyecto"
        if casa is not None and casa.is_relative_to(carpeta):
            return "contiene tu carpeta personal"
        if carpeta.is_relative_to(self.datos):
            return "está dentro de la carpeta de datos del enjambre"
        if escribir and carpeta.is_relative_to(self.raiz):
            return "es del propio enjambre y solo admite `espacio: solo_lectura`"
        return ""


def _vigente(carpeta: str, antes: dict[str, _Leida]) -> _Leida | None:
    leida = antes.get(carpeta)
    try:
        return leida if leida and leida.cambio == os.lstat(carpeta).st_ctime_ns else None
    except OSError:
        return None


def _real(ruta: Path) -> Path | None:
    """A dónde lleva, si existe: tapar un enlace dejaría a la vista lo enlazado."""
    try:
        return ruta.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _puede(carpeta: Path, uid: int, *, escribir: bool) -> bool:
    datos = carpeta.stat()
    desplazar = 6 if datos.st_uid == uid else 3 if datos.st_gid == uid else 0
    hacen_falta = 0o7 if escribir else 0o5
    return datos.st_mode >> desplazar & hacen_falta == hacen_falta
