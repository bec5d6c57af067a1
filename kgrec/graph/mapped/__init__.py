"""A snapshot as a folder of raw columns, which is mapped and not read."""

from __future__ import annotations

from kgrec.graph.mapped.folder import is_snapshot, open_snapshot, save_snapshot

__all__ = ["is_snapshot", "open_snapshot", "save_snapshot"]
