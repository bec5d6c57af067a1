"""Tuning: a small search over settings, judged on validation rows."""

from kgrec.tuning.search import Try, Tuning, search
from kgrec.tuning.space import SPACE

__all__ = ["SPACE", "Try", "Tuning", "search"]
