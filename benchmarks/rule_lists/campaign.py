"""Many lists under made-up rules, each checked: by every way that lists are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from benchmarks.rule_lists.checks import Holding, Listed, problems
from benchmarks.rule_lists.made_rules import made_rules
from kgrec import Query, Recommender
from kgrec.paths.index import Constraints
from kgrec.rules.bound_rules import BoundRules
from kgrec.scoring.ranked_lists import personal_scores, score_request
from kgrec.state import FittedState

_RULES: Final = 12  # made-up rules, at most, of which some are refused
_USERS: Final = 8  # asked about under the same rules
_LENGTHS: Final = (1, 3, 5, 10, 20)


def check_lists(model: Recommender, count: int, seed: int = 0) -> dict[str, Any]:
    """Make and check ``count`` lists, in all; what is wrong is in ``problems``."""
    rng = np.random.default_rng(seed)
    checked: Counter[str] = Counter()
    wrong: list[str] = []
    sets = refused = 0
    while checked.total() < count:
        state = model.state
        bound, conflicts = made_rules(
            state.snapshot, state.scenarios, int(rng.integers(1, _RULES + 1)), rng
        )
        refused += conflicts
        if bound is None:
            continue
        sets += 1
        ruled = replace(state, rules=bound.rules)
        for verb, found in _lists(ruled, bound, rng):
            checked[verb] += 1
            wrong += [f"{verb}: {one}" for one in found]
    return {
        "lists": checked.total(),
        "by_verb": dict(checked),
        "sets_of_rules": sets,
        "refused_as_conflicts": refused,
        "problems": wrong,
    }


def _lists(
    state: FittedState, bound: BoundRules, rng: np.random.Generator
) -> Iterator[tuple[str, list[str]]]:
    """The verb of each list, and what is wrong with it."""
    model, k = Recommender.of(state), int(rng.choice(_LENGTHS))
    snapshot, engine = state.snapshot, state.engine
    users = rng.choice(len(snapshot.users), min(_USERS, len(snapshot.users)), replace=False)
    ids = snapshot.users.ids[users].tolist()
    batch = state.resolver.resolve(Query(ids))
    plain = score_request(engine, replace(batch, rules=None)).cpu().numpy()
    together = model.rank(ids, k=k).ids
    for place, user in enumerate(users.tolist()):
        one = replace(batch.part(place, place + 1), rules=None)
        code = int(one.histories.scenario[0])
        holding = Holding.of(bound, user, state.scenarios[code] if code >= 0 else "")
        inside = engine.candidates(one.histories.scenario)
        open_ = np.ones(len(snapshot.items), dtype=bool) if inside is None else inside[0].copy()
        open_[one.histories.item] = False
        yield "batch", _wrong(state, together[place], plain[place], open_, k, holding)
        alone = model.rank(ids[place], k=k).ids[0]
        scores = personal_scores(engine, one)
        yield "one user", _wrong(state, alone, scores, open_, k, holding)
        case = state.case(Query([ids[place]]))
        position = case.position(int(rng.integers(len(open_))), k, Constraints())
        best = position.best(position.scores).tolist()
        if not position.never:
            listed = Listed(best, position.scores - holding.boosts, open_, k)
            yield "counterfactual", problems(listed, holding)
    yield from _other_lists(model, bound, k, rng)


def _other_lists(
    model: Recommender, bound: BoundRules, k: int, rng: np.random.Generator
) -> Iterator[tuple[str, list[str]]]:
    """Lists that nobody in particular asked for, and lists of users."""
    state = model.state
    ids, everyone = state.snapshot.items.ids, np.ones(len(state.snapshot.items), dtype=bool)
    item = int(rng.integers(len(ids)))
    nobody = Holding.of(bound, -1, "", "similar")
    found = model.similar(str(ids[item]), k=k)["similar_id"].tolist()
    plain = replace(state, rules=None)
    whole = Recommender.of(plain).similar(str(ids[item]), k=len(ids))
    scores = np.full(len(ids), -np.inf)
    scores[state.snapshot.items.rows(whole["similar_id"].tolist())] = whole["score"]
    open_ = everyone.copy()
    open_[item] = False
    rows = state.snapshot.items.rows(found).tolist()
    yield "similar", problems(Listed(rows, scores, open_, k), nobody, boosted=False)
    users = model.recommend_users(str(ids[item]), k=5, exclude_seen=False)["user_id"].tolist()
    wrong = []
    for user in users:
        row = int(state.snapshot.users.rows([user])[0])
        code = int(state.resolver.resolve(Query([user])).histories.scenario[0])
        holding = Holding.of(bound, row, state.scenarios[code] if code >= 0 else "")
        wrong += [f"{user} is hidden from it"] if holding.hidden[item] else []
    yield "users", wrong


def _wrong(
    state: FittedState,
    ids: np.ndarray,
    scores: np.ndarray,
    open_: np.ndarray,
    k: int,
    holding: Holding,
) -> list[str]:
    rows = state.snapshot.items.rows([one for one in ids if one is not None]).tolist()
    return problems(Listed(rows, scores, open_, k), holding)
