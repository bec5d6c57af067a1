"""Paths in the graph: the index that finds them, words for relations, and Cypher."""
