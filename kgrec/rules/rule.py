"""Rule: one statement of people about lists, as data: for whom, of which items, and what holds."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, TypeAlias, get_args

from graph_schema.errors import RequestError
from kgrec.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_mapping,
    check_number,
    id_list,
)

Effect: TypeAlias = Literal["never", "pin", "cap", "floor", "boost", "hold", "release"]
EFFECTS: Final[tuple[str, ...]] = get_args(Effect)
USERS: Final = "users"  # lists of users, whom the rule is then about
LISTS: Final = ("recommend", "similar", "search", USERS)
HIDING: Final = ("never", "hold")  # effects that keep an item out of lists
PLACING: Final = ("pin", "cap", "floor")  # effects that set the places of items

# The fields that say how strong an effect is: those it needs, and those it may have.
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "pin": ("rank",),
    "cap": ("most",),
    "floor": ("least", "of"),
    "boost": ("amount",),
}
_ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "cap": ("of", "by", "exact"),
    "floor": ("exact",),
    "release": ("holds",),
}
_STRENGTH: Final = ("rank", "most", "least", "of", "by", "amount", "holds", "exact")
_EXAMPLE: Final = "{'brand': 'Acme', 'year': {'min': 1990}}"
_MISSING: Final = "missing"  # {missing = true}: no value, which TOML can't write otherwise


@dataclass(frozen=True)
class Rule:
    """A rule about which items stand in lists, and where.

    Parameters
    ----------
    name : str
        Its name, which explanations and errors use.
    effect : str
        "never": in no list. "pin": at ``rank``, the best of the items where the rule has several.
        "cap": at most ``most`` of the first ``of`` places (of the whole list without), for each
        value of ``by`` or for all items of the rule together. "floor": at least ``least`` of the
        first ``of`` places. "boost": ``amount`` is added to the score. "hold": in no list until
        somebody decides. "release": a hold does not apply to these items.
    who : mapping, optional
        Conditions on the attributes of users, as ``where`` has them for items; all users without.
        A user without a value meets ``{"not": ...}`` alone.
    scenario : str or sequence of str
        The scenarios of the request in which it holds; in all, and without one, if empty.
    what : mapping, optional
        Conditions on the attributes of items (``kgrec.ranking.filters.conditions``).
    items : sequence of str, optional
        Item ids. With ``what`` an item must meet both; without either the rule is about all items.
    cypher, parameters : str, mapping
        A query whose first column has item ids; ``Rules.read_from`` puts them into ``items``.
    rank, most, least, of : int, optional
        Places, from 1.
    by : str, optional
        An attribute of items, whose parts between "|" count each.
    amount : float, optional
        In units of the score.
    holds : str, optional
        The name of the hold that a release ends; all holds without.
    exact : bool, optional
        Of a cap or floor: make the list with the highest sum of score × discount of all that obey
        the caps and floors, in place of the best item that is allowed place by place.
    lists : str or sequence of str
        "recommend", "similar", "search": where it holds; in all three if empty. "users" alone:
        ``what`` and ``items`` are about users, whom a never or hold keeps out of lists of users.
    since, until : date, datetime or str, optional
        First and last day or instant (UTC) of its validity.
    author, reason : str
        Who made it, and why; explanations show both.

    Raises
    ------
    RequestError
        For a field that is missing, of another type, or that the effect does not have.
    """

    name: str
    effect: Effect
    who: Mapping[str, Any] | None = None
    scenario: tuple[str, ...] = ()
    what: Mapping[str, Any] | None = None
    items: tuple[str, ...] | None = None
    cypher: str | None = None
    parameters: Mapping[str, Any] | None = None
    rank: int | None = None
    most: int | None = None
    least: int | None = None
    of: int | None = None
    by: str | None = None
    amount: float | None = None
    holds: str | None = None
    exact: bool | None = None
    lists: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    author: str = ""
    reason: str = ""
    place: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_words(self)
        check_choice(self.effect, f"effect of {self}", EFFECTS)
        for name, value in _plain_fields(self).items():
            object.__setattr__(self, name, value)
        _check_strength(self)
        if self.since is not None and self.until is not None and self.starts > self.ends:
            raise RequestError(f"{self} ends ({self.until}) before it begins ({self.since}).")

    @staticmethod
    def of_mapping(values: Mapping[str, Any], place: str = "") -> Rule:
        """The rule of a table of a TOML file, or of an object of JSON. Raises RequestError."""
        where = f"{place}: " if place else ""
        known = [one.name for one in fields(Rule) if one.name != "place"]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"the nearest is {near[0]!r}" if near else f"it takes {', '.join(known)}"
                raise RequestError(f"{where}a rule has no field {key!r}; {hint}.")
        lacking = [name for name in ("name", "effect") if name not in values]
        if lacking:
            raise RequestError(
                f"{where}a rule has no {lacking[0]}; every rule has name and effect."
            )
        return Rule(**{str(key): value for key, value in values.items()}, place=place)

    def to_mapping(self) -> dict[str, Any]:
        """The fields that have a value, as ``of_mapping`` reads them and JSON and TOML can hold."""
        found: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "place" and value not in (None, "", ()):
                found[one.name] = _written(value)
        return found

    def with_items(self, items: Sequence[str]) -> Rule:
        """The same rule about these items."""
        return replace(self, items=tuple(items))

    @property
    def starts(self) -> float:
        """Unix seconds of its first instant."""
        return float("-inf") if self.since is None else _instant(self, "since", last=False)

    @property
    def ends(self) -> float:
        """Unix seconds of its last instant."""
        return float("inf") if self.until is None else _instant(self, "until", last=True)

    def holds_in(self, kind: str) -> bool:
        """Whether it is about this kind of list."""
        return kind in self.lists if self.lists else kind != USERS

    @property
    def about_users(self) -> bool:
        """Whether ``what`` and ``items`` are about users as what is recommended."""
        return self.lists == (USERS,)

    def __str__(self) -> str:
        """How errors call it."""
        return f"{self.place}: rule {self.name!r}" if self.place else f"rule {self.name!r}"


def _check_words(rule: Rule) -> None:
    """Raises RequestError for texts that are none."""
    for name in ("name", "cypher", "by", "holds", "author", "reason"):
        value = getattr(rule, name)
        if value is not None and not isinstance(value, str):
            raise RequestError(f"{rule}: {name} is {value!r}; give a text.")
    if not rule.name.strip():
        raise RequestError(f"{rule.place or 'a rule'}: the name of a rule is empty; give it one.")


def _plain_fields(rule: Rule) -> dict[str, Any]:
    """The fields as they are kept. Raises RequestError."""
    return {
        "who": _conditions(rule, "who"),
        "what": _conditions(rule, "what"),
        "parameters": check_mapping_of(rule, "parameters"),
        "scenario": tuple(id_list(rule.scenario, f"scenario of {rule}")),
        "items": None if rule.items is None else tuple(id_list(rule.items, f"items of {rule}")),
        "lists": tuple(
            check_choice(one, f"list of {rule}", LISTS)
            for one in id_list(rule.lists, f"lists of {rule}")
        ),
        **{name: _count(rule, name) for name in ("rank", "most", "least", "of")},
        "amount": None if rule.amount is None else check_number(rule.amount, f"amount of {rule}"),
        "exact": None if rule.exact is None else check_flag(rule.exact, f"exact of {rule}"),
        "since": _day(rule, "since"),
        "until": _day(rule, "until"),
    }


def check_mapping_of(rule: Rule, name: str) -> Mapping[str, Any] | None:
    """A field that holds names and values. Raises RequestError."""
    value = getattr(rule, name)
    if value is None or (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        return value
    check_mapping(value, f"{name} of {rule}", _EXAMPLE)
    raise RequestError(f"{name} of {rule} has keys that are no text; give {_EXAMPLE}.")


def _count(rule: Rule, name: str) -> int | None:
    value = getattr(rule, name)
    least = 0 if name == "most" else 1
    return None if value is None else check_count(value, f"{name} of {rule}", least)


def _conditions(rule: Rule, name: str) -> Mapping[str, Any] | None:
    found = check_mapping_of(rule, name)
    if found is None:
        return None
    if not found:
        raise RequestError(f"{name} of {rule} is empty; leave it out, or give {_EXAMPLE}.")
    return {column: _read(value) for column, value in found.items()}


def _read(value: Any) -> Any:
    """A condition with None for {missing = true}."""
    if not isinstance(value, Mapping):
        return value
    if dict(value) == {_MISSING: True}:
        return None
    return {key: _read(part) for key, part in value.items()}


def _written(value: Any) -> Any:
    """A value of a rule as JSON and TOML can hold it."""
    if value is None:
        return {_MISSING: True}
    if isinstance(value, Mapping):
        return {str(key): _written(part) for key, part in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and not all(isinstance(v, str) for v in value):
        ends = zip(("min", "max"), value, strict=True)
        return {name: _written(end) for name, end in ends if end is not None}
    if isinstance(value, list | tuple):
        return [_written(part) for part in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _check_strength(rule: Rule) -> None:
    """Raises RequestError for a field that the effect lacks, or does not have."""
    needed = _NEEDED.get(rule.effect, ())
    for name in _STRENGTH:
        given = getattr(rule, name) is not None
        if name in needed and not given:
            raise RequestError(f"{rule} has no {name}, which the effect {rule.effect!r} needs.")
        if given and name not in (*needed, *_ALLOWED.get(rule.effect, ())):
            raise RequestError(
                f"{rule} has {name}, which the effect {rule.effect!r} does not have; leave it out."
            )
    if rule.least is not None and rule.of is not None and rule.least > rule.of:
        raise RequestError(f"{rule} asks for {rule.least} of {rule.of} places; lower least.")
    if rule.items == () and rule.cypher is None:
        raise RequestError(f"items of {rule} is an empty list; name items, or leave it out.")
    if USERS in rule.lists and (not rule.about_users or rule.effect not in HIDING):
        raise RequestError(
            f"{rule} is about lists of users, with the effect {rule.effect!r} or other lists too; "
            "give lists = ['users'] alone, and the effect 'never' or 'hold'."
        )
    if rule.parameters is not None and rule.cypher is None:
        raise RequestError(f"{rule} has parameters without cypher; leave them out.")


def _day(rule: Rule, name: str) -> str | None:
    value = getattr(rule, name)
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, dt.date) else value
    try:
        dt.datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"{name} of {rule} is {value!r}; give a day or a time, such as 2026-01-31."
        ) from error
    return str(text)


def _instant(rule: Rule, name: str, *, last: bool) -> float:
    """Unix seconds; of a day its first instant, or its last."""
    text = str(getattr(rule, name))
    time = dt.datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    if last and len(text) <= len("2026-01-31"):
        time += dt.timedelta(days=1, microseconds=-1)
    return time.timestamp()
