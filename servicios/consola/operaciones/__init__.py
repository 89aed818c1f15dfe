"""Lo que cada orden deja en el disco, para que nada dependa de que el enjambre siga vivo."""
