"""Fitting: from a snapshot to a trained model that was chosen on validation rows."""
