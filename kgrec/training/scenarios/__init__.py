"""Training what belongs to one scenario alone."""
