"""Lo que no debe salir y lo que no debe entrar: secretos, marcas y texto hostil."""
