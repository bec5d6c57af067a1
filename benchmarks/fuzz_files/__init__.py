"""Mutated files of every format, and the checks of what a load makes of them."""
