"""El tablero: qué hace cada agente ahora mismo y por qué espera, leído desde fuera."""
