"""Search over settings: what is tried, and the trials."""
