"""Scoring: a trained model bound to a snapshot, and the items it ranks best."""
