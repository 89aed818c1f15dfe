"""`/modelo`: quién responde, quién le releva y cambiar el general."""

from __future__ import annotations

from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.llm.preajustes import PREAJUSTES


async def ver_o_cambiar(escena: Escena, pedido: str) -> bool:
    """Los modelos de ahora o, con uno pedido, el cambio.

    Lanza `ErrorConfiguracion` si el pedido no vale: todo sigue como estaba.
    """
    if pedido:
        await _cambiar(escena, pedido)
    else:
        _ensenar(escena)
    return True


async def _cambiar(escena: Escena, pedido: str) -> None:
    """Vale desde la próxima llamada del Master; los agentes que ya viven siguen con el suyo."""
    antes = escena.sistema.modelo
    nuevo = await escena.sistema.cambiar_modelo(pedido)
    texto = (
        f"De {antes} a {nuevo}: el Master, desde su próxima llamada; los agentes sin modelo propio,"
        " los que se lancen a partir de ahora (los demás, al reanudar la sesión)."
    )
    escena.papel.linea(Linea(texto, tono=Tono.BIEN, entera=True))


def _ensenar(escena: Escena) -> None:
    sistema, papel = escena.sistema, escena.papel
    general, *respaldo = sistema.modelos.generales
    papel.linea(Linea(f"Modelo: {general}{_detras(respaldo)}", entera=True))
    for nombre, tipo in sorted(sistema.tipos.items()):
        if tipo.model or tipo.modelos_respaldo is not None:
            suyo, *detras = sistema.modelos.de(tipo)
            texto = f"Los agentes «{nombre}» usan {suyo}{_detras(detras)}"
            papel.linea(Linea(texto, entera=True))
    texto = (
        "Para cambiarlo ahora, /modelo proveedor:modelo; para siempre, MODEL=proveedor:modelo en"
        f" .env (o en el entorno). Proveedores: {', '.join(PREAJUSTES)}."
    )
    papel.linea(Linea(texto, entera=True))


def _detras(respaldo: list[str]) -> str:
    return f" (si no puede: {', '.join(respaldo)})" if respaldo else ""
