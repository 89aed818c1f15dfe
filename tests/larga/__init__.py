"""Una sesión larga y fea del programa entero, con una persona que no para de escribir."""
