"""Experiments: two models that each answer a share of the users, and shadows."""
