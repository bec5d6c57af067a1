"""Rows and controls of the benchmarks of scenarios."""
