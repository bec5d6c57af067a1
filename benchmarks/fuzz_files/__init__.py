"""Mutated files of every format, and the judgement of what a load makes of them."""
