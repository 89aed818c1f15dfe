"""El núcleo (`*.py`) y sus alas (los subpaquetes). Las importaciones solo bajan de piso."""
