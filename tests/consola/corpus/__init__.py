"""Órdenes corrientes: el ejecutor ha de dejar lo mismo que un `bash -c` a secas."""
