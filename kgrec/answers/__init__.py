"""Answers beside the lists of items: users for items, similar users, scores of pairs, vectors."""
