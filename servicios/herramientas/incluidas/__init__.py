"""Las herramientas que trae el producto."""
