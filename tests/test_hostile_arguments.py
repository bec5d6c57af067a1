"""Every parameter of every public method, with values of wrong, odd and hostile kinds.

The answer is right or a KgrecError, never another exception, and a refused call changes nothing.
"""

from __future__ import annotations

import datetime as dt
import inspect
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graph_schema import Catalog
from kgrec import Constraints, Query, Recommender
from kgrec.errors import KgrecError
from kgrec.explore import GraphExplorer
from tests import test_data_shapes as data_shapes
from tests.recommender import catalogs


class Odd:
    """An object that is nothing kgrec knows."""

    def __repr__(self) -> str:
        return "an odd\nobject"


def _values() -> dict[str, Any]:
    """Values by name; none is right for every parameter."""
    return {
        "None": None,
        "True": True,
        "False": False,
        "zero": 0,
        "one": 1,
        "minus one": -1,
        "a huge integer": 10**30,
        "a negative huge integer": -(2**63) - 1,
        "half": 2.5,
        "a whole float": 3.0,
        "NaN": float("nan"),
        "infinity": float("inf"),
        "a complex number": 1j,
        "no text": "",
        "a blank": " ",
        "an unknown word": "zoe",
        "a long text": "x" * 100_000,
        "control characters": "a\x00b\nc\ud800",
        "a Cypher injection": "i1'}) DETACH DELETE (n) //",
        "a path": "../../etc/passwd",
        "bytes": b"u1",
        "a byte array": bytearray(b"u1"),
        "an empty list": [],
        "an empty tuple": (),
        "an empty dict": {},
        "an empty set": set(),
        "a list of None": [None],
        "a list of NaN": [float("nan")],
        "a list of ints": [1, 2],
        "a list of bools": [True],
        "a list of lists": [["i1"], ["i2"]],
        "a list of dicts": [{"a": 1}],
        "a mixed list": ["u1", 2, None, 3.5],
        "a nested dict": {"a": {"b": {"c": []}}},
        "a dict with odd keys": {None: 1, 2: "x", ("a", "b"): Odd()},
        "a dict of None": {"u1": None},
        "a range": range(3),
        "a generator": (one for one in ("u1", "u2")),
        "a lambda": lambda *_: None,
        "a failing function": lambda *_: 1 / 0,
        "a class": int,
        "an object": Odd(),
        "a list of objects": [Odd()],
        "an integer of NumPy": np.int64(5),
        "a float of NumPy": np.float32("nan"),
        "a text of NumPy": np.str_("u1"),
        "an array of two dimensions": np.zeros((2, 2)),
        "an array of no dimension": np.array("u1"),
        "an array of objects": np.array([None, "u1", 3], dtype=object),
        "an empty array": np.array([]),
        "a Series": pd.Series(["u1", "u2"], index=["a", "b"]),
        "a Series of histories": pd.Series([["i1"], ["i2"]]),
        "an Index": pd.Index(["u1"]),
        "a frame": pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]}),
        "an empty frame": pd.DataFrame(),
        "a frame of other columns": pd.DataFrame({"a": [1, 2]}),
        "a frame with a gap": pd.DataFrame({"user_id": ["u1", None], "item_id": [None, "i1"]}),
        "a frame with columns twice": pd.DataFrame([["u1", "i1"]], columns=["user_id", "user_id"]),
        "NA": pd.NA,
        "NaT": pd.NaT,
        "a Timestamp": pd.Timestamp("2024-01-31", tz="Europe/Berlin"),
        "a Timedelta": pd.Timedelta(days=1),
        "a date": dt.date(2024, 1, 31),
        "the last datetime": dt.datetime.max,
        "a datetime of NumPy": np.datetime64("NaT"),
        "a table of Arrow": pa.table({"user_id": ["u1"], "item_id": ["i1"]}),
        "an array of Arrow": pa.array(["u1", None]),
        "a scalar of Arrow": pa.scalar("u1"),
        "a Query": Query("u1"),
        "an empty Query": Query(),
        "Constraints": Constraints(via=[None], relations=[1]),  # type: ignore[list-item]
        "a Path": Path("/proc/nothing"),
        "an exception": ValueError("x"),
        "a decimal number": Decimal("1.5"),
        "a sparse Series": pd.Series(pd.arrays.SparseArray([1, 0, 2])),
        **_nested(),
    }


def _nested() -> dict[str, Any]:
    """Odd values inside of what parameters take: lists, pairs, histories, columns."""
    odd: dict[str, Any] = {
        "NaN": float("nan"),
        "NA": pd.NA,
        "NaT": pd.NaT,
        "True": True,
        "an integer beyond int64": 2**63,
        "an integer beyond floats": 10**400,
        "a float near the limit": 1e300,
        "no text": "",
        "half a sign": "\ud800",
        "bytes": b"i1",
        "a list": ["i1"],
        "an array": np.zeros(2),
        "a set": frozenset({"i1"}),
        "an object": Odd(),
    }
    inside: dict[str, Callable[[Any], Any]] = {
        "a list of {}": lambda one: ["u1", one],
        "a pair with {}": lambda one: [("u1", one)],
        "a pair that begins with {}": lambda one: [(one, "i1")],
        "a mapping to {}": lambda one: {"u1": one},
        "a history with {}": lambda one: {"u1": ["i1", one]},
        "a history with times and {}": lambda one: {"u1": [("i1", 5), ("i2", one)]},
        "ratings of {}": lambda one: {"u1": {one if isinstance(one, Hashable) else 1: 5}},
        "a rating of {}": lambda one: {"u1": {"i1": one}},
        "a frame with {}": lambda one: pd.DataFrame(
            {"user_id": ["u1", one], "item_id": [one, "i1"]}, dtype=object
        ),
    }
    return {
        name.format(what): build(one) for what, one in odd.items() for name, build in inside.items()
    }


PAIRS = pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]})
LOG = PAIRS.assign(list_id="a", position=1, probability=0.5, reward=1)
# What a right call of each method needs, beside the parameter that is tried.
NEEDED: dict[str, dict[str, Any]] = {
    "adapt": {"scenario": "web", "examples": [("u1", "i1")]},
    "compare": {"user": "u1", "item_a": "i1", "item_b": "i2"},
    "counterfactual": {"user": "u1", "item": "i1", "max_events": 1},
    "explain": {"user": "u1", "item": "i1"},
    "explain_all": {"user": "u1", "items": ["i1"]},
    "evaluate": {},
    "fairness": {"explained": 0},
    "held": {"users": "u1"},
    "importance": {"users": ["u1"]},
    "judge": {"log": LOG},
    "log_query": {"user": "u1", "text": "tale"},
    "page": {"user": "u1", "path": "page.html", "k": 1, "paths": 1},
    "predict": {"pairs": PAIRS},
    "rank": {"users": "u1", "explore": 0.1},
    "recognise": {"users": "u1"},
    "recommend": {"users": "u1"},
    "recommend_users": {"items": "i1"},
    "remove": {},
    "rerank": {"users": "u1", "group": "tail", "boost": 1.0},
    "rule_effects": {"users": "u1"},
    "score": {"pairs": PAIRS},
    "search": {"text": "tale"},
    "similar": {"items": "i1"},
    "similar_users": {"users": "u1"},
    "update": {"news": PAIRS},
    "ask": {},
    "explain_answers": {"answers": {"i1": "yes"}, "item": "i2"},
    "explain_user": {"user": "u1", "other": "u2"},
    "unsure": {},
    "vectors": {},
    "why_not": {"user": "u1", "item": "i1"},
    "words": {"user": "u1", "item": "i1"},
}
SLOW = {"fit", "fit_ratings", "save", "load"}  # train or write: tried in tests of their own
STATES = {"of"}  # takes what ``state`` gives


def _methods() -> list[str]:
    public = inspect.getmembers(Recommender, callable)
    return [name for name, _ in public if not name.startswith("_") and name not in STATES]


def _parameters(method: str) -> list[str]:
    names = list(inspect.signature(getattr(Recommender, method)).parameters)
    return [name for name in names if name not in ("self", "progress")]


CASES = [
    (method, parameter)
    for method in _methods()
    if method in NEEDED
    for parameter in _parameters(method)
]


def test_every_method_is_tried() -> None:
    assert set(_methods()) == {*NEEDED, *SLOW}


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    model = Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog())
    return model.fit_ratings(like=4.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("method", "parameter"), CASES)
def test_an_answer_or_an_error_of_kgrec(
    calls: Calls,
    fitted: Recommender,
    method: str,
    parameter: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # some write a file
    before = fitted.state
    for name, value in _values().items():
        model = Recommender.of(before)
        with calls.named(f"{method}({parameter}={name})"):
            _tried(getattr(model, method), {**NEEDED[method], parameter: value}, model)
        assert fitted.state is before


def _tried(verb: Callable[..., Any], arguments: Mapping[str, Any], model: Recommender) -> None:
    """Call; a refused call leaves the model's state as it was."""
    state = model.state
    try:
        _read(verb(**arguments))
    except KgrecError:
        assert model.state is state
        raise


def _read(answer: Any) -> None:
    """What a user does next with an answer."""
    if isinstance(answer, pd.DataFrame):
        assert answer.columns.is_unique
    elif not isinstance(answer, Recommender):
        assert isinstance(str(answer), str)


class Calls:
    """Collects the calls that ended in an exception that isn't kgrec's."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    @contextmanager
    def named(self, call: str) -> Iterator[None]:
        """Notes an exception under the name of the call; KgrecErrors are right answers."""
        try:
            yield
        except KgrecError as error:
            if not str(error).strip():
                self.broken.append(f"{call}: an error without a message")
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            self.broken.append(f"{call}: {type(error).__name__}: {error} ({place})"[:300])


@pytest.fixture
def calls() -> Iterator[Calls]:
    found = Calls()
    yield found
    assert not found.broken, "\n".join(found.broken)


GRAPH: dict[str, dict[str, Any]] = {
    "node": {"node": "Item:i1"},
    "neighbours": {"node": "Item:i1"},
    "paths": {"a": "User:u1", "b": "Item:i1"},
    "subgraph": {"nodes": ["Item:i1"]},
}
GRAPH_CASES = [
    (method, parameter)
    for method in GRAPH
    for parameter in inspect.signature(getattr(GraphExplorer, method)).parameters
    if parameter != "self"
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("method", "parameter"), GRAPH_CASES)
def test_exploring_takes_any_argument(
    calls: Calls, fitted: Recommender, method: str, parameter: str
) -> None:
    for name, value in _values().items():
        with calls.named(f"graph.{method}({parameter}={name})"):
            getattr(fitted.graph, method)(**{**GRAPH[method], parameter: value})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("field", [*inspect.signature(Query).parameters])
def test_a_query_takes_any_argument(calls: Calls, fitted: Recommender, field: str) -> None:
    for name, value in _values().items():
        with calls.named(f"Query({field}={name})"):
            fitted.recommend(Query(**{"users": "u1", field: value}))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("field", [*inspect.signature(Constraints).parameters])
def test_constraints_take_any_argument(calls: Calls, fitted: Recommender, field: str) -> None:
    for name, value in _values().items():
        for ask in (
            lambda limits: fitted.recommend("u1", constraints=limits),
            lambda limits: fitted.explain("u1", "i1", constraints=limits),
        ):
            with calls.named(f"Constraints({field}={name})"):
                ask(Constraints(**{field: value}))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("column", ["year", "genres", "item_id", "title"])
def test_filters_take_any_value(calls: Calls, fitted: Recommender, column: str) -> None:
    for name, value in _values().items():
        for condition in (value, (value, None), (value, value), [value], {"not": value}):
            with calls.named(f"where({column}={name})"):
                fitted.recommend("u1", where={column: condition})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("column", ["user_id", "item_id", "timestamp", "scenario", "rating"])
def test_columns_of_pairs_take_any_value(calls: Calls, fitted: Recommender, column: str) -> None:
    for name, value in _values().items():
        given = PAIRS.astype(object).assign(**{column: pd.Series([value], dtype=object)})
        with calls.named(f"predict({column}={name})"):
            fitted.predict(given)
        with calls.named(f"update({column}={name})"):
            Recommender.of(fitted.state).update(given).recommend("u1")
        with calls.named(f"adapt({column}={name})"):
            Recommender.of(fitted.state).adapt("web", given)


FRAMES = ("users", "items", "entities", "interactions", "facts", "reviews", "queries", "scenarios")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("frame", [*FRAMES, "vectors", "sources", "rows"])
def test_catalogs_take_any_frame(calls: Calls, frame: str) -> None:
    for name, value in _values().items():
        with calls.named(f"from_frames({frame}={name})"):
            Catalog.from_frames(**{"interactions": PAIRS, frame: value}).validate()


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for calls that write where an odd argument says."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parameter", _parameters("fit"))
def test_fit_takes_any_argument(calls: Calls, somewhere: Path, parameter: str) -> None:
    del somewhere
    source = Catalog.from_frames(interactions=data_shapes.events())
    for name, value in _values().items():
        if parameter == "tune" and name == "a huge integer":
            continue  # as many trials as it says: they would not end
        model = Recommender(data_shapes.config())
        with calls.named(f"fit({parameter}={name})"):
            model.fit(**{"source": source, parameter: value})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parameter", _parameters("fit_ratings"))
def test_fit_ratings_takes_any_argument(calls: Calls, fitted: Recommender, parameter: str) -> None:
    for name, value in _values().items():
        model = Recommender.of(fitted.state)
        with calls.named(f"fit_ratings({parameter}={name})"):
            model.fit_ratings(**{parameter: value})


@pytest.mark.filterwarnings("ignore")
def test_folders_take_any_argument(calls: Calls, fitted: Recommender, somewhere: Path) -> None:
    del somewhere
    for name, value in _values().items():
        with calls.named(f"save({name})"):
            fitted.save(value)
        with calls.named(f"load({name})"):
            Recommender.load(value)
