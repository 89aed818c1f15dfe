"""Seguir una sesión donde se quedó, o desde una de sus filas."""
