"""Órdenes cruzadas al azar: muchas sesiones cortas, cada una con su semilla, y lo que siempre se cumple."""
