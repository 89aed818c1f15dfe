"""Las reglas del modelo de demostración: qué entiende, qué decide y qué dice."""
