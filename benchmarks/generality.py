"""``python -m benchmarks.generality``: kgrec and simple peers on every data set at hand, measured
in one way.

Each data set has one rule of splitting; all items are ranked but those seen before. Peers and
kgrec choose their settings on validation rows alone. The result are kgrec's ranks and its gain over
the best peer, with intervals. What was measured before is read from ``--kept`` where data and code
are the same, so that a run that ended goes on where it was.

``--evaluated valid`` is for development: test rows are left out, and validation rows take their
place. ``--leave-one-out SETTING=VALUES`` chooses a setting there on all data sets but one.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.general_data.generated import made_sources
from benchmarks.general_data.kept import Kept
from benchmarks.general_data.left_out import leave_one_out
from benchmarks.general_data.measuring import (
    OURS,
    SIMPLE_PEERS,
    Bench,
    Cell,
    Evaluated,
    Setting,
    feasible,
)
from benchmarks.general_data.public import Source, public_sources
from benchmarks.general_data.standing import Standing, standings, summary
from benchmarks.harness import report
from graph_schema.errors import SourceError
from loaders import cache_root

EFFORTS: Final = ("quick", "normal", "thorough")
PROTOCOL: Final = (
    "one split rule a data set; fit on train, chosen on valid (a tenth of each user's train rows "
    "where the data names none, then fitted on all of train); full ranking of all items but those "
    "seen before; history now: validation rows are in the history when asked, train: they aren't; "
    "gain: kgrec's lead over the best peer in per cent, paired bootstrap over users"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; see ``--help``."""
    asked = _parser().parse_args(arguments)
    started = time.process_time()
    sources = _sources(asked.data)
    evaluated: Evaluated = "valid" if asked.leave_one_out else asked.evaluated
    bench = Bench(Kept(asked.kept), evaluated, asked.effort, asked.seed)
    settings = _settings(asked.leave_one_out) if asked.leave_one_out else []
    part = _left_out(sources, bench, settings) if settings else _ranked(sources, bench)
    rows = part.pop("rows")
    result = {
        "data": ", ".join(source.name for source in sources),
        "protocol": PROTOCOL,
        "evaluated": evaluated,
        "effort": asked.effort,
        **part,
        "seconds_now": round(time.process_time() - started, 1),
        "seeds": [asked.seed],
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    report.finish(_file(asked), result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generality", description=__doc__)
    parser.add_argument("--data", nargs="+", metavar="NAME", help="these alone (default all)")
    parser.add_argument("--effort", choices=EFFORTS, default="quick", help="kgrec's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--evaluated", choices=("valid", "test"), default="test", help="rows that lists are to find"
    )
    parser.add_argument(
        "--leave-one-out",
        metavar="SETTING=VALUES",
        help='as model.shrinkage=0,5 or kgrec.module.NAME="[[1, 2], [1]]"; the first is today\'s',
    )
    parser.add_argument(
        "--kept",
        type=Path,
        default=cache_root() / "generality",
        help="folder of snapshots and figures (default in the cache folder)",
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _sources(names: Sequence[str] | None) -> list[Source]:
    """The named data sets, or all; small ones first."""
    known = {source.name: source for source in (*public_sources(), *made_sources())}
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise SourceError(
            f"no data set is called {', '.join(unknown)}. Cure: use some of {', '.join(known)}."
        )
    chosen = known.values() if names is None else [known[name] for name in dict.fromkeys(names)]
    return sorted(chosen, key=lambda source: source.size)


def _settings(text: str) -> list[Setting]:
    """The values of ``NAME=VALUES``: a JSON list, or words by comma. Raises SourceError."""
    name, equals, given = text.partition("=")
    if not equals or "." not in name or not given:
        raise SourceError(f"{text!r} is no setting. Cure: write it as model.shrinkage=0,5.")
    listed = given if given.startswith("[") else f"[{given}]"
    try:
        values = json.loads(listed)
    except json.JSONDecodeError:
        values = given.split(",")
    return [Setting(name, value) for value in values]


def _ranked(sources: Sequence[Source], bench: Bench) -> dict[str, Any]:
    """kgrec beside its peers on every data set."""
    found: list[Standing] = []
    seconds: dict[str, dict[str, float]] = {}
    chosen: dict[str, dict[str, Any]] = {}
    for source in sources:
        cells = _cells(source, bench)
        found += standings(source.name, cells)
        seconds[source.name] = {name: round(cell.cost, 1) for name, cell in cells.items()}
        chosen[source.name] = {
            name: dict(cell.settings) for name, cell in cells.items() if name != OURS
        }
    return {
        "rows": [one.row() for one in found],
        **summary(found),
        "splits": {source.name: source.split for source in sources},
        "standings": [one.row() for one in found],
        "seconds": seconds,
        "peers_settings": chosen,
    }


def _cells(source: Source, bench: Bench) -> dict[str, Cell]:
    rows, data = bench.rows(source)
    models = (OURS, *feasible(rows, SIMPLE_PEERS))
    return {model: bench.cell(rows, data, source.name, model) for model in models}


def _left_out(
    sources: Sequence[Source], bench: Bench, settings: Sequence[Setting]
) -> dict[str, Any]:
    """The setting chosen without each data set."""
    found = {}
    for source in sources:
        rows, data = bench.rows(source)
        found[source.name] = [
            bench.cell(rows, data, source.name, OURS, setting) for setting in settings
        ]
    values = [str(setting.value) for setting in settings]
    rows_of = leave_one_out(found, values)
    return {
        "rows": rows_of,
        "setting": settings[0].name,
        "values": values,
        "left_out": rows_of,
        "figures": {
            name: {
                value: {h: round(cell.mean(h, "ndcg@10"), 5) for h in cell.users}
                for value, cell in zip(values, cells, strict=True)
            }
            for name, cells in found.items()
        },
    }


def _file(asked: argparse.Namespace) -> str:
    if asked.leave_one_out:
        return f"generality.{asked.leave_one_out.partition('=')[0].rpartition('.')[2]}"
    effort = "" if asked.effort == "quick" else f".{asked.effort}"
    evaluated = "" if asked.evaluated == "test" else ".valid"
    return f"generality{effort}{evaluated}"


if __name__ == "__main__":
    report.run(main)
