"""Explanations as sentences, in any language."""
