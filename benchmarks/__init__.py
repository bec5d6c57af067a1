"""One command for each claim: ``python -m benchmarks.NAME`` from the repository's root."""
