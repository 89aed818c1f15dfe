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
from servicios.consola.visibles import carpetas_de_python

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
_SIN_ENTORNOS = {".git", "node_modules", ".venv", "venv", "__pycache__"}
_HONDURA, _ENTRADAS, _CARPETAS, _TOPE = 4, 5_000, 1_000, 200
_RECIENTE_NS = 50_000_000
"""Lo que tarda el reloj del núcleo, de sobra, en distinguir dos cambios de una carpeta."""


class _Entornos:
    """Busca los `.env` del proyecto sin recorrerlo entero cada vez.

    De cada carpeta recuerda lo que había mientras no cambie. Lo que encuentra una vez lo da
    mientras exista: un agente que llene el proyecto no lo hará olvidar.
    """

    def __init__(self, datos: Path) -> None:
        self._datos = str(datos)
        self._leidas: dict[str, tuple[int, list[str]]] = {}
        self._vistos: dict[str, None] = {}

    def buscar(self, lugares: Iterable[Path]) -> list[Path]:
        """Los que hay a menos de cinco carpetas de hondo, y a lo sumo doscientos."""
        self._vistos = {ruta: None for ruta in self._vistos if os.path.lexists(ruta)}
        leidas: dict[str, tuple[int, list[str]]] = {}
        nivel = [str(lugar) for lugar in lugares]
        quedan = _ENTRADAS
        for _ in range(_HONDURA + 1):
            siguiente: list[str] = []
            for carpeta in nivel:
                if quedan <= 0 or len(leidas) >= _CARPETAS:
                    break
                hijas, gasto = self._mirar(carpeta, leidas, quedan)
                quedan -= gasto
                siguiente += hijas
            nivel = siguiente
        self._leidas = leidas
        return [Path(ruta) for ruta in self._vistos]

    def _mirar(
        self, carpeta: str, leidas: dict[str, tuple[int, list[str]]], quedan: int
    ) -> tuple[list[str], int]:
        """Las carpetas que hay en una, y cuántas entradas ha habido que leer para saberlo."""
        try:
            # No la de modificación, que un agente puede fijar.
            cambio = os.lstat(carpeta).st_ctime_ns
            antes = self._leidas.get(carpeta)
            if antes is not None and antes[0] == cambio:
                leidas[carpeta] = antes
                return antes[1], 0
            hijas, gasto = self._leer(carpeta, quedan)
        except OSError:
            return [], 1
        de_fiar = time.time_ns() - cambio > _RECIENTE_NS
        leidas[carpeta] = (cambio if de_fiar else -1, hijas)
        return hijas, gasto

    def _leer(self, carpeta: str, quedan: int) -> tuple[list[str], int]:
        hijas: list[str] = []
        gasto = 0
        self._anotar(f"{carpeta}/.env")  # aunque haya tantas entradas que no se llegue a ella
        with os.scandir(carpeta) as entradas:
            for gasto, entrada in enumerate(islice(entradas, quedan), 1):  # noqa: B007
                if entrada.name.startswith(".env."):
                    self._anotar(entrada.path)
                elif entrada.name not in {".env", *_SIN_ENTORNOS} and entrada.path != self._datos:
                    if entrada.is_dir(follow_symlinks=False):
                        hijas.append(entrada.path)
        return hijas, gasto

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
        proyecto.ocultas()  # antes de que ningún agente pueda estorbar la búsqueda
        return proyecto

    def ocultas(self) -> tuple[Path, ...]:
        """Lo que no debe verse, si está: secretos y `data/`. Se mira cada vez."""
        candidatas = [self.carpeta / nombre for nombre in _SECRETOS]
        lugares = (lugar for lugar in (self.raiz, self.carpeta) if self._contiene(lugar))
        candidatas += self._entornos.buscar(dict.fromkeys(lugares))
        hay = {real for ruta in candidatas if (real := _real(ruta)) is not None}
        # Un enlace no hará que se tape la carpeta de otro agente.
        hay = {ruta for ruta in hay if not ruta.is_relative_to(self.datos)} | {self.datos}
        return tuple(sorted(ruta for ruta in hay if self.carpeta in ruta.parents))

    def _contiene(self, lugar: Path) -> bool:
        return lugar.is_relative_to(self.carpeta)

    def exigir(self, casa: Path | None, duenio: int | None, *, escribir: bool) -> None:
        """Lanza `ErrorConsola` con el remedio si este proyecto no se puede prestar."""
        if reparo := self._reparo(casa, escribir=escribir):
            raise ErrorConsola(
                f"consola: no se puede prestar «{self.carpeta}» a un agente: {reparo};"
                " empieza desde la carpeta de un proyecto o quita `espacio` al tipo"
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
            return (
                "es del propio enjambre, que ejecutaría lo que escribiera;"
                " pon otra en ENJAMBRE_PROYECTO o concede `espacio: solo_lectura`"
            )
        return ""


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
