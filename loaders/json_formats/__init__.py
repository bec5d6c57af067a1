"""Formats of several JSON files: Yelp, Goodreads and Steam as published."""
