"""Lists under rules: made-up rules and checks, latency, and a linear programme to compare with."""
