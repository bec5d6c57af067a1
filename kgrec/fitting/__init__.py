"""Fitting: from a snapshot to a trained model, chosen on validation rows."""
