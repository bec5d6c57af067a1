"""Rules: several rules in order, read from a TOML file or made in Python."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, reason
from kgrec.rules.rule import Rule

if TYPE_CHECKING:
    from kgrec.stores.base import GraphStore

_TABLE: Final = "rule"  # [[rule]]
_HEADER: Final = re.compile(r"^\s*\[\[\s*rule\s*\]\]", re.MULTILINE)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Rules:
    """Rules, in order; their names differ.

    ``Rules.read`` reads a TOML file, ``Rules.of`` takes ``Rule`` objects. Set them as
    ``Recommender.rules``, which checks them against the graph. ``text`` is that of the file they
    were read from, "" without one; ``of_model``: whether they are those of a model's folder.
    """

    rules: tuple[Rule, ...] = ()
    text: str = field(default="", compare=False, repr=False)
    of_model: bool = field(default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        seen: dict[str, Rule] = {}
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise RequestError(f"rules hold a {type(rule).__name__}; give kgrec.Rule(...).")
            if rule.name in seen:
                raise RequestError(
                    f"{rule} has the name of another rule ({seen[rule.name]}); names differ."
                )
            seen[rule.name] = rule

    @staticmethod
    def of(*rules: Rule) -> Rules:
        """Rules in this order. Raises RequestError for two of one name."""
        return Rules(tuple(rules))

    @staticmethod
    def read(path: str | Path, *, store: GraphStore | None = None) -> Rules:
        """The rules of a TOML file, a table ``[[rule]]`` each.

        Parameters
        ----------
        path : path
            The file.
        store : GraphStore, optional
            Where the Cypher patterns of rules are read, once.

        Raises
        ------
        RequestError
            For a file that can't be read, and a wrong rule, with file and line.
        QueryError
            For a Cypher pattern that is wrong, or would write.
        """
        file = given_path(path, "path")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(
                f"{file} can't be read ({reason(error)}); name a TOML file."
            ) from error
        found = Rules.parse(text, str(file))
        return found if store is None else found.read_from(store)

    @staticmethod
    def parse(text: str, file: str = "rules.toml") -> Rules:
        """The rules of the text of a TOML file; ``file`` is what errors call it. Raises
        RequestError."""
        try:
            whole = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise RequestError(f"{file} is no valid TOML: {error}; correct it there.") from error
        others = [key for key in whole if key != _TABLE]
        if others:
            raise RequestError(f"{file} has {others[0]!r}; it takes tables [[rule]] alone.")
        tables = whole.get(_TABLE, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise RequestError(f"{file}: rule is no list of tables; begin each rule with [[rule]].")
        places = _places(text, file, len(tables))
        pairs = zip(tables, places, strict=True)
        return Rules(tuple(Rule.of_mapping(table, place) for table, place in pairs), text)

    def read_from(self, store: GraphStore) -> Rules:
        """The same rules with the items that their Cypher patterns find in ``store``.

        A pattern is read once: the rule keeps the ids of the items. Raises RequestError for one
        that finds nothing or whose first column has no ids, and QueryError.
        """
        if not any(rule.cypher for rule in self.rules):
            return self
        return Rules(tuple(_of_store(rule, store) for rule in self.rules))

    def with_rules(self, more: Iterable[Rule]) -> Rules:
        """These rules and ``more`` after them. Raises RequestError for two of one name."""
        return Rules((*self.rules, *more))

    def without(self, names: Iterable[str]) -> Rules:
        """The rules that have none of these names."""
        gone = set(names)
        return Rules(tuple(rule for rule in self.rules if rule.name not in gone))

    def at(self, time: float) -> Rules:
        """The rules that are valid at ``time`` (unix seconds), without their dates."""
        valid = (rule for rule in self.rules if rule.starts <= time <= rule.ends)
        return Rules(tuple(replace(rule, since=None, until=None) for rule in valid))

    def to_toml(self) -> str:
        """The text of a TOML file that ``parse`` reads as the same rules."""
        return "\n".join(_table(rule.to_mapping()) for rule in self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __getitem__(self, name: str) -> Rule:
        """The rule of this name. Raises RequestError where there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        known = ", ".join(repr(rule.name) for rule in self.rules) or "none"
        raise RequestError(f"no rule is called {name!r}; there are: {known}.")


def _places(text: str, file: str, count: int) -> list[str]:
    """Where each rule stands; the file alone where headers can't be counted (in long texts)."""
    lines = [text.count("\n", 0, one.end()) + 1 for one in _HEADER.finditer(text)]
    return [f"{file}, line {line}" for line in lines] if len(lines) == count else [file] * count


def _of_store(rule: Rule, store: GraphStore) -> Rule:
    if rule.cypher is None:
        return rule
    rows = store.query(rule.cypher, dict(rule.parameters or {}))
    first = [next(iter(row.values()), None) for row in rows]
    ids = sorted({one for one in first if isinstance(one, str)})
    if len(ids) == 0 or any(not isinstance(one, str) for one in first):
        what = "finds nothing" if not rows else "has a first column that is no list of item ids"
        raise RequestError(f"{rule}: its Cypher {what}; return ids first, as in RETURN i.id.")
    return rule.with_items(ids)


def _table(values: Mapping[str, Any]) -> str:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    return "\n".join([f"[[{_TABLE}]]", *lines, ""])


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items())
        return f"{{{inside}}}" if not inside else f"{{ {inside} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):  # a string of JSON is one of TOML, but for this one sign
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
