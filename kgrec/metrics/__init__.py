"""Metrics of ranked lists and ratings, splits of the data, and their statistics."""
