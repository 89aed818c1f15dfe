"""Lo que leen los modelos: textos, plantillas y esquemas. Piso 0, no ejecuta nada."""
