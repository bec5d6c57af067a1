"""The card of a saved model: true counts and figures, and nobody's id."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from graph_schema.privacy.key import PseudonymKey
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec import Recommender
from kgrec.config import PrivacyConfig, RecommenderConfig
from kgrec.errors import ModelError, RequestError
from kgrec.model_card import CardRequest, ModelCard, make_card
from kgrec.model_card.facts import PrivacyState, Settings
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender.catalogs import config, frames

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
REQUEST = CardRequest("Shop <b>|*", "Ada", ("our shop",), ("CC BY 4.0",))


def people() -> tuple[Catalog, list[str]]:
    """A catalog whose users have random ids, names and texts, and all of these words."""
    given = frames()
    ids = {one: secrets.token_hex(16) for one in given["users"]["user_id"]}
    names = [secrets.token_hex(8) for _ in ids]
    for name in ("users", "interactions", "reviews", "queries"):
        given[name] = given[name].assign(user_id=given[name]["user_id"].map(ids))
    facts = given["facts"]
    for end in ("head", "tail"):
        facts[end] = facts[end].map(lambda one: ids.get(one, one))
    texts = [secrets.token_hex(8) for _ in range(len(given["reviews"]))]
    given["reviews"] = given["reviews"].assign(text=texts)
    given["users"] = given["users"].assign(name=names)
    return Catalog.from_frames(**given), [*ids.values(), *names, *texts]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, Path, list[str]]:
    catalog, words = people()
    model = Recommender(config({"blind_to": ("gender",)}, effort="quick")).fit(catalog, seed=1)
    folder = tmp_path_factory.mktemp("card") / "model"
    model.save(folder)
    return model, folder, words


@pytest.fixture(scope="module")
def card(saved: tuple[Recommender, Path, list[str]]) -> ModelCard:
    return make_card(saved[0], saved[1], REQUEST, now=NOW)


def test_no_word_of_a_person_is_in_any_form(
    card: ModelCard, saved: tuple[Recommender, Path, list[str]], tmp_path: Path
) -> None:
    for suffix in (".md", ".html", ".json"):
        text = card.save(tmp_path / f"card{suffix}").read_text()
        assert [word for word in saved[2] if word in text] == []


def test_counts_are_those_of_the_data(card: ModelCard) -> None:
    given = frames()
    sheet = card.sheet
    assert sheet.rows["users"] == len(given["users"])
    assert sheet.rows["interactions"] == len(given["interactions"])
    assert sheet.rows["facts"] == len(given["facts"])
    assert dict(sheet.splits) == given["interactions"]["split"].value_counts().to_dict()
    days = pd.to_datetime(given["interactions"]["timestamp"], unit="s")
    assert (sheet.first, sheet.last) == (str(days.min().date()), str(days.max().date()))
    assert sheet.ratings == (1.0, 5.0)
    assert sheet.user_attributes["gender"] == {"known": 1.0, "values": 2.0}
    assert sheet.unique_users == 1.0  # each has a name of their own
    trained = given["interactions"].query("split == 'train'")["item_id"].nunique()
    assert sheet.untrained_items == pytest.approx(1 - trained / len(given["items"]))


def test_figures_are_those_of_evaluate_and_fairness(
    card: ModelCard, saved: tuple[Recommender, Path, list[str]]
) -> None:
    model = saved[0]
    assert card.quality.metrics == model.evaluate().metrics
    report = model.fairness(by=["gender"], explained=0)
    assert card.quality.users["gender"] == report.user_groups["gender"]
    assert "name" not in card.quality.users  # as many values as users
    assert f"{card.quality.metrics['ndcg@10']:.4f}" in card.to_markdown()


def test_groups_of_few_people_are_left_out(saved: tuple[Recommender, Path, list[str]]) -> None:
    made = make_card(saved[0], saved[1], CardRequest(by=("name", "age")))
    shown = [one.users for groups in made.quality.users.values() for one in groups.values()]
    assert min(shown) >= 5
    assert made.quality.hidden > 0
    assert f"{made.quality.hidden} groups of fewer than 5 users" in made.to_markdown()


def test_who_when_and_hash(card: ModelCard, saved: tuple[Recommender, Path, list[str]]) -> None:
    manifest = (saved[1] / "manifest.json").read_bytes()
    assert card.origin.hash == hashlib.sha256(manifest).hexdigest()
    assert (card.origin.made, card.origin.author) == ("2026-11-30 12:00 UTC", "Ada")
    assert {"Python", "torch", "kgrec"} <= set(card.origin.versions)
    assert "model.blind_to" in card.settings.changed
    assert "gender" in " ".join(card.privacy.section().sentences)


def test_forms_say_the_same_and_hold_no_markup_of_the_data(card: ModelCard) -> None:
    page, text = card.to_html(), card.to_markdown()
    assert "<b>|" not in page
    assert "Shop &lt;b&gt;|*" in page
    assert "# Model card: Shop \\<b\\>\\|\\*" in text
    assert "<script" not in page
    for heading in ("Quality", "Known limits", "Privacy", "Data sheet", "Who and when"):
        assert f"## {heading}" in text
        assert f"<h2>{heading}</h2>" in page
    values = json.loads(json.dumps(card.to_dict()))
    assert values["sheet"]["rows"]["users"] == card.sheet.rows["users"]


def test_privacy_is_read_from_the_model() -> None:
    given = {"erased": {"people": 3, "parts": ["parameters"]}}
    config = RecommenderConfig(privacy=PrivacyConfig(epsilon=5.0, delta=1e-4))
    sheet = _sheet(pseudonymise(people()[0], PseudonymKey(b"k" * 32)))
    said = " ".join(PrivacyState.of(config, given, sheet).section().sentences)
    assert PseudonymKey(b"k" * 32).fingerprint in said
    assert "Trained with 3 people since erased." in said
    assert "epsilon = 5.0, delta = 0.0001" in said
    plain = PrivacyState.of(RecommenderConfig(), {}, _sheet(people()[0]))
    assert (plain.pseudonyms, plain.people_erased, plain.privacy) == ("", 0, None)


def _sheet(catalog: Catalog) -> Any:
    from kgrec.graph.source import catalog_snapshot
    from kgrec.model_card.data_sheet import DataSheet

    return DataSheet.of(catalog_snapshot(catalog))


def test_settings_name_their_evidence_and_no_folder() -> None:
    text = RecommenderConfig().text.model_copy(update={"model": "/srv/models/bert"})
    history = [{"epoch": 1.0, "valid_ndcg@10": 0.1}, {"epoch": 2.0, "valid_ndcg@10": 0.2}]
    manifest = {"history": history, "tuning": [{}, {}], "files": {}}
    found = Settings.of(RecommenderConfig(text=text), manifest)
    assert found.changed == {"text.model": "bert"}
    assert "Epoch 2" in found.evidence[0]
    assert "0.2000" in found.evidence[0]
    assert "2 trials" in found.evidence[1]


def test_data_without_times_ratings_facts_and_tests(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame({"user_id": rng.integers(0, 20, 200), "item_id": rng.integers(0, 15, 200)})
    model = Recommender(config(effort="quick")).fit(
        Catalog.from_frames(interactions=pairs.drop_duplicates())
    )
    model.save(tmp_path / "model")
    made = make_card(model, tmp_path / "model")
    assert (made.sheet.first, made.sheet.ratings, made.sheet.unique_users) == (None, None, None)
    assert made.quality.split == ""
    said = " ".join(made.limits)
    assert "no times" in said
    assert "no facts" in said
    assert "no test rows" in said


def test_wrong_requests_are_refused(
    card: ModelCard, saved: tuple[Recommender, Path, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=r"written as \.md, \.html, \.json"):
        card.save(tmp_path / "card.pdf")
    with pytest.raises(RequestError, match="no attribute 'height'"):
        make_card(saved[0], saved[1], CardRequest(by=("height",)))
    with pytest.raises(ModelError):
        make_card(saved[0], tmp_path)


@pytest.mark.slow
def test_the_command(saved: tuple[Recommender, Path, list[str]], tmp_path: Path) -> None:
    store = tmp_path / "catalog.kgl"
    kgrec("load", _folder(tmp_path), "--store", store)
    said = kgrec(
        *("card", "--model", saved[1], "--out", tmp_path / "card.html", "--store", store),
        *("--licence", "MIT", "--source", "the shop"),
    )
    assert "card.html" in said.stdout
    page = (tmp_path / "card.html").read_text()
    assert "The store since then" in page
    assert "MIT" in page
    printed = kgrec_json("card", "--model", saved[1], "--no-metrics", "--json")
    assert printed["quality"]["metrics"] == {}
    kgrec("card", "--model", saved[1], "--out", tmp_path / "card.txt", expect=1)


def _folder(place: Path) -> Path:
    folder = place / "data"
    folder.mkdir()
    (folder / "interactions.csv").write_text("user_id,item_id\nu,i\n")
    return folder
