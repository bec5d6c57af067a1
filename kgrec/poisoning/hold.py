"""Suspicious items as a rule that holds them until somebody has looked at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kgrec.errors import RequestError
from kgrec.rules import Rule, Rules

if TYPE_CHECKING:
    import pandas as pd

HOLD: Final = "suspicious items"  # the first word of the names of such holds


def hold_rule(report: pd.DataFrame, author: str, name: str = HOLD) -> Rule:
    """The hold of the suspicious items of a report.

    Parameters
    ----------
    report : pandas.DataFrame
        Of ``suspicious_items``.
    author : str
        Who holds them.
    name : str
        The rule's name.

    Raises
    ------
    RequestError
        Where no item is suspicious.
    """
    items = tuple(map(str, report["item_id"][report["suspicious"]]))
    if not items:
        raise RequestError("no item of the report is suspicious, so there is nothing to hold.")
    reason = "their newest users are odd, and more than expected"
    return Rule(name, "hold", items=items, author=author, reason=reason)


def held_with(rules: Rules, report: pd.DataFrame, author: str) -> Rules | None:
    """``rules`` and a hold of the suspicious items that no earlier one has, or None without any.

    What was decided about the items of earlier holds stays in force, and so does the text of a
    file of rules, to which the hold is added.
    """
    earlier = [rule for rule in rules if rule.effect == "hold" and rule.name.startswith(HOLD)]
    known = {item for rule in earlier for item in rule.items or ()}
    left = report[report["suspicious"] & ~report["item_id"].astype(str).isin(known)]
    if not len(left):
        return None
    taken = {rule.name for rule in rules}
    names = (HOLD, *(f"{HOLD} {number}" for number in range(2, len(taken) + 3)))
    rule = hold_rule(left, author, next(name for name in names if name not in taken))
    before = rules.text or rules.to_toml()
    text = before if not before or before.endswith("\n") else f"{before}\n"
    return Rules.parse(f"{text}\n{Rules.of(rule).to_toml()}".lstrip("\n"))
