"""Leaks: what in the data tells held-out rows, or makes figures on them say less than they seem to
say."""

from kgrec.leaks.finding import Finding, LeakReport
from kgrec.leaks.search import find_leaks

__all__ = ["Finding", "LeakReport", "find_leaks"]
