"""Parts of ``python -m benchmarks.text``."""
