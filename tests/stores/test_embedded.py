"""The embedded store: the contract, and what is special about one local file."""

from __future__ import annotations

import pytest

from kgrec.stores import EmbeddedStore
from tests.stores.contract import StoreContract


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        with EmbeddedStore(tmp_path / "graph.kgl") as store:
            yield store
