"""Lo que lanza cada orden y la vigila hasta el final: corre en parte fuera del enjambre."""
