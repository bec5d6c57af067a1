"""What a graph with names of its own holds, and a first mapping that is guessed from it."""
