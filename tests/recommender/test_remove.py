"""remove(): what leaves is in no answer and in no learned table, and nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.config import TextConfig
from kgrec.errors import RequestError
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs
from tests.text.tiny import texts, write_bert

LONE_USER, LONE_ITEM, LONE_ENTITY = "user-who-leaves", "item-that-leaves", "entity-that-leaves"
NAMES = {"u1": LONE_USER, "i3": LONE_ITEM, "e3": LONE_ENTITY}
GONE = {"users": LONE_USER, "items": LONE_ITEM, "entities": LONE_ENTITY}
EVENTS = ["user_id", "item_id", "timestamp"]


def renamed(frames: catalogs.Frames) -> catalogs.Frames:
    """Frames in which three nodes have ids that no other text has a part of."""
    return {name: frame.replace(NAMES) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender with a rating model, a recogniser and item–item weights."""
    folder = tmp_path_factory.mktemp("remove") / "model"
    model = Recommender(catalogs.config(epochs=6))
    model.fit(Catalog.from_frames(**renamed(catalogs.frames()))).fit_ratings()
    assert model.state.recogniser is not None
    assert model.state.engine.weights is not None
    model.save(folder)
    return folder


@pytest.fixture
def model(folder: Path) -> Recommender:
    return Recommender.load(folder)


@pytest.fixture(scope="module")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A saved recommender that reads texts, and the folder of its language model."""
    folder = tmp_path_factory.mktemp("texts")
    bert, cache = folder / "bert", str(folder / "cache")
    text = TextConfig(
        model=str(write_bert(bert)), cache_dir=cache, max_length=32, robust_reviews=True
    )
    frames = renamed(catalogs.frames())
    for name in ("reviews", "queries"):
        frames[name] = frames[name].assign(text=texts(len(frames[name]), seed=len(name)))
    frames["items"] = frames["items"].assign(plot=texts(len(frames["items"]), seed=3, longest=60))
    settings = catalogs.config({"use_text": True}, epochs=3)
    model = Recommender(settings.model_copy(update={"text": text}))
    model.fit(Catalog.from_frames(**frames)).save(folder / "model")
    return folder / "model", bert


@pytest.fixture
def without_language_model(reader_folder: tuple[Path, Path]) -> Iterator[Recommender]:
    """The recommender that reads texts, on a machine that has lost language model and cache."""
    saved, bert = reader_folder
    hidden = bert.with_name("hidden")
    shutil.move(bert, hidden)
    shutil.move(bert.with_name("cache"), bert.with_name("hidden-cache"))
    yield Recommender.load(saved)
    shutil.rmtree(bert.with_name("cache"), ignore_errors=True)
    shutil.move(hidden, bert)
    shutil.move(bert.with_name("hidden-cache"), bert.with_name("cache"))


def everything(recommender: Recommender) -> pd.DataFrame:
    users = recommender.snapshot.users.ids.tolist()
    n_items = len(recommender.snapshot.items)
    return recommender.recommend(users, k=n_items, exclude_seen=False)


REMOVALS: dict[str, Callable[[], dict[str, Any]]] = {
    "users": lambda: {"users": ["u2", LONE_USER]},
    "items": lambda: {"items": ["i2", LONE_ITEM]},
    "entities": lambda: {"entities": [f"e{n}" for n in range(4) if n != 3]},
    "several": lambda: {"users": "u5", "items": "i4", "entities": LONE_ENTITY},
    "pairs": lambda: {"interactions": events().iloc[::7][["user_id", "item_id"]]},
    "interactions": lambda: {"interactions": events().iloc[::7]},
    "all interactions": lambda: {"interactions": events()[EVENTS]},
    "facts": lambda: {"facts": renamed(catalogs.frames())["facts"].iloc[::5]},
    "all facts": lambda: {"facts": renamed(catalogs.frames())["facts"]},
}


def events() -> pd.DataFrame:
    return renamed(catalogs.frames())["interactions"]


@pytest.mark.parametrize("name", REMOVALS)
def test_a_model_and_a_store_remove_the_same(model: Recommender, tmp_path: Path, name: str) -> None:
    asked = REMOVALS[name]()
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(Catalog.from_frames(**renamed(catalogs.frames())))
        report = store.remove(**asked)
        assert model.remove(**asked) == report
        assert_same_snapshot(model.state.full_snapshot, read_snapshot(store))
        with pytest.raises(RequestError, match="not in the graph"):
            model.remove(**asked)
        again = store.remove(**asked, missing="ignore")
        before = model.state
        assert model.remove(**asked, missing="ignore") == again
        assert model.state is before
        assert not any(again.rows.values())


def test_texts_leave_by_their_ids(model: Recommender) -> None:
    snapshot = model.state.full_snapshot
    report = model.remove(reviews=snapshot.reviews.id[:2], queries=snapshot.queries.id[5])
    assert {name: n for name, n in report.rows.items() if n} == {"reviews": 2, "queries": 1}
    after = model.state.full_snapshot
    assert after.reviews.id.tolist() == snapshot.reviews.id[2:].tolist()
    assert len(after.queries) == len(snapshot.queries) - 1


def test_what_has_left_is_in_no_answer(model: Recommender) -> None:
    model.remove(**GONE)
    items = model.snapshot.items.ids.tolist()
    assert LONE_ITEM not in set(everything(model)["item_id"])
    assert LONE_ITEM not in set(model.similar(items, k=50)["similar_id"])
    assert LONE_ITEM not in set(model.search("songs on stage", k=50)["item_id"])
    user = "u3"
    answers = [
        *model.explain_all(user, items[:10], k=50),
        model.why_not(user, items[-1], k=2),
        model.compare(user, items[0], items[1]),
        model.counterfactual(user, model.recommend(user, k=1)["item_id"][0]),
        model.importance("entity", users=20),
        model.fairness(k=3, explained=5),
        model.evaluate(keep_users=True),
        *(model.graph.neighbours(("Item", item), k=500) for item in items[:12]),
        *(model.graph.neighbours(("Entity", f"e{n}"), k=500) for n in (0, 7)),
    ]
    for answer in answers:
        text = answer.to_string() if isinstance(answer, pd.DataFrame) else str(answer)
        assert not any(gone in text for gone in GONE.values())
    for ask in (model.recommend, model.recognise, lambda one: model.explain(one, "i5")):
        with pytest.raises(RequestError, match=f"'{LONE_USER}' is not in the graph"):
            ask(LONE_USER)
    for ask in (model.similar, lambda one: model.explain(user, one), lambda one: model.recommend(
            user, candidates=[one])):  # fmt: skip
        with pytest.raises(RequestError, match=f"'{LONE_ITEM}' is not in the graph"):
            ask(LONE_ITEM)
    with pytest.raises(RequestError, match=LONE_ITEM):
        model.predict(pd.DataFrame({"user_id": [user], "item_id": [LONE_ITEM]}))
    with pytest.raises(RequestError, match=LONE_ENTITY):
        model.explain(user, "i5", avoid=[LONE_ENTITY])


def test_the_saved_folder_has_no_trace_and_answers_alike(
    model: Recommender, tmp_path: Path
) -> None:
    model.remove(**GONE)
    model.save(tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        found = file.is_file() and file.read_bytes()
        assert not any(gone.encode() in (found or b"") for gone in GONE.values()), file
    tables = [pd.read_parquet(file) for file in (tmp_path / "model").glob("*.parquet")]
    assert not any(table.isin(list(GONE.values())).any(axis=None) for table in tables)
    loaded = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(everything(loaded), everything(model), check_exact=True)
    pairs = events()[["user_id", "item_id"]]
    pairs = pairs[~pairs.isin(list(GONE.values())).any(axis=1)].head(50)
    pd.testing.assert_frame_equal(loaded.predict(pairs), model.predict(pairs), check_exact=True)
    users = ["u3", "u4"]
    pd.testing.assert_frame_equal(loaded.recognise(users), model.recognise(users), check_exact=True)


def test_learned_rows_are_deleted_and_the_others_kept(model: Recommender) -> None:
    before = model.state
    model.remove(**GONE)
    after = model.state
    old, new = (state.engine.vocabulary for state in (before, after))
    items = np.flatnonzero(old.items != LONE_ITEM)
    entities = np.flatnonzero(old.entities != LONE_ENTITY)
    assert new.items.tolist() == old.items[items].tolist()
    assert new.entities.tolist() == old.entities[entities].tolist()
    assert (len(new.items), len(new.entities)) == (len(old.items) - 1, len(old.entities) - 1)
    rows = {"query_id": items, "candidate_id": items, "entity": entities, "item_bias": items}
    pairs = [(before.engine.model, after.engine.model), (before.rating_model, after.rating_model)]
    for one, other in pairs:
        tables = other.state_dict()  # type: ignore[union-attr]
        for name, table in one.state_dict().items():  # type: ignore[union-attr]
            kept = rows.get(name.rpartition(".")[2])
            if kept is not None:
                table = table[kept]
            if name not in ("own", "own_row"):
                assert bool((table == tables[name]).all()), name
    weights = (before.engine.weights, after.engine.weights)
    dense = [one.matrix.toarray() for one in weights if one is not None]
    np.testing.assert_array_equal(dense[0][np.ix_(items, items)], dense[1])
    recognisers = [state.recogniser.model for state in (before, after) if state.recogniser]
    for name in ("odds", "popularity", "item_weight", "idf", "basis"):
        values = [getattr(one, name) for one in recognisers]
        np.testing.assert_array_equal(values[0][items], values[1])


def test_nothing_changes_for_histories_that_the_item_is_no_part_of(tmp_path: Path) -> None:
    """Without facts and texts items know of one another only by those who chose them."""
    plain = catalogs.catalog(facts=None, reviews=None, queries=None, entities=None)
    model = Recommender(catalogs.config(epochs=4)).fit(plain).fit_ratings()
    histories = {"a": ["i1", "i5", "i9"], "b": ["i2"], "c": []}
    before = model.recommend(histories=histories, k=40).query("item_id not in ['i0', 'i7']")
    rated = catalogs.frames()["interactions"]
    touched = set(rated[rated["item_id"].isin(["i0", "i7"])]["user_id"])
    pairs = pd.DataFrame({"user_id": sorted(set(rated["user_id"]) - touched)}).assign(item_id="i3")
    likes = model.predict(pairs)["like"]
    assert len(pairs) > 5
    model.remove(items=["i0", "i7"], users=sorted(touched)[:3])
    after = model.recommend(histories=histories, k=40)
    columns = ["user_id", "item_id", "score"]
    pd.testing.assert_frame_equal(
        before[columns].reset_index(drop=True), after[columns], rtol=0, atol=2e-5
    )
    np.testing.assert_allclose(model.predict(pairs)["like"], likes, atol=1e-6)


def test_one_that_comes_back_is_new(model: Recommender, folder: Path) -> None:
    """An item that left and returns scores as any new item with the same facts does."""
    other = Recommender.load(folder)
    for one, name in ((model, LONE_ITEM), (other, "never-seen")):
        one.remove(items=LONE_ITEM)
        facts = pd.DataFrame(
            [(name, "item", "made_by", "e1", "entity")],
            columns=["head", "head_type", "relation", "tail", "tail_type"],
        )
        one.update(Catalog.from_frames(facts=facts))
    scores = [
        one.recommend(histories={"x": ["i1", "i5"]}, k=1, candidates=[name])["score"][0]
        for one, name in ((model, LONE_ITEM), (other, "never-seen"))
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    model.update(events()[events()["user_id"] == "u4"])
    model.remove(users="u4")
    rows = pd.DataFrame({"user_id": "u4", "item_id": ["i1", "i5"]})
    model.update(rows)
    given = model.recommend(histories={"x": ["i1", "i5"]}, k=5)
    assert model.recommend("u4", k=5)["item_id"].tolist() == given["item_id"].tolist()


def test_what_is_missing_is_named_and_nothing_changes(model: Recommender) -> None:
    before = model.state
    with pytest.raises(RequestError, match=r"users 'u99'; items 'x', 'y'; facts row 0") as caught:
        model.remove(
            users=["u1", "u2", "u99"][1:],
            items=["x", "i1", "y"],
            facts=pd.DataFrame(
                {
                    "head": ["i1"],
                    "head_type": "item",
                    "relation": "made_by",
                    "tail": "nobody",
                    "tail_type": "entity",
                }
            ),
        )
    assert "Nothing was removed" in str(caught.value)
    assert model.state is before
    report = model.remove(users=["u2", "u99"], items=["x"], missing="ignore")
    assert (report.rows["users"], report.missing["users"], report.missing["items"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"items": [f"i{n}" for n in range(40) if n != 3] + [LONE_ITEM]}, "trained on would be"),
        ({"users": None}, "must be an id or a list of ids"),
        ({"missing": "skip"}, "choose one of .error., .ignore."),
        ({"interactions": events().assign(device="tv")}, "keeps no column 'device'"),
        ({"facts": pd.DataFrame({"head": ["i1"]})}, "relation"),
    ],
)
def test_a_removal_that_can_not_be_changes_nothing(
    model: Recommender, wrong: dict[str, Any], message: str
) -> None:
    before = model.state
    with pytest.raises(RequestError, match=message):
        model.remove(**wrong)
    assert model.state is before


def test_a_model_without_users_still_answers_histories(model: Recommender) -> None:
    model.remove(users=model.snapshot.users.ids)
    assert len(model.snapshot.users) == len(model.snapshot.interactions) == 0
    assert len(model.recommend(histories={"x": ["i1", "i5"]}, k=5)) == 5
    assert len(model.similar("i1", k=5)) == 5
    model.explain("x", "i5", history=["i1"])
    with pytest.raises(RequestError, match="nobody has a history or test rows"):
        model.fairness()
    with pytest.raises(RequestError, match="split 'test'"):
        model.evaluate()


def test_an_adapted_scenario_stays(model: Recommender) -> None:
    model.adapt("gifts", [("u3", "i1"), ("u4", "i5"), ("u6", "i9")], description="Presents.")
    before = model.recommend(histories={"x": ["i1"]}, k=40, scenario="gifts")
    model.remove(users=["u3", "u7"])
    after = model.recommend(histories={"x": ["i1"]}, k=40, scenario="gifts")
    assert after["item_id"].tolist() == before["item_id"].tolist()
    model.remove(items=LONE_ITEM)
    assert len(model.recommend(histories={"x": ["i1"]}, k=40, scenario="gifts")) == 38


def test_removals_of_several_threads_all_take_effect(model: Recommender) -> None:
    gone = [f"i{n}" for n in range(10, 16)]
    threads = [Thread(target=model.remove, kwargs={"items": item}) for item in gone]
    threads += [
        Thread(target=model.update, args=[pd.DataFrame({"user_id": [f"n{i}"], "item_id": ["i1"]})])
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not set(gone) & set(model.snapshot.items.ids)
    assert {"n0", "n1"} <= set(model.snapshot.users.ids)


@pytest.mark.slow
def test_no_text_is_encoded_again(without_language_model: Recommender) -> None:
    model = without_language_model
    before = model.state.engine
    model.remove(**GONE, reviews=model.state.full_snapshot.reviews.id[:3])
    after = model.state.engine
    places = before.snapshot.items.rows(after.snapshot.items.ids)
    np.testing.assert_array_equal(after.texts.items["text"], before.texts.items["text"][places])
    rows = before.snapshot.reviews
    place = {name: n for n, name in enumerate(rows.id)}
    own = [place[name] for name in after.snapshot.reviews.id]
    n_reviews = len(own)
    np.testing.assert_array_equal(after.texts.events[:n_reviews], before.texts.events[own])
    same = ~np.isin(np.arange(len(after.snapshot.items)), after.snapshot.reviews.item)
    assert not after.texts.items["reviews"][same].any()


@pytest.mark.slow
def test_vectors_are_those_of_the_language_model(reader_folder: tuple[Path, Path]) -> None:
    model = Recommender.load(reader_folder[0])
    model.remove(**GONE, interactions=events().query("item_id == 'i5'")[["user_id", "item_id"]])
    state = model.state
    again = state.reader.read(state.snapshot)
    for part, rows in again.items.items():
        np.testing.assert_allclose(rows, state.engine.texts.items[part], atol=1e-5, err_msg=part)
    np.testing.assert_allclose(again.events, state.engine.texts.events, atol=1e-6)


@pytest.mark.slow
def test_texts_of_all_items_may_leave(reader_folder: tuple[Path, Path], tmp_path: Path) -> None:
    model = Recommender.load(reader_folder[0])
    snapshot = model.state.full_snapshot
    model.remove(reviews=snapshot.reviews.id, queries=snapshot.queries.id)
    answers = everything(model)
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(everything(loaded), answers, check_exact=True)
    loaded.update(pd.DataFrame({"user_id": ["new"], "item_id": ["i1"]}))
    assert len(loaded.recommend("new", k=3)) == 3
    result = loaded.explain("new", "i5")
    assert result.baseline + sum(result.parts.values()) == pytest.approx(result.score, abs=1e-5)
