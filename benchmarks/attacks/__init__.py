"""Fake users that push an item, and what they reach."""
