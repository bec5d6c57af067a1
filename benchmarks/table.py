"""``python -m benchmarks.table``: the README's tables, made from benchmarks/results.

Whatever stands between the two marker comments of a section is replaced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.datasets import NAMES
from benchmarks.harness.report import RESULTS, between
from graph_schema.errors import SourceError

README: Final = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- accuracy: made by python -m benchmarks.table -->", "<!-- end of accuracy -->"
OURS: Final = "kgrec"
_METRICS: Final = ("ndcg@10", "recall@10", "recall@20")
_HEADER: Final = ("data", "history", "model", "NDCG@10", "Recall@10", "Recall@20", "whose code")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table into a file, or with ``--print`` show it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.table", description="The README's table of accuracy."
    )
    parser.add_argument("--file", type=Path, default=README, help="default: README.md")
    parser.add_argument("--print", action="store_true", help="show the table and change nothing")
    asked = parser.parse_args(arguments)
    text = accuracy_table(RESULTS / "accuracy")
    if asked.print:
        print(text)
        return
    page = asked.file.read_text(encoding="utf-8")
    asked.file.write_text(between(page, text, START, END), encoding="utf-8")


def accuracy_table(results: Path) -> str:
    """Markdown: per data set and history kgrec, then its peers, best first, and whence it all is.

    Raises SourceError where no result is kept.
    """
    lines: list[tuple[str, ...]] = []
    commands: list[str] = []
    for data in NAMES:
        kept = _kept(results, data)
        commands += [_command(result) for result in kept]
        for history in ("now", "train"):
            lines += _lines(data, history, _models(kept, history))
    if not lines:
        raise SourceError(
            f"{results}: no accuracy-*.json is kept here. Cure: python -m benchmarks.accuracy "
            "DATASET --peers --save"
        )
    return "\n".join([*_markdown(_HEADER, lines), "", *commands])


def _kept(results: Path, data: str) -> list[dict[str, Any]]:
    """A data set's results: those of models run alone ("accuracy-DATA.MODEL"), then the whole."""
    whole = results / f"accuracy-{data}.json"
    paths = [*sorted(results.glob(f"accuracy-{data}.*.json")), whole]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def _models(kept: Iterable[Mapping[str, Any]], history: str) -> dict[str, dict[str, Any]]:
    """Every model's figures; of a model that was run twice, the later day's, then the whole's."""
    found: dict[str, dict[str, Any]] = {}
    for result in sorted(kept, key=lambda result: result["date"]):
        main = result["history"] == history
        part = result if main else result.get(f"history={history}", {})
        codes = {name: peer.get("code", "") for name, peer in result["peers"].items()}
        for name, figures in part.get("peers", {}).items():
            found[name] = {**figures, "code": codes.get(name, "")}
        if OURS in part:
            effort = result.get("effort", "normal")
            name = OURS if effort == "normal" else f"{OURS}, {effort}"
            found[name] = {**part[OURS], "code": OURS}
    return found


def _lines(
    data: str, history: str, models: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, ...]]:
    ranked = sorted(models, key=lambda name: (name != OURS, -models[name]["ndcg@10"]))
    return [
        (
            data,
            history,
            f"**{name}**" if name == OURS else name,
            *(_figure(models[name][metric]) for metric in _METRICS),
            models[name]["code"],
        )
        for name in ranked
    ]


def _figure(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _command(result: Mapping[str, Any]) -> str:
    return f"- `{result['command']}` ({result['date']}, {result['processor']})"


def _markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    rows = [header, ["---"] * len(header), *lines]
    return ["| " + " | ".join(row) + " |" for row in rows]


if __name__ == "__main__":
    main()
