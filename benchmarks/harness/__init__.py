"""What all benchmarks share: data sets, runs, rows and reports."""
