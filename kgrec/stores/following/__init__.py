"""What others write into a store, found by the times of interactions and of changes."""
