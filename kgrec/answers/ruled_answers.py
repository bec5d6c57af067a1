"""What rules do to lists: which items they moved or keep out, and those that wait for a
decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from kgrec.answers.asked_lists import AskedLists
from kgrec.query import Resolver
from kgrec.rules.folder import HELD_COLUMNS
from kgrec.rules.list_rules import AppliedRule, ListRules
from kgrec.scoring.ranked_lists import RankedRows

EFFECT_COLUMNS: Final = (
    "user_id",
    "item_id",
    "rank",
    "rank_without",
    "score",
    "score_without",
    "rule",
    "effect",
    "author",
    "reason",
)


def rule_effects(asked: AskedLists) -> pd.DataFrame:
    """The items of each list with rules or without, a row for each rule about one; see
    ``Recommender.rule_effects``."""
    request = asked.request
    ruled, plain = asked.rows(), asked.rows(replace(request, rules=None))
    ids, rows = asked.engine.snapshot.items.ids, []
    for place, user in enumerate(request.ids):
        rules = None if request.rules is None else request.rules.of(place)
        with_, without = _ranks(ruled, place), _ranks(plain, place)
        for item in dict.fromkeys((*with_, *without)):
            applied = _applied(rules, item, item in with_)
            for rule in applied:
                rows.append((user, ids[item], *_both(with_, without, item), *_of_rule(rule)))
    frame = pd.DataFrame(rows, columns=list(EFFECT_COLUMNS))
    return frame.astype({"rank": "Int64", "rank_without": "Int64"})


def _ranks(ranked: RankedRows, place: int) -> dict[int, tuple[int, float]]:
    """Rank and score by item row."""
    pairs = zip(ranked.rows[place].tolist(), ranked.scores[place].tolist(), strict=True)
    return {row: (rank, score) for rank, (row, score) in enumerate(pairs, start=1) if row >= 0}


def _both(
    with_: dict[int, tuple[int, float]], without: dict[int, tuple[int, float]], item: int
) -> tuple[Any, ...]:
    """rank, rank_without, score, score_without; None where the list does not have the item."""
    (rank, score), (old, before) = (found.get(item, (None, None)) for found in (with_, without))
    return rank, old, score, before


def _applied(rules: ListRules | None, item: int, listed: bool) -> Sequence[AppliedRule | None]:
    """The rules about an item; where the list lacks it, those that keep it out if there are any;
    one None where no rule is about it."""
    if rules is None:
        return (None,)
    return (() if listed else rules.hiding(item)) or rules.of_item(item) or (None,)


def _of_rule(rule: AppliedRule | None) -> tuple[str, ...]:
    return ("", "", "", "") if rule is None else (rule.name, rule.effect, rule.author, rule.reason)


def held_items(
    resolver: Resolver, asked: AskedLists, explain: Callable[[int, int], str]
) -> pd.DataFrame:
    """The items that holds keep out of lists; see ``Recommender.held``.

    ``explain`` gives the reason in words for a row of the request and an item row.
    """
    frame, request = pd.DataFrame(columns=list(HELD_COLUMNS)), asked.request
    if resolver.rules is None or request.rules is None:
        return frame
    free = replace(resolver, rules=resolver.rules.without("hold"))
    ranked = asked.rows(free.with_rules(request, "recommend"))
    names = np.append(resolver.engine.vocabulary.scenarios, "")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    rows = []
    for place, user in enumerate(request.ids):
        rules = request.rules.of(place)
        for item, (rank, score) in _ranks(ranked, place).items():
            for rule in rules.hiding(item):
                if rule.effect == "hold":
                    scenario = str(names[request.histories.scenario[place]])
                    ids = (rule.name, str(resolver.engine.item_ids[item]), user, scenario)
                    rows.append((*ids, score, rank, explain(place, item), now))
    return pd.DataFrame(rows, columns=list(HELD_COLUMNS)) if rows else frame
