"""Drift: whether arriving events are found by lists as well as before, and what moved if not."""

from kgrec.drift.adwin import Adwin, Cut
from kgrec.drift.gains import Arrival, arrival_gains, gain_of
from kgrec.drift.monitor import Alarm, DriftMonitor, Moved, OncePerUser
from kgrec.drift.outgrown import outgrown

__all__ = [
    "Adwin",
    "Alarm",
    "Arrival",
    "Cut",
    "DriftMonitor",
    "Moved",
    "OncePerUser",
    "arrival_gains",
    "gain_of",
    "outgrown",
]
