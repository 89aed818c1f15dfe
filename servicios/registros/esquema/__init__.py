"""La forma de la base: tablas, vistas y cómo se pasa de una versión a la siguiente."""
