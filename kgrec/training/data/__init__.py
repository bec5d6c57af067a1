"""Training data: examples, samples of items and neighbours, counts by scenario."""
