"""``python -m kgrec.serving.experiments.shadow_process FOLDER MODEL``: the process of a shadow.

Each line of its input is a request, or a record that was stored; for each request it writes the
ids of its own list and the seconds that it took, or null where it has none.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from graph_schema.output.printable import printable
from kgrec.errors import KgrecError
from kgrec.serving.event_log import records_of
from kgrec.serving.experiments.shadow import ASK
from kgrec.serving.problems import Problem
from kgrec.serving.registry import Root
from kgrec.serving.service import Served
from kgrec.serving.verbs.bodies import RecommendBody
from kgrec.serving.verbs.lists import ranked, warm

_NICE = 10


def answer(served: Served, content: msgspec.Raw) -> dict[str, Any] | None:
    """The ids of the list of a request, and the seconds that it took; None where it has none."""
    body = msgspec.json.decode(content, type=RecommendBody)
    started = time.perf_counter()
    try:
        found, _ = ranked(served, body)
    except (KgrecError, Problem):
        return None
    seconds = time.perf_counter() - started
    ids = [str(item) for item in found.ids[0].tolist() if item is not None]
    return {"ids": ids, "seconds": seconds}


def main(arguments: list[str]) -> int:
    """Answer until the input ends."""
    folder, name = arguments
    if hasattr(os, "nice"):
        os.nice(_NICE)
    root = Root(Path(folder))
    try:
        served = Served.load(root, root.read().entry(name), records_of(root.log))
        warm(served, ())
    except KgrecError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    for line in sys.stdin.buffer:
        kind, content = msgspec.json.decode(line, type=tuple[str, msgspec.Raw])
        if kind == ASK:
            served = served.with_growth()
            sys.stdout.write(msgspec.json.encode(answer(served, content)).decode() + "\n")
            sys.stdout.flush()
            continue
        record = msgspec.json.decode(content)
        if record["number"] > served.live.last:
            served.live.add(record)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
