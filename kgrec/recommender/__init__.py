"""The public surface: fit, recommend, explain, similar, search, evaluate, update, save, load."""

from kgrec.recommender.recommender import Recommender

__all__ = ["Recommender"]
