"""erase(): people leave every byte of stores, models and caches, and nothing brings them back."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph_schema import Catalog
from graph_schema.privacy.key import make_key, read_key
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec import PrivacyConfig, Recommender, RecommenderConfig, erase
from kgrec.config import RatingConfig
from kgrec.erasure import lift
from kgrec.erasure.fitted import erased_state
from kgrec.erasure.traces import find_traces
from kgrec.errors import CatalogError, ErasureError, ModelError, RequestError, SourceError
from kgrec.graph.mapped import open_snapshot, save_snapshot
from kgrec.graph.snapshot import rows_in
from kgrec.graph.source import read_source
from kgrec.persistence.model_folder import erased_of, saved_precision
from kgrec.stores import EmbeddedStore
from kgrec.stores.people.erased_people import ErasedPeople, Tombstones
from kgrec.text import EmbeddingCache
from tests.erasure.planted import Planted, hashes, planted, quick, written
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def plant() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def made(plant: Planted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store ``graph.kgl`` and the quick model ``model``."""
    folder = tmp_path_factory.mktemp("made")
    store = written(folder, plant.catalog)
    with EmbeddedStore(store) as graph:
        quick(graph).save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def never(plant: Planted, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A quick model that never saw the planted people."""
    with EmbeddedStore(written(tmp_path_factory.mktemp("never"), plant.rest)) as graph:
        return quick(graph)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy for one test."""
    return Path(shutil.copytree(made, tmp_path / "own"))


def test_nothing_is_left_in_any_byte(plant: Planted, own: Path) -> None:
    store, model = own / "graph.kgl", own / "model"
    before = find_traces([own], plant.needles)
    assert {Path(name).name for name in before} >= {"graph.kgl", "users.parquet", "reviews.parquet"}
    assert before[str(store)] == len(plant.needles)
    receipt = erase(plant.people, stores=[store], models=[model], check=True)
    assert find_traces([own], plant.needles) == {} == receipt.traces
    for kind in ("store", "model"):
        (place,) = [one for one in receipt.places if one.kind == kind]
        assert place.removed["users"] == 4
        assert place.removed["interactions"] == 4 * catalogs.PER_USER
        assert place.removed["reviews"] > 0
    text = json.dumps(receipt.to_json())
    assert not any(one in text for one in plant.needles)
    assert len(receipt.people) == receipt.to_json()["people_count"] == 4


def test_a_fit_on_the_rest_is_one_that_never_saw_them(
    plant: Planted, never: Recommender, own: Path, tmp_path: Path
) -> None:
    """To the byte, but for the list of people that a later update leaves out."""
    store = own / "graph.kgl"
    erase(plant.people, stores=[store])
    with EmbeddedStore(store) as graph:
        fresh = quick(graph)
    fresh.save(tmp_path / "after")
    never.save(tmp_path / "never")
    found, expected = hashes(tmp_path / "after"), hashes(tmp_path / "never")
    del found["manifest.json"], expected["manifest.json"]
    assert found.pop("erased.json")
    assert found == expected
    manifests = [
        json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("after", "never")
    ]
    assert manifests[0].pop("erased") == {"people": 0, "parts": []}
    del manifests[0]["files"]["erased.json"]
    assert manifests[0] == manifests[1]
    with pytest.warns(UserWarning, match="erased before"):
        fresh.update(pd.DataFrame({"user_id": plant.people[:1], "item_id": ["i1"]}))
    assert len(fresh.snapshot.users) == catalogs.N_USERS


def test_closed_form_parts_are_those_of_a_refit(plant: Planted, made: Path) -> None:
    state = Recommender.load(made / "model").state
    left, _ = erased_state(state, plant.people)
    assert state.origin is not None
    again = state.origin.refitted(left.engine, left.config)
    assert left.engine.weights is not None
    assert again.weights is not None
    difference = abs(left.engine.weights.matrix - again.weights.matrix)
    assert difference.max() <= 1e-6
    assert state.engine.weights is not None
    before = state.engine.weights.placed(
        rows_in(state.engine.vocabulary.items, left.engine.vocabulary.items)
    )
    assert abs(left.engine.weights.matrix - before.matrix).max() > 1e-3
    for name, value in again.model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), left.engine.model.state_dict()[name].numpy())
    assert str(left.erased) == "nothing was trained with people since erased"


def test_weights_without_nobody_are_the_same(made: Path) -> None:
    state = Recommender.load(made / "model").state
    assert state.origin is not None
    again = state.origin.refitted(state.engine, state.config)
    assert again.weights is not None
    assert state.engine.weights is not None
    assert abs(again.weights.matrix - state.engine.weights.matrix).max() == 0
    left, rows = erased_state(state, ["nobody"])
    assert not any(rows.values())
    assert left.engine is state.engine


def test_others_are_answered_as_by_a_model_without_them(
    plant: Planted, never: Recommender, made: Path
) -> None:
    """Their own rows alone changed: the settings that the fit chose stay."""
    model = Recommender.load(made / "model")
    left = Recommender.of(erased_state(model.state, plant.people)[0])
    users = [one for one in model.snapshot.users.ids if one not in plant.people]
    assert "theirs" in model.state.engine.vocabulary.items
    assert "theirs" not in left.state.engine.vocabulary.items
    assert "theirs" in left.snapshot.items.ids
    answers = left.recommend(users, k=5)
    assert set(answers["user_id"]) == set(users)
    state = model.state
    assert state.origin is not None
    fitted = state.origin.refitted(never.state.engine, never.state.config)
    expected = Recommender.of(replace(never.state, engine=fitted)).recommend(users, k=5)
    pd.testing.assert_frame_equal(answers, expected, rtol=1e-4, atol=1e-4)


def test_doing_it_twice_changes_nothing(plant: Planted, own: Path) -> None:
    places: dict[str, Any] = {"stores": [own / "graph.kgl"], "models": [own / "model"]}
    erase(plant.people, **places)
    before = {**hashes(own / "model"), **hashes(own.joinpath("model"))}
    again = erase(plant.people, **places)
    assert hashes(own / "model") == before
    assert not any(one.removed for one in again.places)


def test_a_replay_does_not_bring_them_back(plant: Planted, own: Path) -> None:
    store, folder = own / "graph.kgl", own / "model"
    erase(plant.people, stores=[store], models=[folder])
    with EmbeddedStore(store) as graph:
        with pytest.warns(UserWarning, match="4 of the people were erased before"):
            graph.write(plant.catalog)
        assert graph.row_counts() == {
            name: table.num_rows for name, table in plant.rest.tables.items()
        } | {"scenarios": graph.row_counts()["scenarios"]}
    assert find_traces([own], plant.needles) == {}
    model = Recommender.load(folder)
    with pytest.warns(UserWarning, match="the model: 4 of the people were erased"):
        model.update(plant.catalog)
    assert not set(plant.people) & set(model.snapshot.users.ids)


def test_who_is_let_back_counts_again(plant: Planted, own: Path) -> None:
    store, folder = own / "graph.kgl", own / "model"
    erase(plant.people, stores=[store], models=[folder])
    assert lift([plant.people[0], "nobody"], stores=[store], models=[folder]) == 1
    with EmbeddedStore(store) as graph:
        with pytest.warns(UserWarning, match="3 of the people"):
            graph.write(plant.catalog)
        assert graph.row_counts()["users"] == catalogs.N_USERS + 1
    model = Recommender.load(folder)
    model.update(pd.DataFrame({"user_id": plant.people[:1], "item_id": ["i1"]}))
    assert plant.people[0] in model.snapshot.users.ids


def test_a_copy_that_was_put_back_is_found(plant: Planted, made: Path, own: Path) -> None:
    store = own / "graph.kgl"
    erase(plant.people, stores=[store])
    shutil.copyfile(made / "graph.kgl", store)
    receipt = erase(stores=[store], again=True)
    assert receipt.places[-1].removed["users"] == 4
    assert find_traces([own / "graph.kgl"], plant.needles) == {}


@pytest.mark.slow
def test_trained_parts_are_marked_until_the_next_fit(
    plant: Planted, never: Recommender, tmp_path: Path
) -> None:
    """A trained model with a recogniser and ratings, saved with 8-bit integers."""
    folder = tmp_path / "trained"
    settings = catalogs.config(epochs=1, refit=False, examples="masks").model_copy(
        update={"ratings": RatingConfig(epochs=1)}
    )
    model = Recommender(settings).fit(plant.catalog).fit_ratings()
    model.save(folder, precision="int8")
    receipt = erase(plant.people[:3], models=[folder], check=True)
    expected = "parameters, ratings: trained with 3 people since erased"
    assert receipt.places[-1].learned == expected
    assert saved_precision(folder) == "int8"
    erase(plant.people[3:], models=[folder])
    assert find_traces([folder], plant.needles) == {}
    loaded = Recommender.load(folder)
    assert str(loaded.state.erased) == expected.replace("3", "4")
    assert (loaded.history, loaded.tuning, loaded.rating_history) == ([], [], [])
    assert (loaded.state.origin, loaded.state.engine.weights) != (None, None)
    loaded.fit_ratings()
    assert loaded.state.erased is not None
    assert loaded.state.erased.parts == ("parameters",)
    assert never.state.erased is None


def test_a_model_of_an_older_version_is_marked(plant: Planted, own: Path) -> None:
    """Its folder does not say how the weights were fitted."""
    manifest = own / "model" / "manifest.json"
    values = json.loads(manifest.read_text())
    del values["origin"]
    manifest.write_text(json.dumps(values))
    erase(plant.people, models=[own / "model"])
    found = erased_of(own / "model")
    assert found is not None
    assert found.people == 4
    assert {"parameters", "item weights"} <= set(found.parts)
    assert find_traces([own / "model"], plant.needles) == {}


def test_caches_checkpoints_and_logs(plant: Planted, own: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cache = EmbeddingCache(tmp_path / "cache")
    texts = plant.catalog.tables["reviews"]["text"].to_pylist()
    cache.put("model", texts, rng.normal(size=(len(texts), 4)))
    kept = plant.rest.tables["reviews"]["text"].to_pylist()
    checkpoint = tmp_path / "state"
    Recommender(catalogs.config(epochs=2)).fit(plant.catalog, checkpoint=checkpoint)
    assert checkpoint.exists()
    log = pd.DataFrame({"list_id": ["a", "b"], "user_id": [plant.people[0], "u1"], "item_id": "i1"})
    log["position"], log["probability"], log["reward"] = 1, 0.1 + 0.2, 0.0
    log.to_csv(tmp_path / "log.csv", index=False)
    log.astype({"user_id": "category"}).to_parquet(tmp_path / "log.parquet")
    log.to_json(tmp_path / "log.jsonl", orient="records", lines=True)
    receipt = erase(
        plant.people,
        stores=[own / "graph.kgl"],
        logs=[tmp_path / f"log.{end}" for end in ("csv", "parquet", "jsonl")],
        checkpoints=[checkpoint],
        caches=[cache.folder],
    )
    removed = {(one.kind, one.place): one.removed for one in receipt.places}
    assert removed["text cache", str(cache.folder)]["vectors"] == len(set(texts) - set(kept))
    assert cache.get("model", kept, 4)[1].all()
    assert not cache.get("model", sorted(set(texts) - set(kept)), 4)[1].any()
    assert removed["checkpoint", str(checkpoint)]["files"] >= 6
    assert list(tmp_path.glob("state*")) == []
    shutil.rmtree(own / "model")  # it was not named
    assert find_traces([tmp_path], plant.needles) == {}
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "log.csv"), log[1:].reset_index(drop=True))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"users": []}, RequestError, "name the people"),
        ({"users": ["x1", "u1"]}, RequestError, "no place has users 'x1', and none was erased"),
        ({"users": "u1", "missing": "skip"}, RequestError, "choose one of"),
        ({"users": "u1", "stores": (), "models": ()}, RequestError, "name a place"),
        ({"users": "u1", "models": ["nothing"]}, ModelError, "not a saved model"),
        ({"users": "u1", "services": ["nothing"]}, RequestError, "not the folder of a service"),
        ({"users": "u1", "logs": ["log.txt"]}, SourceError, "is a .csv, .parquet, .jsonl file"),
    ],
)
def test_what_can_not_be_erased_changes_nothing(
    own: Path, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    before = hashes(own / "model")
    with pytest.raises(error, match=message):
        erase(**{"stores": [own / "graph.kgl"], "models": [own / "model"], **arguments})
    assert hashes(own / "model") == before
    assert not (own / "graph.kgl.erased").exists()


def test_ids_are_found_in_whatever_compresses_them(tmp_path: Path) -> None:
    """Whatever else the file holds, and in values of a dictionary that no row has any more."""
    rng = np.random.default_rng(0)
    content = rng.bytes(300_000) + b"find-me" + rng.bytes(300_000) + b"and-me"
    for name, packed in (
        ("zstd", pa.compress(content, "zstd", asbytes=True)),
        ("gzip", gzip.compress(content)),
        ("plain", content),
    ):
        (tmp_path / name).write_bytes(b"header\x28\xb5\x2f\xfd" + packed + b"more" * 1_000)
    coded = pa.table({"user": pa.array(["find-me", "and-me", "u1"]).dictionary_encode()})
    pq.write_table(coded[2:], tmp_path / "columns.parquet", compression="zstd")
    (tmp_path / "other").write_bytes(rng.bytes(1_000))
    found = find_traces([tmp_path], ["find-me", "and-me", "nothing", "short"])
    assert {Path(name).name: n for name, n in found.items()} == dict.fromkeys(
        ("zstd", "gzip", "plain", "columns.parquet"), 2
    )


def test_a_list_of_people_holds_no_ids(tmp_path: Path) -> None:
    kept = Tombstones().with_users(["7", "ä\ud800"])
    kept.write(tmp_path / "list")
    assert (tmp_path / "list").stat().st_mode & 0o077 == 0
    loaded = Tombstones.read(tmp_path / "list")
    assert loaded == kept
    assert loaded.covered(["7", "8", None, "ä\ud800"]).tolist() == [True, False, False, True]
    assert Tombstones().with_users(["7"]).hashes != kept.hashes
    (tmp_path / "list").write_text("{}")
    with pytest.raises(ErasureError, match="put back a copy"):
        Tombstones.read(tmp_path / "list")
    assert str(ErasedPeople(people=1, parts=("ratings",))).endswith("1 person since erased")


def test_ids_that_no_place_has_can_be_kept_out(own: Path) -> None:
    erase(["later"], stores=[own / "graph.kgl"], models=[own / "model"], missing="ignore")
    model = Recommender.load(own / "model")
    news = Catalog.from_frames(interactions=pd.DataFrame({"user_id": ["later"], "item_id": ["i1"]}))
    with pytest.warns(UserWarning, match="1 of the people"):
        model.update(news)
    assert "later" not in model.snapshot.users.ids


def test_a_snapshot_is_written_anew_without_them(plant: Planted, own: Path, tmp_path: Path) -> None:
    folder, expected = tmp_path / "snapshot", tmp_path / "expected"
    save_snapshot(read_source(plant.catalog, None), folder)
    save_snapshot(read_source(plant.rest, None), expected)
    assert find_traces([folder], plant.needles)
    with pytest.raises(SourceError, match="snapshot"):
        erase(plant.people, snapshots=[own])
    receipt = erase(plant.people, stores=[own / "graph.kgl"], snapshots=[folder], check=True)
    (place,) = [one for one in receipt.places if one.kind == "snapshot"]
    assert place.removed["users"] == 4
    assert find_traces([folder], plant.needles) == {} == receipt.traces
    assert_same_snapshot(open_snapshot(folder), open_snapshot(expected))
    before = hashes(folder)
    assert not erase(plant.people, stores=[own / "graph.kgl"], snapshots=[folder]).places[0].removed
    assert hashes(folder) == before


def test_a_private_model_keeps_its_release_and_says_who_is_in_it(
    plant: Planted, tmp_path: Path
) -> None:
    """Fitting it again would spend its epsilon once more: people leave its graph alone."""
    privacy = PrivacyConfig(epsilon=5.0, delta=1e-3, noise_seed=2)
    model = Recommender(
        RecommenderConfig(privacy=privacy, model={"use_text": False}, training={"effort": "quick"})
    ).fit(plant.catalog)
    model.save(tmp_path / "model")
    stays = catalogs.frames()["users"]["user_id"].tolist()[:20]
    expected = model.rank(stays, k=5)
    receipt = erase(plant.people, models=[tmp_path / "model"], check=True)
    assert receipt.traces == {} == find_traces([tmp_path / "model"], plant.needles)
    assert "parameters, item weights: trained with 4 people since erased" in str(receipt.places)
    left = Recommender.load(tmp_path / "model")
    assert left.state.config.privacy == privacy
    assert not set(plant.people) & set(left.snapshot.users.ids)
    found = left.rank(stays, k=5)
    assert (found.ids == expected.ids).all()
    np.testing.assert_array_equal(found.scores, expected.scores)
    with pytest.warns(UserWarning, match="4 of the people were erased"):
        left.update(plant.catalog)


def test_the_key_finds_people_by_their_own_ids(plant: Planted, tmp_path: Path) -> None:
    make_key(tmp_path / "shop.key")
    key = read_key(tmp_path / "shop.key")
    store = written(tmp_path / "store", pseudonymise(plant.catalog, key))
    with pytest.raises(RequestError, match="where the places have pseudonyms, give the key"):
        erase(plant.people, stores=[store])
    receipt = erase(plant.people, stores=[store], key=key)
    assert receipt.places[-1].removed["users"] == 4
    with EmbeddedStore(store) as graph:
        assert not {*map(key.pseudonym, plant.people)} & {
            *graph.read_nodes("User")["id"].to_pylist()
        }
        with pytest.warns(UserWarning, match="4 of the people were erased before"):
            graph.write(pseudonymise(plant.catalog, key))
        with pytest.raises(CatalogError, match="these rows name people by their own ids"):
            graph.write(plant.catalog)
    assert lift(plant.people[:1], stores=[store], key=key) == 1
