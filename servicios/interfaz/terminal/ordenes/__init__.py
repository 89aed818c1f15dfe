"""Las órdenes de la conversación: la tabla, quien las reparte y, por familias, quien las hace."""
