"""Pruebas de la bitácora."""
