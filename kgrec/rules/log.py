"""The log of decisions: a line of JSON each, with the hash of the line before."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graph_schema.errors import RequestError
from kgrec.rules.rule import Rule
from kgrec.rules.ruleset import Rules

SET, APPROVE, REJECT = "set", "approve", "reject"
_ACTIONS: Final = (SET, APPROVE, REJECT)
_START: Final = ""  # what the first entry has in place of a hash
_FIELDS: Final = ("number", "time", "action", "author", "reason", "rules", "before", "hash")


@dataclass(frozen=True)
class LogEntry:
    """One entry of the log.

    Attributes
    ----------
    number : int
        Its line, from 1.
    time : str
        When, in UTC.
    action : str
        "set": ``rules`` are all rules from now on. "approve", "reject": ``rules`` hold the one that
        a decision about a held item adds.
    author, reason : str
        Who did it, and why.
    rules : tuple of Rule
        See ``action``.
    before : str
        The hash of the entry before, "" for the first.
    """

    number: int
    time: str
    action: str
    author: str
    reason: str
    rules: tuple[Rule, ...]
    before: str

    @property
    def content(self) -> dict[str, Any]:
        """Everything but the hash."""
        return {
            "number": self.number,
            "time": self.time,
            "action": self.action,
            "author": self.author,
            "reason": self.reason,
            "rules": [rule.to_mapping() for rule in self.rules],
            "before": self.before,
        }

    @property
    def hash(self) -> str:
        """sha256 of the content, in hexadecimal."""
        return hash_of(self.content)

    @property
    def line(self) -> str:
        """The entry as a line of the file, without its end."""
        return json.dumps({**self.content, "hash": self.hash}, ensure_ascii=False)


@dataclass(frozen=True)
class RuleLog:
    """The entries of a log, oldest first."""

    entries: tuple[LogEntry, ...] = ()

    @staticmethod
    def parse(text: str, file: str = "the log") -> RuleLog:
        """The log of a file's text.

        Raises RequestError that names the first line that was changed, removed, added or is no
        entry. Lines removed from the end can't be found here: compare ``last`` with a hash kept
        elsewhere, or the rules with those in use.
        """
        entries: list[LogEntry] = []
        for number, line in enumerate(text.splitlines(), start=1):
            entry = _entry(line, f"{file}, line {number}")
            before = entries[-1].hash if entries else _START
            if entry.number != number or entry.before != before:
                raise RequestError(
                    f"{file}, line {number} does not follow the line before: a line was removed, "
                    "added or moved there; restore the file from a copy."
                )
            entries.append(entry)
        return RuleLog(tuple(entries))

    @property
    def text(self) -> str:
        """The text of the file."""
        return "".join(f"{entry.line}\n" for entry in self.entries)

    @property
    def last(self) -> str:
        """The hash of the last entry, "" without any."""
        return self.entries[-1].hash if self.entries else _START

    def rules(self, number: int | None = None) -> Rules:
        """The rules after entry ``number`` (the last by default): what the log replays to."""
        found = Rules()
        for entry in self.entries[:number]:
            found = Rules(entry.rules) if entry.action == SET else found.with_rules(entry.rules)
        return found

    def with_entry(
        self, action: str, rules: Iterable[Rule], author: str, reason: str, time: float
    ) -> RuleLog:
        """The log with one entry more, made at ``time`` (unix seconds). Raises RequestError without
        an author."""
        if not author.strip():
            raise RequestError("a decision needs its author; give a name.")
        when = dt.datetime.fromtimestamp(time, dt.UTC).isoformat(timespec="seconds")
        entry = LogEntry(
            number=len(self.entries) + 1,
            time=when,
            action=action,
            author=author,
            reason=reason,
            rules=tuple(rules),
            before=self.last,
        )
        return RuleLog((*self.entries, entry))


def hash_of(content: Mapping[str, Any]) -> str:
    """sha256 of an entry's JSON values, in hexadecimal: what the next entry of a log has."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _entry(line: str, place: str) -> LogEntry:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"{place} is no JSON ({error}); restore the file from a copy."
        ) from error
    if not isinstance(values, dict) or set(values) != set(_FIELDS):
        raise RequestError(f"{place} is no entry of a log of rules; restore the file from a copy.")
    tables = values["rules"]
    if values["action"] not in _ACTIONS or not isinstance(tables, list):
        raise RequestError(f"{place} has an action or rules that no log has; restore the file.")
    entry = LogEntry(
        number=values["number"],
        time=values["time"],
        action=values["action"],
        author=values["author"],
        reason=values["reason"],
        rules=_rules(tables, place),
        before=values["before"],
    )
    if entry.hash != values["hash"]:
        raise RequestError(f"{place} was changed: its hash differs; restore the file from a copy.")
    return entry


def _rules(tables: Sequence[Any], place: str) -> tuple[Rule, ...]:
    if not all(isinstance(one, dict) for one in tables):
        raise RequestError(f"{place} has rules that are no objects; restore the file from a copy.")
    return tuple(Rule.of_mapping(one, place) for one in tables)
