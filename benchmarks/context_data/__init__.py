"""Data and protocols of ``benchmarks.context``."""
