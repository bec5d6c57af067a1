"""Search: items for a text query, by title, text, entity names and meaning."""
