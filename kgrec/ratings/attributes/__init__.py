"""Ratings from the attributes of users and items, and how likely ratings were to be given."""
