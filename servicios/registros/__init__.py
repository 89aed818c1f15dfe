"""Los registros: esquema de `data/swarm.db`, migraciones, proyecciones, vistas y consultas."""
