"""Dónde corren los agentes. Piso 4."""
