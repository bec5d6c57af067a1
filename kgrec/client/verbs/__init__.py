"""The verbs: which route each asks, with which body, and what becomes of its answer."""
