"""RuleFolder: the rules of a saved model, the items that wait for a decision, and the log."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graph_schema.disk.locks import held
from graph_schema.disk.paths import given_path
from graph_schema.disk.signature import KEY_FILE, signature_of
from graph_schema.errors import ModelError, RequestError, reason
from kgrec.arguments import as_id
from kgrec.files import save_text
from kgrec.rules.log import APPROVE, REJECT, SET, RuleLog
from kgrec.rules.rule import Rule
from kgrec.rules.ruleset import Rules

if TYPE_CHECKING:
    import pandas as pd

RULES, LOG, HELD = "rules.toml", "rules-log.jsonl", "held.jsonl"
SIGNATURE: Final = (
    "rules.signature"  # of RULES, where there is a key: see ``graph_schema.disk.signature``
)
FILES: Final = (RULES, LOG, HELD, SIGNATURE)  # of a model's folder, changed beside ``save``
HELD_COLUMNS: Final = (
    "rule",
    "item_id",
    "user_id",
    "scenario",
    "score",
    "rank",
    "reason",
    "time",
)
_KEY: Final = ("rule", "item_id", "user_id", "scenario")


class RuleFolder:
    """What people keep in the folder of a saved model: ``rules.toml``, the log of decisions
    ``rules-log.jsonl``, and ``held.jsonl``, the items that wait for one. Where
    KGREC_MODEL_KEY_FILE names a key, ``rules.signature`` has the signature of ``rules.toml``.

    ``Recommender.load`` reads ``rules.toml``, which may be written by hand, and ``save`` keeps
    all. Changes here are in force once the model is loaded again, or by ``model.rules =
    RuleFolder(folder).rules``.

    Parameters
    ----------
    folder : path
        The folder of a model.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = given_path(folder, "folder")
        if not self.folder.is_dir():
            raise RequestError(f"{self.folder} is no folder; name that of a saved model.")

    @property
    def rules(self) -> Rules:
        """The rules of ``rules.toml``; none without the file. Raises RequestError, and ModelError
        where there is a key that did not sign them."""
        text = self._text(RULES)
        self._check_signature(text)
        there = self._place(RULES).exists()
        return Rules.parse(text, str(self._place(RULES))) if there else Rules()

    @property
    def log(self) -> RuleLog:
        """The log, empty without a file. Raises RequestError that names a line that was changed."""
        return RuleLog.parse(self._text(LOG), str(self._place(LOG)))

    def set(self, rules: Rules, author: str, why: str = "", *, was: Rules | None = None) -> RuleLog:
        """Put rules in the place of all there are, and log it.

        Parameters
        ----------
        rules : Rules
            All rules from now on.
        author, why : str
            Who sets them, and the reason.
        was : Rules, optional
            Those that were there when ``rules`` were made of them. Where somebody changed them in
            between, nothing is written.

        Returns
        -------
        RuleLog
            The log.

        Raises
        ------
        RequestError
            Without an author, and where the rules are not ``was`` any more.
        """
        with self._alone():
            if was is not None and self.rules != was:
                raise RequestError(
                    f"{self._place(RULES)}: somebody changed the rules in between, and nothing was "
                    "written; read them again, make your change there, and set that."
                )
            return self._set(rules, author, why)

    def change(
        self, change: Callable[[Rules], Rules | None], author: str, why: str = ""
    ) -> RuleLog | None:
        """Put what ``change`` makes of the present rules in their place, and log it.

        Nobody else changes them in between. None from ``change`` leaves them as they are, and then
        None is returned. Raises RequestError without an author.
        """
        with self._alone():
            rules = change(self.rules)
            return None if rules is None else self._set(rules, author, why)

    def sign(self, known: str) -> None:
        """Sign the rules where there is a key that has not yet, and they are ``known`` (the text of
        a file): what another person put there stays unsigned."""
        text = self._text(RULES)
        right = signature_of(RULES, text)
        if right is not None and text == known and not self._is_signed(right):
            save_text(self._place(SIGNATURE), right, private=True)

    def decide(
        self, rule: str, item: str, *, approve: bool, author: str, why: str = ""
    ) -> tuple[Rule, RuleLog]:
        """Decide about an item that a hold keeps out of lists.

        Parameters
        ----------
        rule, item : str
            The name of the hold, and the item's id.
        approve : bool
            True: a release, by which the item may be in lists again. False: it is never in them,
            for the users and scenarios of the hold.
        author, why : str
            Who decides, and the reason.

        Returns
        -------
        tuple
            The rule that was added, and the log.

        Raises
        ------
        RequestError
            Where there is no such hold, where it was decided before, and without an author.
        """
        item = as_id(item, "item")
        with self._alone():
            rules, log = self.rules, self.log
            added = _decision(rules[rule], item, approve=approve, author=author, why=why)
            after = rules.with_rules([added])
            if log.rules() != rules:  # by hand: the log must replay to the rules in use
                log = log.with_entry(SET, rules, author, f"{RULES} as it was", time.time())
            action = APPROVE if approve else REJECT
            log = log.with_entry(action, [added], author, why, time.time())
            text = rules.text if rules.text.endswith("\n") else f"{rules.text}\n"
            self._write(log, f"{text}\n{Rules.of(added).to_toml()}")
            self._write_held([row for row in self._rows() if not _is_about(row, rule, item)])
            assert self.rules == after
        return added, log

    def held(self) -> pd.DataFrame:
        """The items that wait for a decision.

        Returns
        -------
        pandas.DataFrame
            Columns rule, item_id, user_id, scenario (str, "" for none), score (float64), rank
            (int64), reason (the best path in words) and time (str, UTC).
        """
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=list(HELD_COLUMNS))

    def add_held(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add rows of ``Recommender.held``, each in the place of an older one of the same rule,
        item, user and scenario; returns ``held()``."""
        with self._alone():
            rows = {_key(row): row for row in self._rows()}
            for new in frame[list(HELD_COLUMNS)].to_dict(orient="records"):
                row = {str(name): value for name, value in new.items()}
                rows[_key(row)] = row
            self._write_held(list(rows.values()))
        return self.held()

    def copy_to(self, folder: str | Path) -> None:
        """Put the rules, their log and the held items in the place of those of another model."""
        other = RuleFolder(folder)
        with self._alone(), other._alone():
            self._check_signature(self._text(RULES))
            for name in (LOG, HELD):
                there = self._place(name).exists()
                if there or other._place(name).exists():
                    save_text(other._place(name), self._text(name) if there else "")
            if self._place(RULES).exists() or other._place(RULES).exists():
                other._write_rules(self._text(RULES))

    def held_users(self) -> frozenset[str]:
        """The ids of users for whom an item waits."""
        return frozenset(str(row["user_id"]) for row in self._rows()) - {""}

    def forget_users(self, users: Collection[str]) -> int:
        """Remove the items that wait for these users; returns how many there were."""
        with self._alone():
            rows = self._rows()
            kept = [row for row in rows if str(row["user_id"]) not in users]
            if len(kept) < len(rows):
                self._write_held(kept)
        return len(rows) - len(kept)

    def _write(self, log: RuleLog, rules: str) -> None:
        """The log first: where the other is not written, the log shows it."""
        save_text(self._place(LOG), log.text, private=True)
        self._write_rules(rules)

    def _write_rules(self, text: str) -> None:
        """Write the rules, and sign them where there is a key. Between the steps the signature is
        that of the rules before and after: whoever is killed leaves rules that are signed."""
        after = signature_of(RULES, text)
        if after is not None:
            before = self._text(SIGNATURE)
            save_text(self._place(SIGNATURE), f"{after}\n{before}", private=True)
        save_text(self._place(RULES), text, private=True)
        if after is not None:
            save_text(self._place(SIGNATURE), after, private=True)

    def _is_signed(self, right: str) -> bool:
        given = self._text(SIGNATURE).encode("utf-8", "replace").split()
        return any(hmac.compare_digest(right.encode(), one) for one in given)

    def _check_signature(self, text: str) -> None:
        """Raise ModelError where there is a key, and it did not sign the rules, or they were
        removed."""
        right = signature_of(RULES, text)
        there = self._place(RULES).exists() or self._place(SIGNATURE).exists()
        if right is not None and there and not self._is_signed(right):
            raise ModelError(
                f"{self._place(RULES)} is not signed with the key of {KEY_FILE}: somebody changed "
                f"or removed it without the key. Cure: move it and {SIGNATURE} out of the folder, "
                "read the rules, and put those that you want in their place with kgrec rules set "
                "--file."
            )

    def _set(self, rules: Rules, author: str, why: str) -> RuleLog:
        log = self.log.with_entry(SET, rules, author, why, time.time())
        self._write(log, rules.text or rules.to_toml())
        return log

    def _write_held(self, rows: list[Mapping[str, Any]]) -> None:
        lines = [json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows]
        if lines or self._place(HELD).exists():
            save_text(self._place(HELD), "".join(lines), private=True)

    def _rows(self) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        for number, line in enumerate(self._text(HELD).splitlines(), start=1):
            place = f"{self._place(HELD)}, line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise RequestError(f"{place} is no JSON ({error}); remove the line.") from error
            if not isinstance(row, dict) or set(row) != set(HELD_COLUMNS):
                raise RequestError(f"{place} is no held item; remove the line.")
            rows.append(row)
        return rows

    def _text(self, name: str) -> str:
        place = self._place(name)
        try:
            return place.read_text(encoding="utf-8") if place.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{place} can't be read ({reason(error)}); restore it.") from error

    def _place(self, name: str) -> Path:
        return self.folder / name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change after another, also by several processes."""
        with held(self.folder, wait=True):
            yield


def _decision(hold: Rule, item: str, *, approve: bool, author: str, why: str) -> Rule:
    """The rule that a decision adds. Raises RequestError for a rule that holds nothing."""
    if hold.effect != "hold":
        raise RequestError(f"{hold} has the effect {hold.effect!r}; decide about a hold.")
    name = f"{APPROVE if approve else REJECT} {hold.name}: {item}"
    if approve:
        return Rule(name, "release", items=(item,), holds=hold.name, author=author, reason=why)
    return Rule(
        name,
        "never",
        who=hold.who,
        scenario=hold.scenario,
        items=(item,),
        lists=hold.lists,
        author=author,
        reason=why,
    )


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _KEY)


def _is_about(row: Mapping[str, Any], rule: str, item: str) -> bool:
    return bool(row["rule"] == rule and row["item_id"] == item)
