"""What the service can be asked: bodies, answers, and the functions that make them."""
