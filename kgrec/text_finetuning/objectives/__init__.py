"""Objectives of fine-tuning, one module each: mlm, contrastive, recommendation."""
