"""The fit of differentially private models."""
