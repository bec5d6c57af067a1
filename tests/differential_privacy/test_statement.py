"""The statement of a private fit: budget, noise, what was charged."""

from __future__ import annotations

import json

from kgrec import PrivacyConfig
from kgrec.differential_privacy.mechanism import noise_of
from kgrec.differential_privacy.statement import privacy_statement


def test_it_has_the_budget_and_is_json() -> None:
    found = json.loads(json.dumps(privacy_statement(PrivacyConfig(epsilon=2.0, delta=1e-5))))
    assert (found["epsilon"], found["delta"], found["holds"]) == (2.0, 1e-5, True)
    assert found["noise"] == noise_of(2.0, 1e-5)


def test_a_known_seed_voids_the_promise() -> None:
    known = PrivacyConfig(epsilon=2.0, delta=1e-5, noise_seed=0)
    assert privacy_statement(known)["holds"] is False
