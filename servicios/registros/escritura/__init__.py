"""Guardar hechos: encolar, juntar en lotes, comprometer y dar recibo."""
