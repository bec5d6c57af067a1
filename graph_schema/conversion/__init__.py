"""Conversion of what users give (frames, columns, attributes) into the types of a catalog."""
