"""El bucle de UN agente: pensar, actuar, observar; pausar y seguir.

buzón → historia → modelo → llamadas → puerta → respuestas en la historia → otra vez

El bucle es el único dueño del estado de su agente. No conoce al gestor ni al escritor de la
bitácora: recibe los puertos de `puertos.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage, ToolMessage

from agentes.acciones import ACCIONES, AccionPedida, accion_desde
from agentes.clase_agente import Agente
from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorAlarma, ErrorModelo
from agentes.eventos import Apunte, Espera, EstadoAgente
from agentes.guardado import Entregas, HistoriaGuardada
from agentes.mensajes import Aviso, Directiva
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from prompts.avisos import RECUERDO, SIN_PRESUPUESTO, VACIA, no_leidos, textos_de
from prompts.evidencias import nota
from prompts.mandos import lo_hecho
from servicios.llm.presupuestos.avisos import AvisosPresupuesto
from servicios.llm.vigilante import Vigilante
from servicios.paradas import Paradas, PuertosParadas, al_cortarse
from servicios.puertos import Hacer, LimitesAgente, PuertosAgente

if TYPE_CHECKING:
    from servicios.buzon import Buzon


class BucleLogicoAgente:
    """Mueve un agente desde que nace, o desde donde se cortó, hasta un estado final.

    `run` se llama una vez. `guardada` es por dónde iba, si no nace ahora.
    """

    def __init__(
        self,
        agente: Agente,
        buzon: Buzon[Directiva | Aviso],
        puertos: PuertosAgente,
        limites: LimitesAgente,
        causa: Apunte,
        guardada: HistoriaGuardada | None = None,
    ) -> None:
        self.agente = agente
        self._buzon = buzon
        self._puertos = puertos
        self._limites = limites
        self._guardada = guardada
        self._causa = (guardada and guardada.causa) or causa
        self._pasos = guardada.pasos if guardada else 0
        self._textos_sueltos = guardada.textos_sueltos if guardada else 0
        self._esperaba_hijo = guardada is not None and guardada.esperaba_hijo
        self._problema_contado = guardada is not None and guardada.problema_contado
        self._reentrega = guardada.reentrega if guardada else Entregas()
        self._empezadas = guardada.llamadas_sin_frontera if guardada else frozenset()
        self.paradas = Paradas(
            agente,
            buzon,
            PuertosParadas(
                puertos.anotar, puertos.puesto, puertos.congelador, puertos.superior.se_detuvo
            ),
        )
        self._fondos = AvisosPresupuesto(
            agente.nombre, puertos.presupuestos, puertos.anotar, puertos.superior.avisar
        )
        self._vigilante = Vigilante(
            agente,
            puertos.anotar,
            puertos.superior.avisar,
            limites.umbrales,
            ya_consta=guardada is not None and guardada.vuelta_contada,
        )

    def inject_message_and_resume(self, mensaje: Directiva | Aviso) -> None:
        """Deja un mensaje en el buzón; si estaba en pausa por un problema, sigue."""
        self._buzon.entregar(mensaje)

    async def run(self) -> None:
        """Piensa y actúa hasta un estado final. La cancelación pasa después de anotarse."""
        try:
            await self._empezar()
            while not self.agente.estado.es_final and self._pasos < self._limites.max_iterations:
                await self.paradas.frontera(self._causa, piensa=True)
                if sin := await self._fondos.revisar(self.agente.historial, self._causa):
                    await self._parar_sin_fondos(sin)
                    continue
                if respuesta := await self._pensar():
                    await self._actuar(respuesta)
            texto = f"{self._pasos} pasos sin terminar la tarea"
            self.terminar(EstadoAgente.MAX_ITERATIONS, texto)
        except ErrorModelo as error:
            self.terminar(EstadoAgente.FAILED, f"el modelo no respondió: {error}")
        except ErrorAlarma as alarma:
            self.terminar(EstadoAgente.FAILED, f"alarma de seguridad: {alarma}")

    async def _empezar(self) -> None:
        """Nace, o vuelve a donde se cortó: acaba de hacer lo que pedía la última respuesta."""
        esperaba = self.agente.espera
        if self._guardada is None:
            await self.paradas.frontera(self._causa)
            self.paradas.cambiar(EstadoAgente.RUNNING, Espera.NADA, self._causa)
        elif self._guardada.respuesta is not None:
            await self._actuar(self._guardada.respuesta)
        if self._guardada and self.agente.estado is EstadoAgente.PAUSED:
            # Lo pausó que su modelo no contestara o que no hubiera con qué pagarlo.
            await self._pausar("", esperaba)
            self._fondos.negado = ""

    def terminar(self, estado: EstadoAgente, texto: str, causa: Apunte | None = None) -> None:
        """Anota el final, con lo que probó, y lo cuenta al superior; solo la primera vez vale.

        `causa` es lo que lo paró desde fuera; si no, lo último que hizo.
        """
        if self.agente.estado.es_final:
            return
        self.agente.estado, self.agente.espera = estado, Espera.NADA
        cortado = estado is EstadoAgente.CANCELLED
        hecho = lo_hecho(self._pasos, *self.agente.lo_ultimo()) if cortado else ""
        apunte = self._puertos.anotar(self.agente.como_acaba(texto, hecho), causa or self._causa)
        coda = no_leidos(sum(isinstance(m, Directiva) for m in self._buzon.vaciar()))
        contado = "\n".join(filter(None, (texto, hecho, coda)))
        self._puertos.superior.report_agent_status(self.agente.nombre, estado, contado, apunte)

    # --- pensar -------------------------------------------------------------------------

    async def _pensar(self) -> RespuestaModelo | None:
        """La respuesta del modelo, o `None` si no la hay pero puede haberla más tarde."""
        entregas = self._leer(await self._buzon.recoger())
        self._pasos += 1
        self.agente.espera = Espera.MODELO
        try:
            respuesta = await self._puertos.interlocutor.pensar(
                self.agente.historial, self._causa, *entregas, detenido=self.paradas.detenido
            )
        except ErrorModelo as error:
            if not error.deja_seguir:
                raise
            self._reentrega = Entregas(*entregas)
            await self._sin_respuesta(error)
            return None
        self.agente.espera = Espera.NADA
        self.agente.uso += respuesta.uso
        self.agente.historial.append(respuesta.mensaje)
        self._causa = respuesta.apunte
        return respuesta

    def _leer(
        self, llegado: Sequence[Directiva | Aviso]
    ) -> tuple[tuple[Apunte, ...], tuple[Apunte, ...]]:
        """Pasa a la historia lo que llegó: los avisos juntos, cada directiva entera."""
        limites = self._limites
        textos = textos_de(llegado, tope=limites.tope_resumen, tope_aviso=limites.tope_aviso)
        self.agente.historial += map(HumanMessage, textos)
        if llegado:
            self._causa = llegado[-1].apunte
        antes, self._reentrega = self._reentrega, Entregas()
        avisos = (m.apunte for m in llegado if isinstance(m, Aviso))
        directivas = (m.apunte for m in llegado if isinstance(m, Directiva))
        return (*antes.avisos, *avisos), (*antes.directivas, *directivas)

    # --- actuar -------------------------------------------------------------------------

    async def _actuar(self, respuesta: RespuestaModelo) -> None:
        if not respuesta.llamadas:
            await self.paradas.frontera(self._causa)
            await self._texto_suelto(respuesta.texto)
            return
        self._textos_sueltos = 0
        problema: str | None = None
        reportado = False
        for llamada in respuesta.llamadas:
            if problema is not None or reportado:
                self._responder(llamada, "No se ejecutó: iba detrás de tu reporte.")
                continue
            if llamada.id not in self._empezadas:
                await self.paradas.frontera(self._causa)
            reportado = llamada.error is None and llamada.nombre == "reportar_resultado_final"
            if reportado:
                await self._reportar(llamada, respuesta)
                continue
            await self._resolver(llamada, respuesta, partial(self._hacer, llamada))
            if llamada.error is None and llamada.nombre == "reportar_problema":
                problema = llamada.args["descripcion_problema"]
        if self.agente.estado.es_final:
            return
        vueltas = self._vigilante.vigilar(self._causa)
        if problema is not None:
            await self._pausar(problema)
        elif vueltas:
            await self._pausar(vueltas, Espera.EN_BUCLE)

    async def _reportar(self, llamada: LlamadaHerramienta, respuesta: RespuestaModelo) -> None:
        """Comprueba lo que afirma y acaba, salvo que el reporte vuelva a él por falta de pruebas."""
        self.agente.espera = Espera.HERRAMIENTA
        verificador = self._puertos.verificador
        veredicto = await verificador.revisar(llamada, respuesta.turno, respuesta.apunte)

        async def contestar(_: Apunte, __: Operacion) -> ResultadoHerramienta:
            return veredicto.respuesta

        await self._resolver(llamada, respuesta, contestar)
        if veredicto.entregado:
            self.agente.verificacion, self.agente.nota = veredicto.verificacion, veredicto.nota
            self.terminar(EstadoAgente.COMPLETED, llamada.args["resultado"])

    async def _resolver(
        self, llamada: LlamadaHerramienta, respuesta: RespuestaModelo, hacer: Hacer
    ) -> None:
        """Ejecuta una llamada por la puerta y deja su respuesta en la historia."""
        if llamada.error is not None:
            self._responder(llamada, llamada.error)
            return
        self.agente.espera = Espera.HERRAMIENTA
        with al_cortarse(partial(self._responder, llamada)):
            resultado, cierre = await self._puertos.puerta.cruzar(
                llamada, respuesta.turno, respuesta.apunte, hacer
            )
        self.agente.espera = Espera.NADA
        self._causa = cierre
        self._fondos.negado = resultado.sin_pagar or self._fondos.negado
        self._responder(llamada, resultado.para_modelo)

    async def _hacer(
        self, llamada: LlamadaHerramienta, causa: Apunte, operacion: Operacion
    ) -> ResultadoHerramienta:
        match llamada.nombre:
            case "reportar_problema":
                return ResultadoHerramienta(True, "Problema entregado; espera la directiva.")
            case nombre if nombre in ACCIONES:
                accion = accion_desde(llamada)
                pedida = AccionPedida(self.agente.nombre, accion, llamada, causa, operacion.efecto)
                texto = await self._puertos.superior.ejecutar(pedida)
                return ResultadoHerramienta.de_accion(texto, negada=SIN_PRESUPUESTO)
            case nombre:
                return await self._puertos.herramientas.ejecutar(
                    nombre, llamada.args, self.agente.nombre, operacion
                )

    def _responder(self, llamada: LlamadaHerramienta, texto: str) -> None:
        self.agente.historial.append(
            ToolMessage(texto, tool_call_id=llamada.id, name=llamada.nombre)
        )

    async def _sin_respuesta(self, error: ErrorModelo) -> None:
        """Su modelo no contestó nada: se le dice y, si insiste, se le pausa con lo hecho intacto."""
        self.agente.espera = Espera.NADA
        if not error.es_vacia:  # no llegó a salir
            self._pasos -= 1
            self._fondos.negado = str(error) if error.es_de_presupuesto else ""
            return
        self.agente.historial.append(HumanMessage(VACIA))
        if vueltas := self._vigilante.vigilar(self._causa):
            await self._pausar(vueltas, Espera.EN_BUCLE)

    async def _texto_suelto(self, texto: str) -> None:
        """Texto sin llamadas: espera a sus hijos, o se le recuerda, o a la segunda es el final.

        Si esperaba a uno antes de un corte y ya hay algo que leer, era lo que esperaba.
        """
        llego, self._esperaba_hijo = self._esperaba_hijo and len(self._buzon) > 0, False
        if llego or self._puertos.superior.tiene_hijos_en_marcha(self.agente.nombre):
            await self.paradas.hasta_un_hijo(self._causa)
            return
        self._textos_sueltos += 1
        if self._textos_sueltos > 1:
            self.agente.nota = nota(self.agente.verificacion, (), self.agente.exige)
            self.terminar(EstadoAgente.COMPLETED, texto)
            return
        self.agente.historial.append(HumanMessage(RECUERDO))

    async def _pausar(self, problema: str, espera: Espera = Espera.SUPERIOR) -> None:
        """Cuenta el problema, salvo si ya lo contó antes de un corte, y espera una directiva."""
        if ya := self.agente.estado is EstadoAgente.PAUSED:
            self.agente.espera = espera
        await self.paradas.frontera(self._causa)
        contado, self._problema_contado = self._problema_contado, False
        if contado and self.agente.estado is not EstadoAgente.PAUSED:
            return
        if not contado:
            apunte = self.paradas.cambiar(EstadoAgente.PAUSED, espera, self._causa)
            if espera is not Espera.PRESUPUESTO:
                self._puertos.superior.report_agent_problem(self.agente.nombre, problema, apunte)
        # Sin fondos no llegó a leer las que tenía: con ellas solo se pararía otra vez.
        nueva = espera is Espera.PRESUPUESTO and not ya
        await self.paradas.hasta_una_directiva(self._causa, nueva=nueva)

    async def _parar_sin_fondos(self, motivo: str) -> None:
        """No hay con qué pagar lo que sigue: espera a que la persona dé más."""
        self._fondos.negado = ""
        if not self._problema_contado:
            self._fondos.agotado(motivo, self._causa)
        await self._pausar(motivo, Espera.PRESUPUESTO)
