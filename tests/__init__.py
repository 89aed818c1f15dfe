"""Pruebas de Enjambre."""
