"""One catalog full of hostile texts, and every output of what is trained on it."""
