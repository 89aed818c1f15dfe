"""Que lo guardado siga como se escribió, y que lo viejo se archive sin perderse."""
