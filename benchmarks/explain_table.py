"""``python -m benchmarks.explain_table``: the figures of docs/explanations.md, as kept."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.datasets import NAMES
from benchmarks.harness.report import RESULTS, between
from graph_schema.errors import SourceError

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "explanations.md"
START, END = (
    "<!-- explain: made by python -m benchmarks.explain_table -->",
    "<!-- end of explain -->",
)
_SHOWN: Final = (
    ("coverage", "≥ .97 (Beauty: .90)"),
    ("coverage_by_fall", ""),
    ("says_why", "1"),
    ("completeness_error", "≤ .01"),
    ("fidelity_ratio", "≥ 3"),
    ("fidelity.to_same_item", "≥ 2"),
    ("fidelity.own_links_to_same_item", "≥ 2"),
    ("fidelity.to_gates", "> 1"),
    ("fidelity.to_path_count", "> 1"),
    ("counterfactuals_held", "1"),
    ("counterfactuals_found", "≥ .90"),
    ("counterfactuals_minimal", ""),
    ("counterfactual_size", ""),
    ("reproduced", "1"),
    ("stable_same_state", ""),
    ("stable_without_oldest", ""),
    ("diversity_kinds", ""),
    ("diversity_items", ""),
    ("recency", ""),
    ("popularity", ""),
    ("ms_pair", "≤ 20"),
    ("ms_ten", "≤ 100"),
    ("ms_counterfactual", ""),
    ("ms_hub", "≤ 200"),
    ("ms_hub_paths", "≤ 200"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table into the page, or with ``--print`` show it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explain_table", description="The figures of explanations."
    )
    parser.add_argument("--print", action="store_true", help="show the table and change nothing")
    asked = parser.parse_args(arguments)
    text = table(RESULTS / "explanations")
    if asked.print:
        print(text)
        return
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between(page, text, START, END), encoding="utf-8")


def table(results: Path) -> str:
    """Markdown: a row a measure, a column a data set. Raises SourceError where none is kept."""
    found = {name: runs for name in NAMES if (runs := _runs(results, name))}
    if not found:
        raise SourceError(
            f"{results}: no explain-*.json is kept here. Cure: python -m benchmarks.explain --save"
        )
    lines = [["measure", "target", *found], ["---"] * (2 + len(found))]
    columns = [_joined(runs) for runs in found.values()]
    for name, target in _SHOWN:
        figures = [_cell(_inside(column, name)) for column in columns]
        lines.append([name, target, *figures])
    rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*rows, "", *(_whence(one) for runs in found.values() for one in runs)])


def _runs(results: Path, name: str) -> list[dict[str, Any]]:
    """What is kept of a data set: all figures, then those of a run for times alone."""
    kept = [results / f"explain-{name}.json", results / f"explain-{name}.times.json"]
    return [json.loads(path.read_text(encoding="utf-8")) for path in kept if path.is_file()]


def _joined(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of all runs, later ones for earlier ones."""
    return {name: value for run in runs for name, value in run["kgrec"].items()}


def _inside(figures: dict[str, Any], name: str) -> Any:
    value: Any = figures
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str:
    if not isinstance(value, int | float):
        return "–"
    if 0 < value < 1e-3:
        return f"{value:.0e}"
    return f"{value:.4g}" if value < 10 else f"{value:,.1f}"


def _whence(result: dict[str, Any]) -> str:
    return f"- `{result['command']}` ({result['date']}, {result['processor']})"


if __name__ == "__main__":
    main()
