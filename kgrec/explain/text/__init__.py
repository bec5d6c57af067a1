"""Explained paths in words: the paths behind contributions, sentences and their languages."""
