"""Ratings: how likely a user likes an item, and the rating they would give."""
