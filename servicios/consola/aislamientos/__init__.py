"""Los aislamientos, cómo se elige uno y las cercas del núcleo que usan."""
