"""Optimizers and balancers."""
