"""Paths in the graph: search, names and Cypher."""
