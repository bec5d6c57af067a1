"""What a hundred rules add to the time of an answer: with and without, in turns in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from benchmarks.rule_lists.made_rules import made_rule
from graph_schema.errors import RequestError
from kgrec import Recommender, Rule, Rules
from kgrec.rules import BoundRules
from kgrec.rules.conflicts import checked
from kgrec.rules.rule import HIDING

K: Final = 10
_EFFECTS: Final = {"never": 45, "hold": 10, "boost": 35, "pin": 4, "cap": 4, "floor": 2}
_STRENGTHS: Final[dict[str, dict[str, Any]]] = {
    "cap": {"most": 3, "of": 10},
    "floor": {"least": 1, "of": 10},
}
_HIDDEN: Final = 0.01  # of the items, by one rule
_MANY: Final = 1_000  # users of a batch
_ROUNDS: Final = 30
_ALONE: Final = 50  # single answers in a turn


def hundred_rules(model: Recommender, seed: int = 0) -> Rules:
    """A hundred rules about random users and items: 45 never, 10 hold, 35 boost, 4 pin, 4 cap and
    2 floor, as a shop has them: one hides at most a hundredth of the items, pins one item, allows 3
    of 10 places a kind, or reserves one of 10. Those in conflict with one before are left out."""
    state, rng = model.state, np.random.default_rng(seed)
    kept: list[Rule] = []
    for effect, count in _EFFECTS.items():
        wanted = len(kept) + count
        while len(kept) < wanted:
            rule = made_rule(f"{effect} {len(kept)}", state.snapshot, state.scenarios, rng, effect)
            if _usual(rule, model):
                kept.append(replace(rule, **_STRENGTHS.get(effect, {})))
    return _together(kept, model)


def _usual(rule: Rule, model: Recommender) -> bool:
    """Whether it is as a shop's rules are: it hides few items, or pins one, or limits a kind."""
    about = BoundRules.bind(Rules.of(rule), model.snapshot, model.state.scenarios).items[0]
    if rule.effect in HIDING:
        return bool(about.mean() <= _HIDDEN)
    if rule.effect == "pin":
        return int(about.sum()) == 1
    return rule.effect != "cap" or (rule.by is not None and rule.what is None)


def _together(rules: list[Rule], model: Recommender) -> Rules:
    """The rules without those in conflict with one before."""
    kept = Rules.of(*rules)
    while True:
        try:
            checked(kept, model.snapshot, model.state.scenarios)
        except RequestError as error:
            named = [rule.name for rule in kept if f"rule {rule.name!r}" in str(error)]
            kept = kept.without(named[-1:])
            continue
        return kept


def latency(model: Recommender, rules: Rules, rounds: int = _ROUNDS) -> list[dict[str, Any]]:
    """Milliseconds of processor time with and without rules, by verb: medians over the rounds, and
    the median of the rounds' ratios."""
    ruled = Recommender.of(model.state.with_rules(rules))
    users = model.snapshot.users.ids.tolist()
    items = model.snapshot.items.ids.tolist()
    some = [users[n % len(users)] for n in range(_MANY)]
    asked: dict[str, tuple[Callable[[Recommender, Any], Any], list[Any]]] = {
        "rank, one user": (lambda m, one: m.rank(one, k=K), some),
        "recommend, one user": (lambda m, one: m.recommend(one, k=K), some),
        "rank, 1,000 users": (lambda m, one: m.rank(one, k=K), [some]),
        "similar": (lambda m, one: m.similar(one, k=K), items),
    }
    for answer, given in asked.values():
        for one in given:
            answer(model, one), answer(ruled, one)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for number in range(rounds):
        for name, (answer, given) in asked.items():
            start = number * _ALONE % len(given)
            part = given[start : start + _ALONE]
            pairs = [(_took(answer, model, one), _took(answer, ruled, one)) for one in part]
            times[name].append((sum(a for a, _ in pairs), sum(b for _, b in pairs)))
    return [_row(name, times[name], _ALONE if len(asked[name][1]) > 1 else 1) for name in asked]


def _row(name: str, times: list[tuple[float, float]], count: int) -> dict[str, Any]:
    without, with_ = (np.array(part) for part in zip(*times, strict=True))
    return {
        "answer": name,
        "without_ms": round(1e3 * float(np.median(without)) / count, 4),
        "with_ms": round(1e3 * float(np.median(with_)) / count, 4),
        "more": round(float(np.median(with_ / without)) - 1, 4),
    }


def _took(answer: Callable[[Recommender, Any], Any], model: Recommender, one: Any) -> float:
    started = time.process_time()
    answer(model, one)
    return time.process_time() - started
