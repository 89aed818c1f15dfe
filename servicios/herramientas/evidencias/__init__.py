"""Las pruebas de un resultado: leerlas, comprobarlas en el encierro del agente y darlas por buenas."""
