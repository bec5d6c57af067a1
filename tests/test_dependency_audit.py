"""What ``make audit`` says of reports of pip-audit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dependency_audit import evaluated

GOOD = {"name": "a", "version": "1.0", "vulns": []}
BAD = {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found and could not be audited: c (1)"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([GOOD], 0, "1 of 1 packages checked, 0 known"),
        ([GOOD, BAD], 1, "b 2.0: PYSEC-1, mended in 2.1"),
        ([GOOD, SKIPPED], 2, "not checked: c"),
        ([SKIPPED, SKIPPED], 2, "nothing was checked: the database of vulnerabilities can't"),
        ([], 2, "nothing was checked"),
    ],
)
def test_what_was_not_checked_is_no_success(
    packages: list[dict[str, Any]], code: int, words: str
) -> None:
    found, said = evaluated(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert (found, words in said) == (code, True)


def test_no_report_is_an_error() -> None:
    assert evaluated("", "Traceback\nConnectionError: no route") == (
        2,
        "nothing was checked: pip-audit made no report (ConnectionError: no route).",
    )
