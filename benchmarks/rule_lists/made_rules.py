"""Made-up rules over a graph's attributes, drawn at random."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from kgrec import Rule, Rules
from kgrec.graph import GraphSnapshot
from kgrec.rules.bound_rules import BoundRules
from kgrec.rules.conflicts import checked

_EFFECTS = ("never", "never", "hold", "boost", "boost", "pin", "cap", "floor", "release")
_RANGE = 0.3  # of the values of a numeric attribute that a condition takes in
_MOST_VALUES = 100
_EXACT = 0.3  # of the caps and floors
_FEW = 6  # items that a rule names, at most


def made_rules(
    snapshot: GraphSnapshot, scenarios: list[str], count: int, rng: np.random.Generator
) -> tuple[BoundRules | None, int]:
    """Up to ``count`` rules that go together, and how many were refused as conflicts."""
    kept: list[Rule] = []
    refused = 0
    for number in range(count):
        rule = made_rule(f"r{number}", snapshot, scenarios, rng)
        if rule.effect in ("cap", "floor") and rng.random() < _EXACT:
            rule = replace(rule, exact=True)
        try:
            checked(Rules.of(*kept, rule), snapshot, scenarios)
        except RequestError:
            refused += 1
            continue
        kept.append(rule)
    return checked(Rules.of(*kept), snapshot, scenarios), refused


def made_rule(
    name: str,
    snapshot: GraphSnapshot,
    scenarios: list[str],
    rng: np.random.Generator,
    effect: str | None = None,
) -> Rule:
    """A rule with a random effect, about random users and items."""
    effect = effect or str(rng.choice(_EFFECTS))
    values: dict[str, Any] = {"name": name, "effect": effect}
    if rng.random() < 0.4:
        values["who"] = _condition(snapshot.users.attributes, rng)
    if scenarios and rng.random() < 0.2:
        values["scenario"] = str(rng.choice(scenarios))
    strength = _strength(effect, snapshot, rng)
    if strength.get("by") is None or rng.random() < 0.3:
        values |= _about(snapshot, rng, few=effect in ("never", "hold", "pin"))
    return Rule(**values, **strength)


def _about(snapshot: GraphSnapshot, rng: np.random.Generator, *, few: bool) -> dict[str, Any]:
    """Items by their ids, or by an attribute."""
    if rng.random() < (0.7 if few else 0.2):
        size = int(rng.integers(1, _FEW + 1))
        return {"items": tuple(map(str, rng.choice(snapshot.items.ids, size, replace=False)))}
    return {"what": _condition(snapshot.items.attributes, rng)}


def _condition(attributes: pd.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    """A condition on one attribute that some rows meet."""
    column = str(rng.choice([name for name in attributes.columns if _few_values(attributes[name])]))
    values = attributes[column].dropna()
    one = values.iloc[int(rng.integers(len(values)))]
    if pd.api.types.is_numeric_dtype(values):
        width = _RANGE * float(values.max() - values.min())
        return {column: {"min": float(one) - width / 2, "max": float(one) + width / 2}}
    return {column: str(rng.choice(str(one).split("|")))}


def _few_values(column: pd.Series[Any]) -> bool:
    """Whether it has several values, but not one for nearly every row."""
    parts = {part for value in column.dropna().unique() for part in str(value).split("|")}
    return 1 < len(parts) <= _MOST_VALUES


def _strength(effect: str, snapshot: GraphSnapshot, rng: np.random.Generator) -> dict[str, Any]:
    if effect == "boost":
        return {"amount": float(np.round(rng.normal(0, 1), 3))}
    if effect == "pin":
        return {"rank": int(rng.integers(1, 15))}
    if effect == "floor":
        of = int(rng.integers(3, 12))
        return {"least": int(rng.integers(1, min(of, 4))), "of": of}
    if effect == "cap":
        most = int(rng.integers(1, 4))
        words = [
            str(name)
            for name, column in snapshot.items.attributes.items()
            if not pd.api.types.is_numeric_dtype(column) and _few_values(column)
        ]
        by = str(rng.choice(words)) if words and rng.random() < 0.7 else None
        return {"most": most, "of": int(rng.integers(most, 15)), "by": by}
    return {}
