"""Features of items and users: read from the graph in blocks, and combined by one layer."""
