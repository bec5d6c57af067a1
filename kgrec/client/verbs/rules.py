"""Rules of the model that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kgrec.client import frames
from kgrec.client.asking import Id, Users, askers, limits
from kgrec.client.exchange import Ask, Steps

if TYPE_CHECKING:
    import pandas as pd

    from kgrec.paths.index import Constraints
    from kgrec.rules import Rules


def read() -> Steps[Rules]:
    """``Recommender.rules``: the rules that lists obey."""
    return _rules((yield Ask("GET", "/v1/rules")))


def replace(rules: Rules | str, reason: str = "") -> Steps[Rules]:
    """Put rules (or their TOML) in the place of all there are; the next list obeys them."""
    toml = rules if isinstance(rules, str) else rules.text or rules.to_toml()
    return _rules((yield Ask("PUT", "/v1/rules", {"toml": toml, "reason": reason})))


def held() -> Steps[pd.DataFrame]:
    """The items that wait for a decision: rule, item_id, scenario, score, rank and time."""
    rows = (yield Ask("GET", "/v1/rules/held"))["rows"]
    kept = {n: kind for n, kind in frames.HELD.items() if n not in ("user_id", "reason")}
    return frames.frame_of(rows, kept)


def decide(rule: str, item: Id, *, approve: bool, reason: str = "") -> Steps[Rules]:
    """Decide about an item that a rule holds back; the next list obeys it."""
    body = {"rule": rule, "item": item, "approve": approve, "reason": reason}
    return _rules((yield Ask("POST", "/v1/rules/decide", body, repeatable=False)))


def rule_effects(
    users: Users, k: int = 10, constraints: Constraints | None = None
) -> Steps[pd.DataFrame]:
    """``Recommender.rule_effects``: what the rules do to the lists of ``recommend``."""
    rows = []
    for one in askers(users):
        body = {**limits(constraints), **one.body, "k": k, "strict": True}
        answer = yield Ask("POST", "/v1/rules/effects", body)
        rows += [{**row, "user_id": one.name} for row in answer["rows"]]
    return frames.frame_of(rows, frames.EFFECTS)


def held_of(
    users: Users, k: int = 10, constraints: Constraints | None = None
) -> Steps[pd.DataFrame]:
    """``Recommender.held``: the items that rules hold back from lists; they then wait for a
    decision. Needs a key of the scope "admin"."""
    rows: list[dict[str, Any]] = []
    for one in askers(users):
        body = {**limits(constraints), **one.body, "k": k, "strict": True}
        ask = Ask("POST", "/v1/rules/held", body, params={"people": "true"})
        rows += (yield ask)["rows"]
    return frames.frame_of(rows, frames.HELD)


def _rules(answer: dict[str, Any]) -> Rules:
    from kgrec.rules import Rules

    return Rules.parse(answer["toml"], "toml")
