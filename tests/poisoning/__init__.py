"""Fake users, and the items they push."""
