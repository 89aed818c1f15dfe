"""La consola por dentro: salida acotada, estado que se arrastra, procesos y aislamiento."""
