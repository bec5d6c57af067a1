"""BoundRules: rules over one graph, as masks of users and items that requests share."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from kgrec.arguments import named
from kgrec.arrays import Csr, offsets
from kgrec.graph.snapshot import GraphSnapshot, Ints, NodeTable
from kgrec.ranking import attribute_mask
from kgrec.rules.limits import WHOLE_LIST, Cap, Floor, Pin
from kgrec.rules.list_rules import ListRules, RequestRules
from kgrec.rules.placement import Placement
from kgrec.rules.rule import HIDING, PLACING, USERS, Rule
from kgrec.rules.ruleset import Rules

_MOST_KEPT, _FEWEST_KEPT = 1_024, 32  # combinations of rules, and contexts, that are kept
_KEPT_CELLS: Final = 2**26  # numbers in the arrays of the combinations that are kept, about
_Key = tuple[bytes, int, int, str]


@dataclass(frozen=True, eq=False)
class BoundRules:
    """Rules over the nodes of one graph.

    Attributes
    ----------
    rules : Rules
        The rules.
    items : tuple of bool ``[n_items]``
        The items that each rule is about.
    code : int64 ``[n_users]``
        Users of one code meet the ``who`` of the same rules.
    members : bool ``[n_codes, n_rules]``
        Which rules the users of each code meet.
    scenarios : tuple of frozenset or None
        Codes of the scenarios of each rule; None for all.
    people : tuple of bool ``[n_users]`` or None
        The users whom a rule keeps out of lists of users; None for rules about items.
    """

    rules: Rules
    snapshot: GraphSnapshot
    items: tuple[np.ndarray, ...]
    code: Ints
    members: np.ndarray
    scenarios: tuple[frozenset[int] | None, ...]
    people: tuple[np.ndarray | None, ...]
    _kept: dict[_Key, ListRules] = field(default_factory=dict, repr=False)
    _contexts: dict[tuple[Any, ...], bytes] = field(default_factory=dict, repr=False)
    _groups: dict[int, Csr] = field(default_factory=dict, repr=False)
    _placements: dict[tuple[int, ...], Placement] = field(default_factory=dict, repr=False)

    @staticmethod
    def bind(
        rules: Rules, snapshot: GraphSnapshot, scenarios: Sequence[str], *, strict: bool = True
    ) -> BoundRules:
        """Rules over a snapshot; ``scenarios`` are the names that requests may have.

        With ``strict`` items that are not in the graph are refused, else they are left out: an
        item of a rule may have left the graph. Raises RequestError for an attribute or scenario
        that is not there, a condition that does not fit it, and a Cypher pattern not read yet.
        """
        items = tuple(_items_of(rule, snapshot.items, strict) for rule in rules)
        code, members = _users(rules, snapshot.users)
        names = list(scenarios)
        return BoundRules(
            rules=rules,
            snapshot=snapshot,
            items=items,
            code=code,
            members=members,
            scenarios=tuple(_scenarios(rule, names) for rule in rules),
            people=tuple(
                _about(rule, snapshot.users, strict) if rule.about_users else None for rule in rules
            ),
        )

    @cached_property
    def everyone(self) -> np.ndarray:
        """bool ``[n_rules]``: the rules that hold whoever asks."""
        return np.array([rule.who is None for rule in self.rules], dtype=bool)

    @cached_property
    def instants(self) -> list[float]:
        """Unix seconds at which a rule begins or ends, ascending."""
        ends = {end for rule in self.rules for end in (rule.starts, rule.ends)}
        return sorted(end for end in ends if abs(end) != float("inf"))

    @cached_property
    def _most(self) -> int:
        """How many combinations of rules are kept, whose arrays have a number an item."""
        return max(_FEWEST_KEPT, min(_MOST_KEPT, _KEPT_CELLS // max(len(self.snapshot.items), 1)))

    @cached_property
    def _of_code(self) -> list[bytes]:
        return [row.tobytes() for row in self.members]

    def request(
        self,
        users: Ints,
        scenario: Ints,
        context: Mapping[str, Any] | None = None,
        kind: str = "recommend",
        at: float | None = None,
    ) -> RequestRules | None:
        """The rules of each row of a request; None where none holds in any.

        ``users`` and ``scenario`` int64 ``[B]``: rows of users (-1: not stored, of whom
        ``context`` is known) and codes of scenarios; ``at``: unix seconds, now by default.
        """
        period = self._period(at) if self.instants else 0
        if len(users) == 1:
            met = self._met(int(users[0]), context)
            one = self._list_rules((met, int(scenario[0]), period, kind))
            return None if one.empty else one.alone
        keys, place = self._distinct(users, scenario, context)
        profiles = tuple(self._list_rules((*key, period, kind)) for key in keys)
        if all(one.empty for one in profiles):
            return None
        return RequestRules(profiles, place)

    def _distinct(
        self, users: Ints, scenario: Ints, context: Mapping[str, Any] | None
    ) -> tuple[list[tuple[bytes, int]], Ints]:
        """The distinct pairs of rules met and scenario, and which one each row has."""
        code = np.full(len(users), -1)
        code[users >= 0] = self.code[users[users >= 0]]
        width = int(scenario.max(initial=-1)) + 2
        distinct, place = np.unique(code * width + scenario + 1, return_inverse=True)
        keys = []
        for pair in distinct.tolist():
            number, one = divmod(pair, width)
            met = self._met_by(context or {}) if number < 0 else self._of_code[number]
            keys.append((met, one - 1))
        return keys, place

    def for_all(self, kind: str, scenario: int = -1) -> ListRules | None:
        """The rules of a list that nobody in particular asked for; None where none holds."""
        one = self._list_rules((self.everyone.tobytes(), scenario, self._period(None), kind))
        return None if one.empty else one

    def hidden_users(
        self, users: Ints, scenario: Ints, context: Mapping[str, Any] | None = None
    ) -> np.ndarray | None:
        """bool ``[B, n_users]``: whom rules keep out of the lists of users of each row of a request
        (see ``request``); None for nobody."""
        if all(one is None for one in self.people):
            return None
        keys, place = self._distinct(users, scenario, context)
        return np.asarray(np.stack([self._hidden_users(*key) for key in keys])[place])

    def hidden_users_for_all(self) -> np.ndarray | None:
        """bool ``[n_users]``: whom rules keep out of lists of users that nobody in particular asked
        for; None for nobody."""
        if all(one is None for one in self.people):
            return None
        return self._hidden_users(self.everyone.tobytes(), -1)

    def _hidden_users(self, met: bytes, scenario: int) -> np.ndarray:
        members, at = np.frombuffer(met, dtype=bool), self._instant(self._period(None))
        return self.out_of_lists(self.active(members, scenario, USERS, at))

    def out_of_lists(self, active: Sequence[int]) -> np.ndarray:
        """bool ``[n_users]``: whom these rules keep out of lists of users."""
        hidden = np.zeros(len(self.snapshot.users), dtype=bool)
        for number in active:
            people = self.people[number]
            if people is not None:
                hidden |= people
        return hidden

    def active(self, members: np.ndarray, scenario: int, kind: str, at: float) -> list[int]:
        """The numbers of the rules that hold at ``at`` for users who meet ``members`` (bool
        ``[n_rules]``)."""
        return [
            number
            for number, rule in enumerate(self.rules)
            if members[number]
            and rule.holds_in(kind)
            and _holds_in(self.scenarios[number], scenario)
            and rule.starts <= at <= rule.ends
        ]

    def list_rules(self, active: Sequence[int]) -> ListRules:
        """What these rules together say of a list."""
        n_items = len(self.snapshot.items)
        acting = [number for number in active if self.rules.rules[number].effect != "release"]
        rules = tuple(self.rules.rules[number] for number in acting)
        inside = tuple(self.acted_on(number, active) for number in acting)
        hidden, boost = np.zeros(n_items, dtype=bool), np.zeros(n_items, dtype=np.float32)
        for rule, items in zip(rules, inside, strict=True):
            if rule.effect in HIDING:
                hidden |= items
            elif rule.effect == "boost":
                boost[items] += np.float32(rule.amount or 0.0)
        boosted, placement = np.flatnonzero(boost), self._placement(acting)
        return ListRules(
            rules=rules,
            inside=inside,
            hidden=np.flatnonzero(hidden),
            boosted=boosted,
            amounts=boost[boosted],
            placement=placement if placement.any else None,
            n_items=n_items,
        )

    def _placement(self, acting: Sequence[int]) -> Placement:
        """The placement of some rules; those that set the same places share it."""
        placing = tuple(n for n in acting if self.rules.rules[n].effect in PLACING)
        if placing not in self._placements:
            self._placements[placing] = self._placed(placing)
        return self._placements[placing]

    def _placed(self, placing: Sequence[int]) -> Placement:
        pins, caps, floors = [], [], []
        for number in placing:
            rule, items = self.rules.rules[number], self.items[number]
            if rule.effect == "pin":
                pins.append(Pin(rule.rank or 1, np.flatnonzero(items)))
            elif rule.effect == "cap":
                caps.append(Cap(rule.most or 0, rule.of or WHOLE_LIST, self.groups(number)))
            elif rule.effect == "floor":
                floors.append(Floor(rule.least or 1, rule.of or WHOLE_LIST, items))
        pins.sort(key=lambda pin: pin.rank)
        exact = any(self.rules.rules[number].exact for number in placing)
        return Placement(tuple(pins), _strictest(caps), tuple(floors), exact)

    def acted_on(self, number: int, active: Sequence[int]) -> np.ndarray:
        """bool ``[n_items]``: the items of a rule; of a hold without those that another of the
        ``active`` rules releases."""
        rule, inside = self.rules.rules[number], self.items[number]
        if rule.effect != "hold":
            return inside
        left = inside.copy()
        for other in active:
            release = self.rules.rules[other]
            if release.effect == "release" and release.holds in (None, rule.name):
                left &= ~self.items[other]
        return left

    def groups(self, number: int) -> Csr:
        """The groups of every item under a cap, as CSR: one for each value of ``by``."""
        if number not in self._groups:
            self._groups[number] = self._grouped(number)
        return self._groups[number]

    def _grouped(self, number: int) -> Csr:
        rule, inside = self.rules.rules[number], self.items[number]
        if rule.by is None:
            return offsets(inside.astype(np.int64)), np.zeros(int(inside.sum()), dtype=np.int64)
        column = _column(rule, rule.by, self.snapshot.items)
        values = [_parts(one) if keep else () for one, keep in zip(column, inside, strict=True)]
        distinct = dict.fromkeys(value for parts in values for value in parts)
        numbers = {one: n for n, one in enumerate(distinct)}
        flat = np.array([numbers[one] for parts in values for one in parts], dtype=np.int64)
        return offsets([len(parts) for parts in values]), flat

    def without(self, effect: str) -> BoundRules:
        """The rules but those of an effect."""
        kept = [n for n, rule in enumerate(self.rules) if rule.effect != effect]
        return BoundRules(
            rules=Rules(tuple(self.rules.rules[n] for n in kept)),
            snapshot=self.snapshot,
            items=tuple(self.items[n] for n in kept),
            code=self.code,
            members=self.members[:, kept],
            scenarios=tuple(self.scenarios[n] for n in kept),
            people=tuple(self.people[n] for n in kept),
        )

    def _list_rules(self, key: _Key) -> ListRules:
        found = self._kept.get(key)
        if found is None:
            met, scenario, period, kind = key
            members = np.frombuffer(met, dtype=bool)
            active = self.active(members, scenario, kind, self._instant(period))
            if kind == "similar":  # its scores are cosines: boosts are in other units
                active = [n for n in active if self.rules.rules[n].effect != "boost"]
            found = self.list_rules(active)
            if len(self._kept) >= self._most:
                self._kept.clear()
                self._placements.clear()
            self._kept[key] = found
        return found

    def _met(self, user: int, context: Mapping[str, Any] | None) -> bytes:
        """The rules whose ``who`` a user meets, as bytes of bool ``[n_rules]``."""
        if user >= 0:
            return self._of_code[int(self.code[user])]
        if not context:
            return self._met_by({})
        return self._met_by(context)

    def _met_by(self, context: Mapping[str, Any]) -> bytes:
        key = tuple(sorted((name, repr(value)) for name, value in context.items()))
        found: bytes | None = self._contexts.get(key)
        if found is None:
            table = _of_context(self.snapshot.users, context)
            met = [bool(_who(rule, table)[1]) for rule in self.rules]
            found = np.array(met, dtype=bool).tobytes()
            if len(self._contexts) >= _MOST_KEPT:
                self._contexts.clear()
            self._contexts[key] = found
        return found

    def _period(self, at: float | None) -> int:
        """Between which instants ``at`` (now by default) lies: 2 i + 1 on instant i, 2 i before."""
        if not self.instants:
            return 0
        now = time.time() if at is None else at
        place = bisect_left(self.instants, now)
        return 2 * place + int(place < len(self.instants) and self.instants[place] == now)

    def _instant(self, period: int) -> float:
        """A time in a period."""
        if not self.instants:
            return 0.0
        place, on = divmod(period, 2)
        if on:
            return self.instants[place]
        if place == 0:
            return self.instants[0] - 1.0
        if place == len(self.instants):
            return self.instants[-1] + 1.0
        return (self.instants[place - 1] + self.instants[place]) / 2


def _strictest(caps: Sequence[Cap]) -> tuple[Cap, ...]:
    """The caps without those that another one of the same groups and places makes needless."""
    best: dict[tuple[bytes, bytes, int], Cap] = {}
    for cap in caps:
        key = (cap.groups[0].tobytes(), cap.groups[1].tobytes(), cap.of)
        if key not in best or cap.most < best[key].most:
            best[key] = cap
    return tuple(best.values())


def _holds_in(wanted: frozenset[int] | None, scenario: int) -> bool:
    return wanted is None or scenario in wanted


def _items_of(rule: Rule, items: NodeTable, strict: bool) -> np.ndarray:
    """bool ``[n_items]``: the items that a rule is about. Raises RequestError."""
    if rule.about_users:
        return np.zeros(len(items), dtype=bool)
    if rule.by is not None:
        _column(rule, rule.by, items)
    return _about(rule, items, strict)


def _about(rule: Rule, items: NodeTable, strict: bool) -> np.ndarray:
    """bool ``[n]``: the items, or users, that a rule is about. Raises RequestError."""
    mask = np.ones(len(items), dtype=bool)
    kind = "users" if rule.about_users else "items"
    if rule.cypher is not None and rule.items is None:
        raise RequestError(
            f"{rule} has a Cypher pattern that was not read; name the store: Rules.read(path, "
            "store=...), or kgrec rules set --store."
        )
    if rule.items is not None:
        rows = items.rows(list(rule.items))
        unknown = [one for one, row in zip(rule.items, rows, strict=True) if row < 0]
        if unknown and strict:
            raise RequestError(f"{rule} names {kind} that are not in the graph: {named(unknown)}.")
        mask[:] = False
        mask[rows[rows >= 0]] = True
    if rule.what is not None:
        with _named(rule):
            mask &= attribute_mask(items.frame(f"{kind[:-1]}_id"), rule.what, kind)
    return mask


class _named:
    """Names the rule in a RequestError of the block."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RequestError):
            raise RequestError(f"{self.rule}: {error}") from error


def _column(rule: Rule, name: str, items: NodeTable) -> pd.Series[Any]:
    if name not in items.attributes.columns:
        known = ", ".join(map(str, items.attributes.columns)) or "none"
        raise RequestError(f"{rule}: items have no column {name!r}; they have: {known}.")
    return items.attributes[name]


def _parts(value: Any) -> tuple[str, ...]:
    """The values that an attribute counts as: each part of "a|b"; none where it is missing."""
    if value is None or value is pd.NA or value != value or value == "":
        return ()
    return tuple(dict.fromkeys(str(value).split("|")))


def _users(rules: Rules, users: NodeTable) -> tuple[Ints, np.ndarray]:
    """The code of each user, int64 ``[n_users]``, and which rules users of each code meet."""
    code = np.zeros(len(users), dtype=np.int64)
    members = np.ones((1, len(rules)), dtype=bool)
    for number, rule in enumerate(rules):
        if rule.who is None:
            continue
        joined, code = np.unique(code * 2 + _who(rule, users), return_inverse=True)
        members = members[joined // 2].copy()
        members[:, number] = joined % 2 == 1
    return code, members


def _of_context(users: NodeTable, context: Mapping[str, Any]) -> NodeTable:
    """A made-up user with a value of every attribute, then the one of ``context``: columns have
    the types that conditions expect. Raises RequestError."""
    columns: dict[str, Any] = {}
    for name, column in users.attributes.items():
        known = column.dropna()
        pair = [known.iloc[0] if len(known) else None, context.get(str(name))]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        try:
            columns[str(name)] = pd.Series(pair, dtype=np.float64 if numeric else object)
        except (TypeError, ValueError) as error:
            raise RequestError(f"context {name!r} is {pair[1]!r}; give a number.") from error
    ids = np.array(["0", "1"], dtype=object)
    return NodeTable(users.label, ids, pd.DataFrame(columns, index=range(2)))


def _who(rule: Rule, users: NodeTable) -> np.ndarray:
    """bool ``[n_users]``: the users of a rule. Raises RequestError."""
    if rule.who is None:
        return np.ones(len(users), dtype=bool)
    with _named(rule):
        return attribute_mask(users.frame("user_id"), rule.who, "users")


def _scenarios(rule: Rule, names: Sequence[str]) -> frozenset[int] | None:
    if not rule.scenario:
        return None
    unknown = [one for one in rule.scenario if one not in names]
    if unknown:
        known = ", ".join(map(repr, names)) or "none"
        raise RequestError(f"{rule}: unknown scenario {unknown[0]!r}; the model knows {known}.")
    return frozenset(map(list(names).index, rule.scenario))
