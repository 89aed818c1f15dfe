"""Pruebas de la consola: procesos de verdad, sin dobles."""
