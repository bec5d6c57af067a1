"""Cold items and users."""
