"""La consola entera contra la tabla de ataques y contra el aguante que se le pide."""
