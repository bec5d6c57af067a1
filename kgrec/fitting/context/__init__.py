"""Weights of the terms for circumstances and repeats, chosen on validation rows."""
