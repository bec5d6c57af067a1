"""Objectives of fine-tuning, one file each."""
