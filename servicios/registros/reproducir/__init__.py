"""Volver a correr una sesión grabada: sus filas como guion, y dónde deja de parecerse."""
