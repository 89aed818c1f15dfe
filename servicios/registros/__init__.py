"""Los registros: todo lo que hay detrás de `data/swarm.db`, un cuarto por oficio."""
