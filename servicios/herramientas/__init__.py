"""Las herramientas: registro, la puerta por la que pasan sus efectos y las incluidas."""
