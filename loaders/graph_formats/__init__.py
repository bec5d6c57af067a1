"""Formats of research on knowledge graphs: numbered lists, triples, RDF, and folders of graphs."""
