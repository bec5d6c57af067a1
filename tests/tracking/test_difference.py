"""What differs between two models."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.tracking import compare_models
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender import catalogs


def test_a_model_does_not_differ_from_itself(fitted: Recommender) -> None:
    found = compare_models(fitted, fitted)
    assert (found.settings, found.data, found.parts, found.notes) == ({}, {}, {}, ([], []))
    assert found.lists is not None
    assert (found.lists.users, found.lists.overlap, found.lists.equal) == (catalogs.N_USERS, 1, 1)
    assert found.lists.rank_correlation == 1


def test_what_differs_is_named(fitted: Recommender, short: Recommender) -> None:
    found = compare_models(fitted, short, ("long", "short"), users=20, k=5, seed=3)
    assert found.settings["training.epochs"] == ("40", "2")
    assert found.data == {}
    assert found.figures["valid_ndcg@10"][1] == short.history[-1]["valid_ndcg@10"]
    assert {"features.candidate_id", "item_bias", "item–item weights"} <= set(found.parts)
    assert found.lists is not None
    assert (found.lists.users, found.lists.k) == (20, 5)
    assert 0 < found.lists.overlap < 1
    assert found.lists.equal < 1
    again = compare_models(fitted, short, ("long", "short"), users=20, k=5, seed=3)
    assert again == found
    text = str(found)
    assert "training.epochs: 40 -> 2" in text
    assert "only of short: Epoch 2 of 2" in text


def test_folds_differ_in_their_data(fresh: Recommender, fitted: Recommender) -> None:
    news = catalogs.frames()["interactions"].tail(1).assign(timestamp=2_000_000_000, split="train")
    fresh.update(Catalog.from_frames(interactions=news))
    found = compare_models(fitted, fresh)
    events = len(catalogs.frames()["interactions"])
    assert found.data["interactions"] == (events, events + 1)
    assert set(found.data) == {"interactions", "last", "digest"}
    assert found.settings == {}
    assert set(found.parts) <= {"item–item weights"}


@pytest.mark.parametrize("wrong", [{"users": 0}, {"k": 0}, {"seed": -1}])
def test_numbers_out_of_range(fitted: Recommender, wrong: dict[str, int]) -> None:
    with pytest.raises(RequestError):
        compare_models(fitted, fitted, **wrong)  # type: ignore[arg-type]


def test_the_command_takes_names_and_folders(
    saved: Path, short: Recommender, tmp_path: Path
) -> None:
    short.save(tmp_path / "short")
    root = tmp_path / "service"
    kgrec("models", "add", "spring", saved, "--root", root)
    arguments = ["models", "diff", "spring", tmp_path / "short", "--root", root]
    assert "training.epochs: 40 -> 2" in kgrec(*arguments).stdout
    found = kgrec_json(*arguments, "--users", "5", "--json")
    assert found["settings"]["training.epochs"] == ["40", "2"]
    assert found["lists"]["users"] == 5
    said = kgrec("models", "diff", "spring", "nothing", "--root", root, expect=1).stderr
    assert "nothing is not a saved model" in said
