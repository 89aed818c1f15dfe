"""Los errores que el enjambre sabe explicar: una raíz y pocos hijos.

El texto de cada error se muestra tal cual a la persona, así que nombra el archivo, el
campo o la orden y dice el remedio. Nadie enseña una traza.
"""


class ErrorEnjambre(Exception):
    """Raíz: algo que se puede contar en una línea."""


class ErrorConfiguracion(ErrorEnjambre):
    """Falta o sobra algo en el entorno, en `.env` o en los argumentos (código de salida 2)."""


class ErrorDefinicion(ErrorEnjambre):
    """Un archivo de `agentes_json/` no vale; el texto nombra archivo y clave."""


class ErrorPlantilla(ErrorEnjambre):
    """A un prompt le falta una variable o el archivo no se puede leer."""


class ErrorBitacora(ErrorEnjambre):
    """`data/swarm.db` no se puede abrir o escribir; nada de lo no confirmado está guardado."""


class ErrorConsola(ErrorEnjambre):
    """La consola no puede ejecutar órdenes en esta máquina."""


class ErrorAlarma(ErrorEnjambre):
    """Alguien repitió el canario: leyó lo que no debía y se le para."""


class ErrorModelo(ErrorEnjambre):
    """La llamada a un modelo falló y no se reintenta más.

    `clase` es una palabra estable: `clave`, `modelo`, `conexion`, `tiempo`, `tasa`, `servidor`,
    `peticion`, `contexto`, `bloqueo`, `vacia`, `cortada`, `respuesta`, `rondas`, `alarma`,
    `presupuesto`, `pausada` o `interno`.
    """

    def __init__(self, texto: str, *, clase: str) -> None:
        super().__init__(texto)
        self.clase = clase

    @property
    def es_configuracion(self) -> bool:
        """Si el remedio está en el entorno (clave o nombre de modelo): código de salida 2."""
        return self.clase in {"clave", "modelo"}

    @property
    def merece_relevo(self) -> bool:
        """Si otro modelo podría contestar a la misma petición: el fallo no está en ella."""
        return self.clase in {"clave", "modelo"}

    @property
    def es_vacia(self) -> bool:
        """Si el modelo, por más que se le insistió, no escribió nada."""
        return self.clase == "vacia"

    @property
    def es_de_presupuesto(self) -> bool:
        """Si no hay con qué pagarla: sigue cuando la persona dé más."""
        return self.clase == "presupuesto"

    @property
    def es_de_pausa(self) -> bool:
        """Si no llegó a salir porque a quien llama lo tienen en pausa."""
        return self.clase == "pausada"

    @property
    def deja_seguir(self) -> bool:
        """Si quien llama puede volver a intentarlo más tarde con la misma historia."""
        return self.es_vacia or self.es_de_presupuesto or self.es_de_pausa

    @property
    def envenena(self) -> bool:
        """Si repetir la misma historia volvería a fallar: el turno se retira de la historia."""
        return self.clase in {"peticion", "bloqueo", "contexto"}


class ErrorModeloPasajero(ErrorModelo):
    """Un fallo que merece otro intento; `espera_s` es lo que pidió el servidor (segundos) o `None`.

    `satura` si el servidor dice que no da abasto: vale para todos los que lo llaman.
    """

    def __init__(
        self, texto: str, *, clase: str, espera_s: float | None = None, satura: bool = False
    ) -> None:
        super().__init__(texto, clase=clase)
        self.espera_s = espera_s
        self.satura = satura

    @property
    def merece_relevo(self) -> bool:
        """Siempre: ya se insistió lo que se podía."""
        return True
