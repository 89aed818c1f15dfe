"""La cara de la bitácora: `python main.py auditar …` y `python main.py exportar …`."""
