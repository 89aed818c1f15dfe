"""La única vía a los modelos: reparar, admitir, emitir, recoger y reintentar."""
