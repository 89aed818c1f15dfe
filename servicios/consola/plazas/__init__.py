"""El sitio de cada agente en el disco: carpetas, casa, proyecto prestado y lecturas sin trampas."""
