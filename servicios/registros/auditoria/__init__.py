"""Lo que se le pregunta a una bitácora sin abrir el enjambre, y cómo se saca de ella una sesión."""
