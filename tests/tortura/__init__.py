"""El programa de verdad, muerto a `kill -9` una y otra vez hasta que acaba."""
