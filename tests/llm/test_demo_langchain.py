"""La conformidad del modelo `demo` con las pruebas que langchain da a todo modelo de chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from servicios.llm.demostracion import ModeloDemostracion

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

LENGUA_LIBRE = {
    "test_agent_loop": "elige una herramienta por lo que significa la pregunta, que no la nombra",
}
"""Pruebas que piden entender lengua libre → por qué; un modelo por reglas no puede pasarlas."""


class _Demostracion:
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ModeloDemostracion

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"pausa_s": 0.0}

    @property
    def model_override_value(self) -> str | None:
        return "demo-otra"


class TestUnidad(_Demostracion, ChatModelUnitTests):
    @pytest.fixture
    def snapshot(self) -> None:
        """La pide la prueba de serialización, que langchain reserva a sus propios paquetes."""


class TestIntegracion(_Demostracion, ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _lengua_libre(self, request: pytest.FixtureRequest) -> None:
        motivo = LENGUA_LIBRE.get(request.node.originalname)
        if motivo:
            request.applymarker(pytest.mark.xfail(strict=True, reason=motivo))

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True
