"""Who may be in a store: names of people as it has them, and those who were erased."""
