"""A service of a graph whose users are pseudonyms takes no other ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema.privacy.key import PseudonymKey
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec import Recommender
from tests.recommender.catalogs import catalog, config
from tests.serving.running import running

pytestmark = pytest.mark.slow
KEY = PseudonymKey(b"k" * 32)


def test_plain_ids_are_refused_and_pseudonyms_count(tmp_path: Path) -> None:
    model = Recommender(config(effort="quick")).fit(pseudonymise(catalog(), KEY), seed=1)
    model.save(tmp_path / "model")
    mine, other = KEY.pseudonym("new"), PseudonymKey(b"o" * 32).pseudonym("new")
    with running("--model", tmp_path / "model", "--root", tmp_path / "service") as service:
        events = [{"user": user, "item": "i1"} for user in ("new", mine, other)]
        reply = service.post("/v1/events", {"events": events}).json
        assert reply["accepted"] == 1
        refused = {one["index"]: one for one in reply["rejected"]}
        assert set(refused) == {0, 2}
        assert refused[0]["code"] == "named_otherwise"
        assert KEY.fingerprint in refused[0]["detail"]
        assert "i1" not in service.items(mine, k=40)
        made = service.ask("PUT", "/v1/users/plain", {"attributes": {"age": 30}})
        assert (made.status, made.json["code"]) == (422, "named_otherwise")
        assert service.ask("PUT", f"/v1/users/{mine}", {"attributes": {"age": 30}}).status == 200
