"""Training the next model of a service, and the comparison that decides whether it answers."""
