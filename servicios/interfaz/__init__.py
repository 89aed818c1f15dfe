"""Las caras: lo que ve la persona. Se suscriben al núcleo y lo llaman; nadie las llama a ellas."""
