"""Texts of data in outputs: terminals, JSON, pages and spreadsheets."""
