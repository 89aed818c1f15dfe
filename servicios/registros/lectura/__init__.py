"""Preguntar a la bitácora sin poder cambiarla."""
