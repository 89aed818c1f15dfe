"""El interlocutor: lo que anota basta para rehacer la historia, también al reanudar y al compactar."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agentes.errores import ErrorModelo
from agentes.eventos import Apunte, Evento, TextoDescartado, TextoParcial
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.compactacion import es_resumen
from servicios.llm.destino import Destino
from servicios.llm.historia_corrida import hash_de
from servicios.llm.historial import retirar_lo_nuevo
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.proveedores import abrir_modelo
from servicios.llm.relevo import Descansos, Equipo
from servicios.llm.via import Politica, Via
from servicios.registros.lectura.historias import FilaHistoria, Historia, plegar_historia
from servicios.registros.textos import a_json
from servicios.reloj import RelojReal
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion, Pasos
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto

SECRETO = "abracadabra"
LARGO = "cosas que se fueron viendo por el camino, una detrás de otra " * 20


class Recibo:
    def __init__(self, id_: int) -> None:
        self.id = id_

    def __await__(self) -> Any:
        return asyncio.sleep(0, self.id).__await__()


class Escena:
    """Un interlocutor con el cliente de verdad y sus filas, como quedarían guardadas."""

    def __init__(self, doble: DobleOpenAI) -> None:
        self.doble = doble
        self.filas: list[FilaHistoria] = []
        self.publicado: list[TextoParcial | TextoDescartado] = []
        destino = Destino("openai", "gpt-prueba", doble.url, "OPENAI_API_KEY", None, doble.clave)
        self.modelo = abrir_modelo(destino, doble.clave, "puerta")
        politica = Politica(reintentos=0)
        partes = (self.anotar, self.publicado.append, Admision(8), RelojReal(), politica)
        self.via = Via(*partes, redactar=lambda t: t.replace(SECRETO, "[secreto]"))
        self.interlocutor = self.otro()
        self.historia: list[BaseMessage] = [SystemMessage("eres a-1"), HumanMessage("la tarea")]

    def otro(self, **comienzo: int) -> Interlocutor:
        equipo = Equipo([self.modelo], Descansos(self.via.reloj))
        return Interlocutor("a-1", equipo, Validadores(()), self.via, **comienzo)

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> Apunte:
        detalles = json.loads(a_json(evento.detalles()))
        de = None if causa is None else causa.id
        self.filas.append(FilaHistoria(len(self.filas) + 1, evento.tipo, detalles, de))
        return Recibo(len(self.filas))

    async def pensar(self, *nuevos: BaseMessage | str) -> str:
        self.historia += [HumanMessage(n) if isinstance(n, str) else n for n in nuevos]
        try:
            respuesta = await self.interlocutor.pensar(self.historia, None)
        except ErrorModelo as error:
            if error.envenena:
                retirar_lo_nuevo(self.historia)
            raise
        self.historia.append(respuesta.mensaje)
        return respuesta.texto

    async def charlar(self, veces: int) -> None:
        for n in range(veces):
            await self.pensar(f"línea {n} {LARGO}")

    def plegada(self) -> Historia:
        """Lo plegado, que ha de ser lo vivo."""
        historia = plegar_historia(self.filas)
        assert hash_de(historia.mensajes) == hash_de(self.historia)
        return historia

    def de_tipo(self, tipo: str) -> list[FilaHistoria]:
        return [f for f in self.filas if f.tipo == tipo]


@asynccontextmanager
async def escena(pasos: Pasos) -> AsyncIterator[Escena]:
    async with DobleOpenAI(Guion({"*": pasos})) as doble:
        actual = Escena(doble)
        try:
            yield actual
        finally:
            await actual.modelo.cerrar()
        doble.comprobar()


def siempre(peticion: Peticion) -> Respuesta:
    return texto("en resumen" if "Resumes la conversación" in peticion.sistema else "vale")


async def test_al_reanudar_no_se_repite_lo_que_ya_tiene_fila_y_el_hash_sigue() -> None:
    async with escena(siempre) as e:
        await e.charlar(3)
        plegada = e.plegada()
        e.historia = plegada.mensajes
        e.interlocutor = e.otro(turno=plegada.turno, contados=plegada.contados)
        await e.pensar("sigue")
        ultima = e.de_tipo("llm_input")[-1].details
        assert [n["data"]["content"] for n in ultima["nuevos"]] == ["sigue"]
        assert ultima["turno"] == e.interlocutor.turno == 4
        assert ultima["historia"] == hash_de(e.historia[:-1])
        e.plegada()


async def test_al_reanudar_tras_un_rechazo_lo_que_quedo_vuelve_a_constar() -> None:
    rechazo = Respuesta(error=Error(400, "Invalid argument"))
    async with escena([texto("vale"), rechazo, texto("sigo")]) as e:
        await e.pensar("uno")
        with pytest.raises(ErrorModelo):
            await e.pensar("malo")
        plegada = e.plegada()
        assert plegada.contados == len(plegada.mensajes) - 1
        e.historia = plegada.mensajes
        e.interlocutor = e.otro(turno=plegada.turno, contados=plegada.contados)
        await e.pensar("otra")
        assert len(e.de_tipo("llm_input")[-1].details["nuevos"]) == 2
        e.plegada()


async def test_lo_sabido_que_queda_tras_un_rechazo_vuelve_a_constar() -> None:
    rechazo = Respuesta(error=Error(400, "Invalid argument"))
    async with escena([llamar("leer"), rechazo, texto("sigo")]) as e:
        await e.pensar()
        pedida = e.historia[-1]
        assert isinstance(pedida, AIMessage)
        leido = ToolMessage("lo leído", tool_call_id=pedida.tool_calls[0]["id"], name="leer")
        with pytest.raises(ErrorModelo):
            await e.pensar(leido, "malo")
        assert await e.pensar("otra") == "sigo"
        assert e.doble.peticiones[-1].resultados == ["lo leído"]
        e.plegada()


async def test_un_rechazo_tras_un_fallo_pasajero_retira_las_dos_cosas_y_consta() -> None:
    averia, rechazo = fallo("401"), Respuesta(error=Error(400, "Invalid argument"))
    async with escena([texto("vale"), averia, rechazo, texto("sigo")]) as e:
        await e.pensar("uno")
        for linea in ("se cae", "malo"):
            with pytest.raises(ErrorModelo):
                await e.pensar(linea)
        assert await e.pensar("otra") == "sigo"
        assert "se cae" not in e.doble.peticiones[-1].todo_el_texto
        e.plegada()


async def test_se_compacta_mientras_el_agente_trabaja_y_no_se_pierde_lo_que_llega() -> None:
    llegado = asyncio.Event()

    async def despacio(peticion: Peticion) -> Respuesta:
        if "Resumes la conversación" in peticion.sistema:
            await llegado.wait()
        return siempre(peticion)

    async with escena(despacio) as e:
        await e.charlar(8)
        turno = e.interlocutor.turno
        tarea = asyncio.create_task(e.interlocutor.compactar("el foco"))
        await e.doble.esperar(9)
        e.historia.append(HumanMessage("llegó mientras tanto"))
        pensando = asyncio.create_task(e.pensar("y esto también"))
        await asyncio.sleep(0)
        llegado.set()
        hecho = await tarea
        assert hecho is not None
        assert await pensando == "vale"
        ultima = e.doble.peticiones[-1].todo_el_texto
        assert "llegó mientras tanto" in ultima
        assert "en resumen" in ultima
        assert "línea 2" not in ultima
        assert e.interlocutor.turno == turno + 1, "el resumen no cuenta como turno"
        nuevos = e.de_tipo("llm_input")[-1].details["nuevos"]
        assert [n["data"]["content"] for n in nuevos] == ["llegó mientras tanto", "y esto también"]
        e.plegada()


async def test_ni_la_historia_ni_el_foco_llevan_un_secreto_a_quien_resume() -> None:
    async with escena(siempre) as e:
        await e.pensar(f"la clave es {SECRETO}")
        await e.charlar(8)
        assert await e.interlocutor.compactar(f"la clave {SECRETO}") is not None
        await e.pensar("sigue")
        cables = json.dumps([p.cuerpo for p in e.doble.peticiones])
        assert SECRETO not in cables
        assert "la clave [secreto]" in e.doble.peticiones[-2].sistema
        assert SECRETO not in json.dumps([dict(f.details) for f in e.filas])


async def test_si_su_dueno_acaba_mientras_se_resume_no_se_toca_nada() -> None:
    async def vaciar(peticion: Peticion) -> Respuesta:
        if "Resumes la conversación" in peticion.sistema:
            e.historia.clear()
        return siempre(peticion)

    async with escena(vaciar) as e:
        await e.charlar(8)
        assert await e.interlocutor.compactar() is None
        assert e.historia == []
        assert e.de_tipo("history_compaction") == []


async def test_el_resumen_se_paga_pero_no_se_ensena_ni_puede_pedir_herramientas() -> None:
    async with escena(siempre) as e:
        await e.charlar(8)
        antes = len(e.publicado)
        await e.interlocutor.compactar()
        assert len(e.publicado) == antes
        assert e.doble.peticiones[-1].herramientas == []
        respuesta = await e.interlocutor.pensar(e.historia, None)
        salidas = e.de_tipo("llm_output")[-2:]
        assert [s.details["proposito"] for s in salidas] == ["compactar", ""]
        entradas = [s.details["uso"]["entrada"] for s in salidas]
        assert respuesta.uso.entrada == sum(entradas)


async def test_cancelar_un_resumen_a_medias_no_toca_la_historia() -> None:
    async def colgado(peticion: Peticion) -> Respuesta:
        if "Resumes la conversación" in peticion.sistema:
            await asyncio.sleep(20)
        return siempre(peticion)

    async with escena(colgado) as e:
        await e.charlar(8)
        tarea = asyncio.create_task(e.interlocutor.compactar())
        await e.doble.esperar(9)
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tarea
        assert not any(map(es_resumen, e.historia))
        assert await e.pensar("sigue") == "vale"
        e.plegada()


async def test_un_resultado_que_no_cabe_se_recorta_y_se_dice_y_el_agente_sigue() -> None:
    llamada = {"name": "leer", "args": {}, "id": "c1"}
    async with escena([texto("vale"), fallo("contexto"), texto("visto")]) as e:
        await e.pensar("uno")
        enorme = ToolMessage("x" * 60_000, tool_call_id="c1", name="leer")
        e.historia[-1] = AIMessage("", tool_calls=[llamada])
        respuesta = await e.interlocutor.pensar([*e.historia, enorme], None)
        assert respuesta.texto == "visto"
        ultima = e.doble.peticiones[-1]
        assert ultima.ultimo.texto.startswith("[No cabía: recortado")
        assert len(ultima.ultimo.texto) < 40_000
        assert e.de_tipo("history_compaction")[-1].details["despues"] < 10_000


async def test_en_pausa_no_sale_ni_la_peticion_del_resumen() -> None:
    parado = False

    async def no_cabe(peticion: Peticion) -> Respuesta:
        nonlocal parado
        if len(e.doble.peticiones) == 9:
            parado = True
            return fallo("contexto")
        return siempre(peticion)

    async with escena(no_cabe) as e:
        await e.charlar(8)
        e.historia.append(HumanMessage("sigue"))
        antes = list(e.historia)
        with pytest.raises(ErrorModelo) as error:
            await e.interlocutor.pensar(e.historia, None, detenido=lambda: parado)
        assert (error.value.clase, error.value.deja_seguir) == ("pausada", True)
        assert (len(e.doble.peticiones), e.historia) == (9, antes)
        assert e.de_tipo("history_compaction") == []
        parado = False
        respuesta = await e.interlocutor.pensar(e.historia, None, detenido=lambda: parado)
        assert respuesta.texto == "vale"
        e.historia.append(respuesta.mensaje)
        e.plegada()
