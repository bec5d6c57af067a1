"""Finding and LeakReport: what was found, how grave it is, and how to repair it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import pandas as pd

Severity = Literal["leak", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("leak", "warning", "note")
_COLUMNS: Final = ("severity", "kind", "where", "message", "cure", "example")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind : str
        Which check found it, such as "times all equal".
    severity : {"leak", "warning", "note"}
        "leak": training reads what tells held-out rows, so that figures on them are too good.
        "warning": the data is probably not what it seems. "note": should be known, and may be
        intended.
    where : str
        The column or relation.
    message : str
        What was found, with its figures, in one sentence.
    cure : str
        What to do.
    figures : mapping of str to float
        The figures of the sentence.
    example : str
        A row that shows it, which may name a user; "" without one.
    """

    kind: str
    severity: Severity
    where: str
    message: str
    cure: str
    figures: Mapping[str, float] = field(default_factory=dict)
    example: str = ""

    def __str__(self) -> str:
        shown = f" For example {self.example}." if self.example else ""
        return f"{self.where}: {self.message}{shown} {self.cure}"


@dataclass(frozen=True)
class LeakReport:
    """All findings, the gravest first."""

    findings: tuple[Finding, ...] = ()

    @staticmethod
    def of(findings: Sequence[Finding]) -> LeakReport:
        """The report of findings in any order."""
        return LeakReport(tuple(sorted(findings, key=lambda one: SEVERITIES.index(one.severity))))

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(f"{one.severity}: {one}" for one in self.findings) or "no leak was found"

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that make figures on held-out rows too good."""
        return tuple(one for one in self.findings if one.severity == "leak")

    def without_examples(self) -> LeakReport:
        """The report without rows, as it is kept with a model: it names nobody."""
        return LeakReport(tuple(replace(one, example="") for one in self.findings))

    def frame(self) -> pd.DataFrame:
        """A row for each finding: severity, kind, where, message, cure and example, all str."""
        rows = [[getattr(one, name) for name in _COLUMNS] for one in self.findings]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def to_markdown(self) -> str:
        """A list with an entry for each finding."""
        return "\n".join(f"- **{one.severity}** — {one}" for one in self.findings) + "\n"

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values, for JSON."""
        return [asdict(one) | {"figures": dict(one.figures)} for one in self.findings]

    @staticmethod
    def of_json(values: Sequence[Mapping[str, Any]]) -> LeakReport:
        """What ``to_json`` returned. Raises TypeError for other values."""
        return LeakReport(tuple(Finding(**one) for one in values))
