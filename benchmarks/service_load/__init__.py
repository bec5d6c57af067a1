"""Load on a service: a generator at a constant rate, and the service in a process of its own."""
