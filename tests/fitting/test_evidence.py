"""What a fit compared is kept with the model, and reported in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgrec import Recommender, why_model
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.races import shape_race
from kgrec.model_card.why_model import NOT_KEPT, choices_of
from kgrec.persistence.model_folder import write_state
from tests.recommender import catalogs


def test_the_difference_to_the_chosen_option_has_its_error() -> None:
    evidence, none, some = Evidence(), np.zeros(4), np.array([0.0, 1.0, 0.0, 1.0])
    evidence.compared("weights", [("without", none), ("with", some), ("with", none)], "with")
    (found,) = evidence.decisions
    assert [one.ndcg for one in found.options] == [0.0, 0.5]
    assert found.rival is not None
    assert found.rival.error == pytest.approx(0.25)
    assert found.within_chance, "0.5 is two standard errors"
    assert Decision.of_json(found.to_json()) == found


def test_one_option_alone_is_no_comparison() -> None:
    evidence = Evidence()
    evidence.compared("weights", [("with", np.ones(3))], "with")
    evidence.means("examples", [("auto", 0.1)], "auto")
    assert not evidence.decisions


def test_a_saved_model_tells_what_was_compared(tmp_path: Path) -> None:
    model = Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")
    model.save(tmp_path / "model")
    reported = why_model(tmp_path / "model")
    assert reported == why_model(model)
    by_subject = {one.subject: one for one in reported.choices}
    assert "NDCG@10 ." in by_subject["weights"].evidence
    assert by_subject["weights"].change.startswith("model.use_item_weights")
    text = (tmp_path / "model" / "decisions.json").read_text("utf-8")
    snapshot = model.snapshot
    assert not any(f'"{one}"' in text for one in (*snapshot.users.ids, *snapshot.items.ids))


def test_a_model_of_before_says_so(tmp_path: Path) -> None:
    model = Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")
    write_state(replace(model.state, decisions=None), tmp_path / "old")
    assert str(why_model(tmp_path / "old")) == NOT_KEPT
    assert Recommender.load(tmp_path / "old").state.decisions is None
    assert not choices_of(None).kept


@pytest.mark.slow
def test_thorough_compares_heads_and_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, catalog = catalogs.config(epochs=2), catalogs.catalog()
    few = Recommender(settings).fit(catalog, effort="thorough").state.decisions or ()
    assert {one.reason for one in few if one.subject in ("head", "layers")} == {"few"}
    monkeypatch.setattr(shape_race, "FEWEST", 10)
    model = Recommender(settings).fit(catalog, effort="thorough")
    found = {one.subject: one for one in model.state.decisions or ()}
    assert len(found["head"].options) == 3, "the last round has the default and two rivals"
    assert {one.name for one in found["layers"].options} == {"one layer", "2 layers"}
    shape = model.state.engine.model.shape
    assert shape.head == found["head"].chosen
    assert (shape.kg_layers == 1) == (found["layers"].chosen == "one layer")
