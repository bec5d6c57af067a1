"""Every verb against a private model: it answers from the release and its own user's history, or
refuses with the reason, or is the operator's, as the docs say. New verbs have to choose."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import kgrec
from kgrec import Recommender, Rule, Rules, show_people
from kgrec.cli import app
from kgrec.erasure import erased_state
from kgrec.errors import ModelError, RequestError
from kgrec.model_card import make_card
from kgrec.poisoning import influence, suspicious_items
from kgrec.serving.web.operations import operations
from kgrec.state import FittedState
from tests.differential_privacy.test_private_model import fitted
from tests.recommender import catalogs

ME = "u2"
LIKED = Rules.of(Rule("wait", "hold", items=("i7",)))


def _ruled(model: Recommender) -> Recommender:
    other = Recommender.of(model.state)
    other.rules = LIKED
    return other


def _page(model: Recommender) -> str:
    with TemporaryDirectory() as folder:
        model.page(ME, Path(folder) / "page.html", k=3)
        return (Path(folder) / "page.html").read_text()


# Answers: the same after nearly everybody else has left.
ANSWERS: dict[str, Callable[[Recommender], Any]] = {
    "recommend": lambda m: m.recommend(ME, k=5).to_dict(),
    "rank": lambda m: m.rank([ME], k=5).scores.tolist(),
    "similar": lambda m: m.similar("i3").to_dict(),
    "score": lambda m: m.score([(ME, "i3"), (ME, "i4")]).to_dict(),
    "vectors": lambda m: m.vectors("item", ["i3"]).vectors.tolist(),
    "search": lambda m: m.search("tale", user=ME, k=5).to_dict(),
    "explain": lambda m: m.explain(ME, "i4").to_dict(),
    "explain_all": lambda m: [one.to_dict() for one in m.explain_all(ME, ["i4", "i9"])],
    "page": lambda m: _page(m),
    "counterfactual": lambda m: str(m.counterfactual(ME, "i4")),
    "why_not": lambda m: str(m.why_not(ME, "i5", k=2)),
    "compare": lambda m: str(m.compare(ME, "i4", "i5")),
    "rule_effects": lambda m: _ruled(m).rule_effects(ME, k=5).to_dict(),
    "held": lambda m: _ruled(m).held([ME], k=30).to_dict(),
    "rerank": lambda m: m.rerank(ME, group={"genres": "War"}, boost=0.5, k=5).frame.to_dict(),
    "graph": lambda m: str(m.graph.neighbours("Item:i3").to_dict()),
    "rules": lambda m: str(m.rules),
}

# Refused: other people's rows would enter.
REFUSED: dict[str, Callable[[Recommender], Any]] = {
    "similar_users": lambda m: m.similar_users(ME),
    "recommend_users": lambda m: m.recommend_users("i0"),
    "ask": lambda m: m.ask(),
    "explain_answers": lambda m: m.explain_answers({"i1": "yes"}, "i0"),
    "unsure": lambda m: m.unsure("items"),
    "explain_user": lambda m: m.explain_user(ME, "u3"),
    "importance": lambda m: m.importance(),
    "fit_ratings": lambda m: m.fit_ratings(),
    "adapt": lambda m: m.adapt("night", [(ME, "i0")]),
}
REFUSED_OTHERWISE: dict[str, Callable[[Recommender], Any]] = {  # there is no such part in the model
    "predict": lambda m: m.predict(pd.DataFrame({"user_id": [ME], "item_id": ["i0"]})),
    "recognise": lambda m: m.recognise(ME),
    "words": lambda m: m.words(ME, "i4"),
}
OPERATOR = {"evaluate", "judge", "fairness"}  # figures of all rows, for those who run the system
CHANGES = {"fit", "update", "remove", "log_query", "save", "load"}  # test_private_model.py
VALUES = {"of", "state", "snapshot", "history", "tuning", "rating_history"}

# Public functions that take a model or its state.
FUNCTIONS: dict[str, Callable[[Recommender], Any] | str] = {
    "suspicious_items": lambda m: suspicious_items(m.state),
    "influence": lambda m: influence(m.state),
    "counted_by_exposure": lambda m: m.state.counted_by_exposure(pd.DataFrame()),
    "with_ratings": "fit_ratings",
    "adapted": "adapt",
    "erased_state": "changes",
    "write_state": "save",
    "make_card": "operator",
    "measured": "operator",
    "show_people": "operator",
    "arrival_gains": "operator",
    "arrival_of": "operator",  # None for a private model
    "outgrown": "operator",
    "track": "operator",
    "compare_models": "operator",  # of evaluate
}

# The verb, or the function, of each command with a model.
COMMANDS = {
    "adapt": "adapt",
    "ask": "ask",
    "card": "make_card",
    "doctor": "operator",
    "erase": "erased_state",
    "evaluate": "evaluate",
    "explain": "explain",
    "explore": "graph",
    "fairness": "fairness",
    "judge": "judge",
    "page": "page",
    "predict": "predict",
    "recognise": "recognise",
    "recommend": "recommend",
    "recommend-users": "recommend_users",
    "remove": "remove",
    "rules": "rules",
    "score": "score",
    "search": "search",
    "serve": "load",
    "similar": "similar",
    "similar-users": "similar_users",
    "suspicious": "suspicious_items",
    "train": "fit",
    "update": "update",
    "vectors": "vectors",
    "why-model": "operator",
}
# Routes beside the verbs: pages of lists, "follow" (refused by the model), rules, the service's own
# log, the graph without people, and the operator's.
SERVICE = {
    *("next_page", "recommend_batch", "follow"),
    *("set_rules", "hold", "decide"),
    *("add_events", "take_back", "add_impressions", "user_events"),
    *("put_node", "delete_node", "get_node", "put_facts", "delete_facts"),
    *("find_nodes", "node", "neighbours", "paths", "subgraph"),
    *("models", "activations", "rollback", "model", "activate", "erase", "start", "all", "one"),
    *("experiment", "experiments", "start_experiment", "stop_experiment"),
    *("bulk", "report", "facts", "stop", "cypher", "audit"),
    *("drift", "status", "metrics", "live", "ready"),
}
EVERY_VERB = {*ANSWERS, *REFUSED, *REFUSED_OTHERWISE, *OPERATOR, *CHANGES, *VALUES}


@pytest.fixture(scope="module")
def model() -> Recommender:
    return fitted()


@pytest.fixture(scope="module")
def alone(model: Recommender) -> Recommender:
    left = Recommender.of(model.state)
    left.remove(users=[f"u{n}" for n in range(5, catalogs.N_USERS)])
    return left


@pytest.mark.parametrize("verb", ANSWERS)
def test_it_answers_from_the_release(model: Recommender, alone: Recommender, verb: str) -> None:
    assert ANSWERS[verb](model) == ANSWERS[verb](alone)


@pytest.mark.parametrize("verb", REFUSED)
def test_it_is_refused_with_the_reason(model: Recommender, verb: str) -> None:
    with pytest.raises(RequestError, match=r"differential privacy.*; fit one without it"):
        REFUSED[verb](model)


@pytest.mark.parametrize("verb", REFUSED_OTHERWISE)
def test_it_is_refused_as_there_is_no_such_part(model: Recommender, verb: str) -> None:
    with pytest.raises((RequestError, ModelError)):
        REFUSED_OTHERWISE[verb](model)


@pytest.mark.parametrize("name", [name for name, one in FUNCTIONS.items() if callable(one)])
def test_functions_are_refused_with_the_reason(model: Recommender, name: str) -> None:
    ask = FUNCTIONS[name]
    assert callable(ask)
    with pytest.raises(RequestError, match=r"differential privacy.*; fit one without it"):
        ask(model)


def test_no_verb_of_a_model_is_left_out() -> None:
    public = {name for name in vars(Recommender) if not name.startswith("_")}
    assert public == EVERY_VERB


def _functions_of_models() -> Iterator[str]:
    """Public functions of the library with a parameter that is a model or its state."""
    root = Path(kgrec.__file__).parent
    for file in root.rglob("*.py"):
        if file.relative_to(root).parts[0] in ("cli", "serving"):
            continue
        for one in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                given = [*one.args.args, *one.args.kwonlyargs]
                kinds = [ast.unparse(each.annotation) for each in given if each.annotation]
                if {"FittedState", "Recommender"} & set(kinds):
                    yield one.name


def test_no_function_of_a_model_is_left_out() -> None:
    assert set(_functions_of_models()) == set(FUNCTIONS) - {"counted_by_exposure"}
    assert hasattr(FittedState, "counted_by_exposure")


def test_no_command_is_left_out() -> None:
    commands: Any = get_command(app)
    with_model = {
        name
        for name, command in commands.commands.items()
        if any("--model" in one.opts for one in command.params)
    }
    assert with_model == set(COMMANDS)
    assert set(COMMANDS.values()) <= EVERY_VERB | set(FUNCTIONS) | {"operator"}


@pytest.fixture(scope="module")
def folder(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("private") / "model"
    model.save(place)
    return str(place)


@pytest.mark.parametrize(
    "command",
    [
        ["suspicious"],
        ["suspicious", "--hold", "--author", "Ada"],
        ["ask"],
        ["ask", "--unsure", "users"],
        ["similar-users", "--user", ME],
        ["recommend-users", "--item", "i0"],
        ["recommend", "--user", ME, "--target", "users"],
        ["recommend", "--user", ME, "--explore", "0.1"],
    ],
)
def test_commands_are_refused_with_the_reason(folder: str, command: list[str]) -> None:
    found = CliRunner().invoke(app, [command[0], "--model", folder, *command[1:]])
    assert found.exit_code == 1, found.output
    assert "differential privacy" in " ".join(found.output.split())


def test_a_card_says_that_its_figures_have_no_noise(model: Recommender, folder: str) -> None:
    text = make_card(model, folder).to_markdown()
    assert "Trained with differential privacy: epsilon = 200.0, delta = 0.001" in text
    assert "have no noise: they are no part of that promise" in text


def test_people_who_were_erased_are_counted_and_the_release_stays(model: Recommender) -> None:
    left, rows = erased_state(model.state, ["u7"])
    assert rows["users"] == 1
    assert left.erased is not None
    assert left.erased.people == 1
    assert (left.engine.weights.matrix != model.state.engine.weights.matrix).nnz == 0


def test_the_operator_sees_people_of_the_graph_and_no_more(model: Recommender) -> None:
    """Explanations read nobody else's events, so there is nobody to name."""
    text = str(show_people(model).explain(ME, "i4").to_dict())
    assert not [n for n in range(catalogs.N_USERS) if n != 2 and f"'u{n}'" in text]


def test_no_route_is_left_out() -> None:
    routes = {one.name for one in operations(None)}  # type: ignore[arg-type]
    assert routes - EVERY_VERB == SERVICE
