"""Qué es un agente: datos puros. Piso 0, sin red, sin base de datos, sin procesos."""
