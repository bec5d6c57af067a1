"""What the operator of a service does through its client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.client import Client, ProblemError
from kgrec.client.exchange import Ask
from kgrec.client.verbs import operator
from kgrec.errors import ServiceError
from kgrec.serving.registry import Root
from tests.serving.running import new_root, running_here


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Root:
    found = new_root(tmp_path_factory.mktemp("operated") / "service", saved)
    found.add("b", found.new_folder("a"))
    return found


@pytest.fixture(scope="module")
def owner(root: Root) -> Iterator[Client]:
    with running_here(root) as service, Client(f"http://127.0.0.1:{service.port}") as found:
        yield found


def test_lines_of_every_kind_are_stored_and_wrong_ones_named(owner: Client) -> None:
    lines = [
        {"kind": "item", "id": "n1", "attributes": {"title": "New"}},
        {"kind": "fact", "head": "n1", "relation": "IN_GENRE", "tail": "e0"},
        {"kind": "event", "user": "bulk", "item": "n1"},
        {"kind": "event", "user": "bulk", "item": "n1", "nonsense": 1},
    ]
    found = owner.nodes.bulk(lines, key="file-1")
    assert (found.accepted, found.refused, found.errors[0].line) == (3, 1, 4)
    again = owner.nodes.bulk(iter(lines), key="file-1")
    assert (again.accepted, again.duplicate) == (2, 1)
    nothing = owner.nodes.bulk(lines, all_or_none=True)
    assert (nothing.accepted, nothing.refused) == (0, 1)
    assert owner.nodes.bulk([]).accepted == 0
    facts = owner.nodes.facts(head="n1")
    assert facts.values.tolist() == [["n1", "IN_GENRE", "e0", "item", "entity"]]


def test_many_lines_are_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a key of its own; lines are counted over all of them."""
    monkeypatch.setattr(operator, "_LINES", 2)
    steps = operator.bulk([{"kind": "item", "id": str(number)} for number in range(3)], key="k")
    first = next(steps)
    second = steps.send({"accepted": 2, "sequence": 2, "errors": []})
    assert isinstance(first, Ask)
    assert isinstance(second, Ask)
    assert [len(one.lines or ()) for one in (first, second)] == [2, 1]
    assert (first.repeat_key, second.repeat_key) == ("k", "k/2")
    wrong = {"line": 1, "code": "c", "detail": "d"}
    with pytest.raises(StopIteration) as end:
        steps.send({"accepted": 0, "refused": 1, "sequence": 2, "errors": [wrong]})
    assert (end.value.value.accepted, end.value.value.errors[0].line) == (2, 3)


def test_facts_come_whole_over_all_pages(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = owner.nodes.facts(relation="IN_GENRE")
    monkeypatch.setattr(operator, "_ROWS", 7)
    pd.testing.assert_frame_equal(owner.nodes.facts(relation="IN_GENRE"), whole)
    assert len(owner.nodes.facts(limit=5)) == 5


def test_experiments_start_and_stop(owner: Client) -> None:
    active = owner.status().model
    begun = owner.experiments.start("first", {active: 0.5, "b": 0.5}, reward={"hours": 2.0})
    assert (begun.mode, begun.state) == ("ab", "running")
    assert [one.name for one in owner.experiments.all()] == ["first"]
    assert {one.model for one in owner.experiments.one("first").arms} == {active, "b"}
    assert owner.experiments.stop("first").state == "ended"
    with pytest.raises(ProblemError, match="second"):
        owner.experiments.one("second")


def test_reports_are_jobs_with_a_result(owner: Client) -> None:
    job = owner.jobs.wait(owner.jobs.report("suspicious", k=3).id)
    assert len(job.result["rows"]) <= 3
    with pytest.raises(ProblemError):
        owner.jobs.report("suspicious", nonsense=1)
    with pytest.raises(ProblemError, match="over"):
        owner.jobs.stop(job.id)
    failing = owner.jobs.report("evaluate", scenario="no such scenario")
    with pytest.raises(ServiceError, match="failed"):
        owner.jobs.wait(failing.id)


def test_lists_with_a_share_and_pages_are_those_of_python(
    owner: Client, model: Recommender
) -> None:
    users = ["u1", "u2", "u3"]
    owner.models.activate("a")
    expected = model.rerank(users, group="tail", boost=0.5, k=3)
    found = owner.rerank(users, group="tail", boost=0.5, k=3)
    pd.testing.assert_frame_equal(
        found[["user_id", "item_id", "rank"]], expected.frame[["user_id", "item_id", "rank"]]
    )
    assert found.attrs["share"] == pytest.approx(expected.share)
    page = owner.page("u1", k=2, title="For one person")
    assert re.search("<title>.*For one person", page)


def test_drift_the_audit_log_and_cypher(owner: Client) -> None:
    assert owner.drift().alarms == []
    numbers = [one.number for one in owner.audit(limit=3)]
    assert len(numbers) == 3
    assert numbers == sorted(numbers, reverse=True)
    with pytest.raises(ProblemError, match="--store"):
        owner.cypher("MATCH (n) RETURN n LIMIT 1")
