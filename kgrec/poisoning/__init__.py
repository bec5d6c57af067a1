"""Poisoning: items that fake users may have pushed, and what one user can change."""

from kgrec.poisoning.copies import without_copies
from kgrec.poisoning.hold import HOLD, held_with, hold_rule
from kgrec.poisoning.influence import Influence, influence
from kgrec.poisoning.suspicion import COLUMNS, NEWEST, THRESHOLD, suspicious_items

__all__ = [
    "COLUMNS",
    "HOLD",
    "NEWEST",
    "THRESHOLD",
    "Influence",
    "held_with",
    "hold_rule",
    "influence",
    "suspicious_items",
    "without_copies",
]
