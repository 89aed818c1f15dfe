"""La salida a la red por lista: el proxy de fuera y el reenvío de dentro."""
