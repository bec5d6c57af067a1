"""Feedback: the weights of events by kind and rating, and the histories and targets they make."""

from kgrec.feedback.weights import EventWeights, cap_repeats

__all__ = ["EventWeights", "cap_repeats"]
