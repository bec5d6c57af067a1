"""RecBole's atomic files: which files belong together, their columns, and histories as events."""
