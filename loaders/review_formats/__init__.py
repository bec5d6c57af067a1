"""Formats of sites with reviews, as published: Amazon, Yelp, Goodreads and Steam."""
