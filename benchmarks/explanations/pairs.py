"""What is measured of one user's recommendations: sums, coverage, counterfactuals, stability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from benchmarks.explanations.fidelity import Falls, falls_of, first_path
from graph_schema.names import ITEM, USER
from kgrec import Recommender
from kgrec.explain import ExplainedPath, Explanation
from kgrec.explain.ablation import CARRIES, best_share
from kgrec.explain.counterfactuals.history_edit import EditableHistory
from kgrec.explain.explained_request import Case
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.query import Query
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import personal_scores

K, MAX_EVENTS, DRAWN_WITH = 10, 5, 2026


@dataclass(frozen=True, eq=False)
class Recommended:
    """One user's list, explained."""

    user: int
    case: Case
    items: list[str]
    scores: list[float]
    explained: list[Explanation]


@dataclass
class Measured:
    """One value a pair, in the order of the pairs; some are absent where they make no sense."""

    completeness: list[float] = field(default_factory=list)
    score_error: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    covered_by_fall: list[bool] = field(default_factory=list)
    says_why: list[bool] = field(default_factory=list)
    best_share: list[float] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    minimal: list[bool] = field(default_factory=list)
    set_size: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    recency: list[float] = field(default_factory=list)
    popularity: list[float] = field(default_factory=list)
    same_again: list[bool] = field(default_factory=list)
    overlap: list[float] = field(default_factory=list)
    falls: Falls = field(default_factory=Falls)


def sample_users(engine: Engine, count: int) -> Ints:
    """int64: rows of ``count`` users with a history, drawn with seed 2026."""
    rows = np.flatnonzero(engine.sequences.lengths() > 0)
    rng = np.random.default_rng(DRAWN_WITH)
    return rng.choice(rows, min(count, len(rows)), replace=False)


def recommended(model: Recommender, users: Ints) -> Iterator[Recommended]:
    """The explained lists of the ``K`` best, user by user."""
    for user in users.tolist():
        name = str(model.snapshot.users.ids[user])
        frame = model.recommend([name], k=K)
        items = frame["item_id"].tolist()
        case = model.state.case(Query([name]))
        yield Recommended(
            user, case, items, frame["score"].tolist(), model.explain_all(name, items)
        )


def measure(model: Recommender, one: Recommended, into: Measured, rng: np.random.Generator) -> None:
    """Add one user's pairs."""
    for place, answer in enumerate(one.explained):
        if answer.gain == 0:
            continue
        into.completeness.append(abs((answer.rest - answer.withheld) / answer.gain))
        into.score_error.append(abs(answer.score - one.scores[place]))
        falls = _falls(one, answer, rng)
        into.falls.add(falls)
        _cover(answer, falls, into)
        _describe(one, answer, into)
        _counterfactual(model, one, answer, into)
    _stability(model, one, into)


def _falls(one: Recommended, answer: Explanation, rng: np.random.Generator) -> dict[str, float]:
    path = first_path(answer)
    if path is None:
        return {}
    return falls_of(one.case, one.case.engine.item_row[answer.item_id], path, rng)


def _cover(answer: Explanation, falls: dict[str, float], into: Measured) -> None:
    """A pair is covered by a path that is in the graph, carries CARRIES of the gain or more, and
    without which the score falls; by its fall, where that is as large as well."""
    whole = [p for p in answer.paths if all(p.stored) and p.contribution > 0]
    covered = best_share(answer) >= CARRIES
    most = max([p.fall or 0.0 for p in whole] + [falls.get("top", 0.0)], default=0.0)
    into.covered.append(covered)
    into.covered_by_fall.append(most >= CARRIES * answer.gain > 0)
    into.says_why.append(covered or bool(answer.reasons))
    if whole:
        into.best_share.append(max(p.share for p in whole))
        into.confidence.append(whole[0].confidence or 0.0)


def _describe(one: Recommended, answer: Explanation, into: Measured) -> None:
    """Diversity of the paths, recency of their events, popularity of the nodes between (their
    place among the nodes of their label by degree, 1: the most linked)."""
    paths, index, engine = answer.paths, one.case.explainer.index, one.case.engine
    if not paths:
        return
    into.kinds.append(len({(p.kind, *p.relations[1:]) for p in paths}))
    into.starts.append(len({p.nodes[1][1] for p in paths}) / len(paths))
    newest = [_newest(one.case.history, engine.item_row[p.nodes[1][1]]) for p in paths]
    into.recency.append(float(np.mean(newest)))
    for path in paths:
        for label, node_id, _ in path.nodes[2:-1]:
            into.popularity.append(_place(index, label, index.space.find(label, node_id)))


def _newest(history: EditableHistory, item: int) -> float:
    """The share of the history that is newer than the last event with an item."""
    last = int(np.flatnonzero(history.items == item)[-1])
    return float((history.times > history.times[last]).mean())


def _place(index: PathIndex, label: str, node: int) -> float:
    degrees = _degrees(index, label)
    graph = index.interactions if label in (USER, ITEM) else index.facts
    own = graph.degree(np.array([node]))[0]
    return float(np.searchsorted(degrees, own, side="right") / len(degrees))


@lru_cache(maxsize=8)
def _degrees(index: PathIndex, label: str) -> Ints:
    """How many edges the nodes of a label have, sorted."""
    start = index.space.offsets[label]
    nodes = np.arange(start, start + len(index.snapshot.table(label)))
    graph = index.interactions if label in (USER, ITEM) else index.facts
    return np.sort(graph.degree(nodes))


def _counterfactual(
    model: Recommender, one: Recommended, answer: Explanation, into: Measured
) -> None:
    """The set without which the item leaves, and whether it does when asked in another way: by the
    history without these events given anew, scored on its own."""
    assert answer.user_id is not None
    found = model.counterfactual(answer.user_id, answer.item_id, k=K, max_events=MAX_EVENTS)
    into.found.append(found.found)
    if not found.found:
        return
    into.set_size.append(len(found.events))
    left_out = [event.item_id for event in found.events]
    into.held.append(_rank_without(one, answer.item_id, left_out) > K)
    fewer = [[e for e in left_out if e != kept] for kept in left_out]
    into.minimal.append(all(_rank_without(one, answer.item_id, e) <= K for e in fewer))


def _rank_without(one: Recommended, item: str, left_out: list[str]) -> int:
    """The item's rank among all items outside the whole history, by the scorer of single
    requests."""
    engine, history = one.case.engine, one.case.history
    rows = [engine.item_row[name] for name in left_out]
    request = history.kept(~np.isin(history.items, rows)[None])
    scores = personal_scores(engine, request)
    others = np.setdiff1d(np.arange(len(scores)), history.items)
    return 1 + int((scores[others] > scores[engine.item_row[item]]).sum())


def _stability(model: Recommender, one: Recommended, into: Measured) -> None:
    """The first item is explained again, and once more without the oldest event."""
    if not one.explained:
        return
    answer = one.explained[0]
    assert answer.user_id is not None
    into.same_again.append(_said(model.explain(answer.user_id, answer.item_id)) == _said(answer))
    history = one.case.history
    if len(history) < 2:
        return
    keep = np.arange(len(history)) > 0
    younger = replace(
        one.case, history=EditableHistory(history.kept(keep[None]), history.times[keep])
    )
    _, then = younger.explain_score(one.case.engine.item_row[answer.item_id])
    before, after = _ways(answer.paths), _ways(then.paths)
    into.overlap.append(len(before & after) / max(len(before | after), 1))


def _said(answer: Explanation) -> list[tuple[str, str, str]]:
    return [(str(p.nodes), p.sentence, f"{p.contribution:.4f}") for p in answer.paths]


def _ways(paths: list[ExplainedPath]) -> set[tuple[str, ...]]:
    """What identifies a path: kind, history item and the entity between; people stand for one
    another."""
    return {(p.kind, p.nodes[1][1], *(n[1] for n in p.nodes[2:-1] if n[0] != USER)) for p in paths}
