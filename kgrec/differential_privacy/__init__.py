"""Differential privacy for users: one noisy release of people's choices, and what is made of it."""
