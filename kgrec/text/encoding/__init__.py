"""The language model as an encoder: its files, its forward pass, its cache."""
