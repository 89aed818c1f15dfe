"""Los ajustes: entorno y `.env`, leídos una vez y congelados. El entorno manda sobre `.env`.

Una variable vacía es una variable sin poner. No hay ajuste de temperatura a propósito: los
modelos nuevos la rechazan o la desaconsejan, así que cada proveedor usa la suya.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from agentes.errores import ErrorConfiguracion
from servicios.variables import Variable, explicar

RAIZ = Path(__file__).resolve().parent.parent
"""La carpeta de `main.py`."""


def direccion(valor: str | None) -> str | None:
    """Una dirección HTTP sin la barra final. Lanza `ValueError` si no lo es."""
    if valor is None:
        return None
    try:
        partes = urlsplit(valor)
        valida = partes.scheme in {"http", "https"} and partes.hostname and partes.port != 0
    except ValueError:
        valida = False
    if not valida:
        raise ValueError("ha de ser una dirección como http://servidor:puerto/ruta")
    return valor.rstrip("/")


def _limpia(valor: SecretStr | None) -> SecretStr | None:
    """Una clave pegada con espacios o un salto de línea al final sigue siendo la misma clave."""
    return None if valor is None else SecretStr(valor.get_secret_value().strip())


def _campo(omision: Any, significado: str, *variables: str, **limites: Any) -> Any:
    return Field(
        default=omision,
        description=significado,
        validation_alias=AliasChoices(*variables),
        **limites,
    )


Url = Annotated[str | None, AfterValidator(direccion)]
Clave = Annotated[SecretStr | None, AfterValidator(_limpia)]


class Ajustes(BaseSettings):
    """Todo lo que se puede cambiar sin tocar el código. Se obtiene con `Ajustes.leer`.

    Los tiempos van en segundos y los tamaños en caracteres. Las claves son `SecretStr`: su
    `repr` no las enseña.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        str_strip_whitespace=True,
        allow_inf_nan=False,
        loc_by_alias=False,
        env_file_encoding="utf-8",
    )

    raiz: Path = RAIZ
    model: str | None = _campo(
        None, "Modelo del Master y de los agentes, `proveedor:modelo`", "MODEL", "MODEL_NAME"
    )
    modelos_respaldo: str = _campo(
        "",
        "Modelos que contestan, por orden, si `MODEL` no puede: `proveedor:modelo`, con comas",
        "ENJAMBRE_MODELOS_RESPALDO",
    )
    google_api_key: Clave = _campo(
        None, "Clave de Gemini; vale también `GEMINI_API_KEY`", "GOOGLE_API_KEY", "GEMINI_API_KEY"
    )
    google_base_url: Url = _campo(
        None, "Servidor compatible con la API de Gemini", "GOOGLE_GEMINI_BASE_URL"
    )
    openai_api_key: Clave = _campo(None, "Clave de OpenAI", "OPENAI_API_KEY")
    openai_base_url: Url = _campo(
        None, "Servidor compatible con la API de OpenAI (acaba en `/v1`)", "OPENAI_BASE_URL"
    )
    datos: Path = _campo(Path("data"), "Carpeta de `swarm.db` y de los espacios", "ENJAMBRE_DATOS")
    limite_llamada_s: float = _campo(
        300.0, "Duración máxima de una llamada", "ENJAMBRE_LIMITE_LLAMADA_S", gt=0, le=86_400
    )
    silencio_s: float = _campo(
        90.0, "Silencio más largo dentro de una respuesta", "ENJAMBRE_SILENCIO_S", gt=0, le=86_400
    )
    reintentos: int = _campo(
        4, "Intentos de más tras un fallo pasajero del modelo", "ENJAMBRE_REINTENTOS", ge=0, le=20
    )
    llamadas_simultaneas: int = _campo(
        256,
        "Llamadas a la vez por proveedor, modelo y clave",
        "ENJAMBRE_LLAMADAS_SIMULTANEAS",
        ge=1,
        le=10_000,
    )
    llamadas_por_minuto: int = _campo(
        0, "Llamadas por minuto; 0, sin tope", "ENJAMBRE_LLAMADAS_POR_MINUTO", ge=0, le=1_000_000
    )
    agentes_simultaneos: int = _campo(
        256, "Agentes a la vez; los demás, en cola", "ENJAMBRE_AGENTES_SIMULTANEOS", ge=1, le=10_000
    )
    profundidad: int = _campo(
        5, "Niveles de agentes bajo el Master", "ENJAMBRE_PROFUNDIDAD", ge=1, le=100
    )
    tamano_reporte: int = _campo(
        4000, "Caracteres de un reporte al Master", "ENJAMBRE_TAMANO_REPORTE", ge=200, le=1_000_000
    )
    tope_resumen: int = _campo(
        12_000, "Caracteres de un resumen de avisos", "ENJAMBRE_TOPE_RESUMEN", ge=1000, le=1_000_000
    )
    contexto: int = _campo(
        0,
        "Tokens que caben en una petición; con 0, lo que se sepa del modelo (o 128000)",
        "ENJAMBRE_CONTEXTO",
        ge=0,
        le=100_000_000,
    )
    max_rondas: int = _campo(
        12, "Rondas seguidas del Master con sus acciones", "ENJAMBRE_MAX_RONDAS", ge=1, le=1000
    )
    max_iteraciones: int = _campo(
        20,
        "Llamadas al modelo por agente, si su tipo no dice otra cosa",
        "ENJAMBRE_MAX_ITERACIONES",
        ge=1,
        le=100_000,
    )
    limite_comando_s: float = _campo(
        120.0, "Duración máxima de una orden", "ENJAMBRE_LIMITE_COMANDO_S", gt=0, le=86_400
    )
    limite_salida: int = _campo(
        16_000,
        "Bytes que se conservan de cada salida de una orden",
        "ENJAMBRE_LIMITE_SALIDA",
        ge=200,
        le=10_000_000,
    )
    aislamiento: str = _campo(
        "auto",
        "Cómo se encierran las órdenes: `auto`, `bwrap`, `landlock`, `docker` o `local` (nada)",
        "ENJAMBRE_AISLAMIENTO",
    )
    imagen: str = _campo(
        "python:3.12-slim", "Imagen del aislamiento `docker`; ha de tener bash", "ENJAMBRE_IMAGEN"
    )
    proyecto: Path | None = _campo(
        None,
        "Carpeta que se presta a los agentes con `espacio: proyecto`; sin ella, la actual",
        "ENJAMBRE_PROYECTO",
    )
    plazo_aprobacion_s: float = _campo(
        300.0,
        "Segundos que espera una orden a que la persona la apruebe",
        "ENJAMBRE_PLAZO_APROBACION_S",
        gt=0,
        le=86_400,
    )
    campana: int = _campo(
        1,
        "Con `1`, la campana y el título de la ventana dicen cuántos te esperan; con `0`, no",
        "ENJAMBRE_CAMPANA",
        ge=0,
        le=1,
    )
    comandos_simultaneos: int = _campo(
        16, "Órdenes de consola a la vez", "ENJAMBRE_COMANDOS_SIMULTANEOS", ge=1, le=1000
    )

    exigir_evidencias: bool = _campo(
        False, "Todo agente ha de probar su resultado", "ENJAMBRE_EXIGIR_EVIDENCIAS"
    )

    _entorno: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def leer(cls, raiz: Path | None = None) -> Self:
        """Lee el entorno y el `.env` de `raiz` (por omisión, la carpeta de `main.py`).

        Lanza `ErrorConfiguracion` con la variable, el valor malo (nunca una clave) y el remedio.
        """
        carpeta = (raiz or RAIZ).resolve()
        archivo = carpeta / ".env"
        try:
            _comprobar_env(archivo)
            leidos = cls(raiz=carpeta, _env_file=archivo)  # type: ignore[call-arg]
        except ValidationError as error:
            raise ErrorConfiguracion(explicar(error, VARIABLES)) from None
        except UnicodeDecodeError:
            raise ErrorConfiguracion(f"{archivo}: no está en UTF-8; guárdalo así") from None
        except OSError as error:
            raise ErrorConfiguracion(f"{archivo}: no se puede leer ({error.strerror})") from None
        return leidos.model_copy(update={"datos": carpeta / leidos.datos.expanduser()})

    def con(self, **cambios: object) -> Self:
        """Otros ajustes iguales salvo lo que se cambie; `None` no cambia nada."""
        return self.model_copy(update={k: v for k, v in cambios.items() if v is not None})

    def model_post_init(self, contexto: Any, /) -> None:
        """Guarda el entorno entero para `clave`; no sale en el `repr`."""
        archivo = dotenv_values(self.raiz / ".env", encoding="utf-8")
        self._entorno.update({k: v for k, v in archivo.items() if v})
        self._entorno.update({k: v for k, v in os.environ.items() if v.strip()})

    def crear_datos(self) -> None:
        """Crea la carpeta de datos si falta. Lanza `ErrorConfiguracion` si no se puede usar."""
        try:
            self.datos.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ErrorConfiguracion(
                f"No se puede usar la carpeta de datos {self.datos} ({error.strerror}): pon otra en"
                " ENJAMBRE_DATOS"
            ) from error

    def clave(self, variable: str) -> str | None:
        """El valor de una variable cualquiera del entorno o de `.env`; `None` si falta o es vacía."""
        return self._entorno.get(variable, "").strip() or None


def _variables() -> dict[str, Variable]:
    tabla = {}
    for nombre, campo in Ajustes.model_fields.items():
        alias = campo.validation_alias
        if isinstance(alias, AliasChoices):
            nombres = tuple(str(eleccion) for eleccion in alias.choices)
            omision = "" if campo.default is None else str(campo.default)
            tabla[nombre] = Variable(nombres, campo.description or "", omision)
    return tabla


VARIABLES: dict[str, Variable] = _variables()
"""Campo de `Ajustes` → su variable (o variables), significado y valor por omisión."""


def _comprobar_env(archivo: Path) -> None:
    """Lanza `ErrorConfiguracion` con la línea de `.env` que no se entiende."""
    if not archivo.is_file():
        return
    with archivo.open(encoding="utf-8") as lineas:
        for pareja in parse_stream(lineas):
            if pareja.error:
                raise ErrorConfiguracion(
                    f"{archivo}: la línea {pareja.original.line} no se entiende;"
                    " ha de ser VARIABLE=valor (¿una comilla sin cerrar?)"
                )
