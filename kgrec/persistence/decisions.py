"""What a fit compared and chose, as JSON in a model's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from graph_schema.disk.files import read_json
from kgrec.fitting.evidence.decision import Decision

FILE: Final = "decisions.json"


def write(decisions: Sequence[Decision], folder: Path) -> None:
    """Write the decisions into ``folder``."""
    text = json.dumps([one.to_json() for one in decisions], indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text, encoding="utf-8")


def read(folder: Path) -> tuple[Decision, ...]:
    """What ``write`` wrote. Raises OSError, ValueError, KeyError, TypeError."""
    return tuple(Decision.of_json(one) for one in read_json(folder / FILE))
