"""Lo que se puede gastar: cuentas en árbol, quien paga cada intento, precios y avisos."""
