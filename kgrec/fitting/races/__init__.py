"""Short fits that compare shapes of the model."""
