"""Explored lists and off-policy estimates, measured where the truth is known."""
