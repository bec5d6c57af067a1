"""The example of the page on rules can be read, and fits a graph with its attributes."""

from __future__ import annotations

import re
from pathlib import Path

from kgrec import Rules
from kgrec.graph import GraphSnapshot
from kgrec.rules.conflicts import checked
from kgrec.rules.rule import EFFECTS
from tests.recommender import catalogs

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_example_can_be_read(tmp_path: Path) -> None:
    texts = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    first, *others = [Rules.parse(text.replace('"408"', '"i3"')) for text in texts]
    snapshot: GraphSnapshot = catalogs.snapshot(tmp_path)
    assert checked(first, snapshot, []) is not None
    assert {rule.effect for rule in first} == set(EFFECTS) - {"release"}
    assert all(len(rules) for rules in others)


def test_every_effect_is_on_the_page() -> None:
    assert [name for name in EFFECTS if f"| `{name}` |" not in PAGE] == []
