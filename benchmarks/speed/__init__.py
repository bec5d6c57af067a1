"""Data and bounds for benchmarks of time and memory."""
