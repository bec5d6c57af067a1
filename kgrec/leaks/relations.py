"""Facts that arose from held-out rows: users' facts that name them, and relations between items
that link them.

For a relation between items the share of linked pairs is compared: pairs of a test item and a
training item of the same user, against pairs of two training items of that user. A relation that
knows nothing of the split links both equally often. The difference is tested over users (mean over
standard error, ``_DEVIATIONS``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.arrays import distinct, ranges, row_numbers
from kgrec.graph.columns import among
from kgrec.graph.snapshot import Facts, Floats, GraphSnapshot, Interactions, Ints
from kgrec.leaks.finding import Finding

_MOST_USERS: Final = 1_000
_MOST_EVENTS: Final = 30  # of a user in each part
_DEVIATIONS: Final = 4.0
_RATIO: Final = 1.1
_FEWEST: Final = 20  # linked pairs, or pairs of test rows, at least
_SHARE: Final = 0.01
_BEHAVIOUR: Final = re.compile(
    r"(also|together|co_?).?(b(ou|uy)|view|click|purchas|watch|rated)|bought_together|co_?occur",
    re.IGNORECASE,
)


def relations_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """Relations that tell rows of the split "test", or may."""
    events = graph.interactions
    held = among(events.split, ("test",))
    if not held.any() or held.all():
        return
    train, test = events.select(~held), events.select(held)
    pairs = _pairs_of_users(graph, train, test)
    for facts in graph.facts:
        ends = (facts.head_label, facts.tail_label)
        if set(ends) == {USER, ITEM}:
            yield from _named(graph, facts, train, test)
        elif ends == (ITEM, ITEM) and len(facts):
            yield from _linked(graph, facts, pairs)


def _named(
    graph: GraphSnapshot, facts: Facts, train: Interactions, test: Interactions
) -> Iterator[Finding]:
    turned = facts.head_label == ITEM
    user, item = (facts.tail, facts.head) if turned else (facts.head, facts.tail)
    width = max(len(graph.items), 1)
    known = np.asarray(user) * width + np.asarray(item)
    found = np.isin(np.asarray(test.user) * width + np.asarray(test.item), known)
    before = np.isin(np.asarray(train.user) * width + np.asarray(train.item), known).mean()
    if found.sum() < max(_FEWEST, _SHARE * len(found)):
        return
    row = int(np.argmax(found))
    yield Finding(
        "facts name test rows",
        "leak",
        facts.relation,
        f"{found.mean():.1%} of the test rows have a fact between their user and their item "
        f"({before:.1%} of the training rows).",
        "Leave out facts about held-out pairs, or the relation.",
        {"test": float(found.mean()), "train": float(before)},
        f"user {graph.users.ids[test.user[row]]!r} and item {graph.items.ids[test.item[row]]!r}",
    )


def _linked(
    graph: GraphSnapshot, facts: Facts, pairs: tuple[Ints, Ints, Ints]
) -> Iterator[Finding]:
    group, first, second = pairs
    if not len(group):
        return
    width = len(graph.items)
    head, tail = np.asarray(facts.head), np.asarray(facts.tail)
    edges = distinct(np.concatenate([head * width + tail, tail * width + head]))
    wanted = first * width + second
    place = np.minimum(np.searchsorted(edges, wanted), len(edges) - 1)
    hit = edges[place] == wanted
    test, train = (_shares(group, hit, part) for part in (1, 0))
    both = ~np.isnan(test) & ~np.isnan(train)
    gap = (test - train)[both]
    share = {"test": float(test[both].mean()), "train": float(train[both].mean())}
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.inf
    statistic = float(gap.mean() / error) if error > 0 and len(gap) > 1 else 0.0
    shown = (
        f"it links {share['test']:.2%} of the pairs of a test and a training item of one user, and "
        f"{share['train']:.2%} of the pairs of two training items"
    )
    linked = hit & (group % 2 == 1)
    figures = {**share, "statistic": statistic, "users": float(len(gap))}
    if linked.sum() < _FEWEST:
        return
    row = int(np.argmax(linked))
    example = f"items {graph.items.ids[first[row]]!r} and {graph.items.ids[second[row]]!r}"
    if statistic >= _DEVIATIONS and share["test"] >= _RATIO * share["train"]:
        yield Finding(
            "relation knows test rows",
            "leak",
            facts.relation,
            f"{shown}, on {len(gap):,} users ({statistic:.1f} standard errors): it was made from "
            "behaviour that includes test rows.",
            "Make it from training rows alone, or leave it out.",
            figures,
            example,
        )
    elif _BEHAVIOUR.search(facts.relation):
        yield Finding(
            "relation from behaviour",
            "note",
            facts.relation,
            f"its name says that it was made from behaviour; {shown}.",
            "Make sure that it was read before the first test row; compare a model without it.",
            figures,
            example,
        )


def _shares(group: Ints, hit: np.ndarray, part: int) -> Floats:
    """float64 ``[users]``: the share of linked pairs of each user in a part; NaN without pairs."""
    n = int(group.max()) // 2 + 1
    rows = group % 2 == part
    count = np.bincount(group[rows] // 2, minlength=n)
    total = np.bincount(group[rows] // 2, hit[rows], minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / count)


def _pairs_of_users(
    graph: GraphSnapshot, train: Interactions, test: Interactions
) -> tuple[Ints, Ints, Ints]:
    """Pairs of items of some users: 2 · user, + 1 where the first is a test item, and the items."""
    rng = np.random.default_rng(0)
    users = distinct(np.asarray(test.user))
    if len(users) > _MOST_USERS:
        users = np.sort(rng.choice(users, _MOST_USERS, replace=False))
    own, owned = _some(train, users, len(graph.users))
    found = []
    for part, (group, item) in enumerate(((own, owned), _some(test, users, len(graph.users)))):
        count = np.bincount(own, minlength=len(users))
        start = np.cumsum(count) - count
        place = ranges(start[group], count[group])
        first = np.repeat(np.arange(len(group)), count[group])
        pair = np.stack([2 * group[first] + part, item[first], owned[place]])
        found.append(pair[:, pair[1] != pair[2]])
    group, first, second = np.concatenate(found, axis=1)
    return group, first, second


def _some(events: Interactions, users: Ints, n_users: int) -> tuple[Ints, Ints]:
    """The place in ``users`` and the item of up to ``_MOST_EVENTS`` events of each, the latest."""
    indptr = events.indptr(n_users)
    count = np.minimum(indptr[users + 1] - indptr[users], _MOST_EVENTS)
    rows = ranges(indptr[users + 1] - count, count)
    place = row_numbers(np.append(0, np.cumsum(count)))
    return place, np.asarray(events.item[rows])
