"""La carpeta de la persona que se presta a los agentes, y lo que de ella no se presta."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
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

_NUESTRO = (
    *("main.py", "agentes", "servicios", "prompts", "agentes_json", "tests", "docker", ".ci"),
    *("Makefile", "pyproject.toml", "requirements.txt", "requirements-dev.txt"),
    "requirements-lock.txt",
)
"""Lo que el enjambre ejecuta de sí mismo. Para que se edite, préstale otra copia."""

_SECRETOS = (
    *(".ssh", ".gnupg", ".aws", ".kube", ".docker", ".netrc", ".git-credentials", ".pypirc"),
)
_EJEMPLOS = {".env.example", ".env.sample", ".env.template", ".env.dist"}


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

    @classmethod
    def mirar(cls, carpeta: Path, datos: Path, raiz: Path) -> Proyecto:
        """El proyecto tal como está ahora. Las rutas ya no tienen enlaces."""
        rutas = [carpeta / nombre for nombre in _SE_EJECUTA_SOLO]
        if carpeta == raiz:
            rutas += [raiz / nombre for nombre in _NUESTRO]
        else:
            rutas.append(raiz)
        if (carpeta / ".git").is_file():
            rutas.append(carpeta / ".git")
        rutas += carpetas_de_python()
        ganchos = carpeta / _GANCHOS
        hay = (r for r in rutas if os.path.lexists(r) or (r == ganchos and r.parent.is_dir()))
        dentro = (r for r in hay if r.is_relative_to(carpeta))
        return cls(carpeta, datos, raiz, tuple(dict.fromkeys(dentro)))

    def ocultas(self) -> tuple[Path, ...]:
        """Lo que no debe verse, si está: secretos y `data/`. Se mira cada vez."""
        candidatas = [self.carpeta / nombre for nombre in _SECRETOS]
        for lugar in {self.carpeta, self.raiz}:
            if lugar.is_relative_to(self.carpeta):
                candidatas += _entornos(lugar)
        hay = {real for ruta in candidatas if (real := _real(ruta)) is not None}
        hay.add(self.datos)
        return tuple(sorted(ruta for ruta in hay if self.carpeta in ruta.parents))

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
        if escribir and self.raiz in carpeta.parents:
            return "es parte del propio enjambre"
        return ""


def _entornos(carpeta: Path) -> Iterator[Path]:
    """Los `.env` de una carpeta, menos los de ejemplo."""
    try:
        yield from (ruta for ruta in carpeta.glob(".env*") if ruta.name not in _EJEMPLOS)
    except OSError:
        return


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
