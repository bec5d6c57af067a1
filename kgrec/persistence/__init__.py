"""Saved models: a folder of safetensors, Parquet and JSON."""
