"""Lo que cuesta el enjambre, contra un suelo medido en la misma tanda. `python -m tests.rendimiento`.

Cada medida corre en un proceso hijo sin la depuración de asyncio; producto y suelo se alternan.
Los números dependen de la máquina: lo que se lee son las razones.
"""
