"""The fitted recommenders that tests of whole requests share."""

from __future__ import annotations

from tests.recommender.conftest import fitted, fresh, saved, short

__all__ = ["fitted", "fresh", "saved", "short"]
