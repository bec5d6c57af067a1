"""Training of the parameters that belong to single scenarios."""
