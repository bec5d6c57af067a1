"""kglite in a process of its own, for tests that change a file as another program would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_EDIT = """
import json, sys
import kglite
from pathlib import Path
from kgrec.stores.embedded.file import StoreFile, leased, save

statements, version, refused = json.loads(sys.stdin.read())
file = StoreFile(Path(sys.argv[1]), sys.argv[1])
with leased(file) as graph:
    for statement in statements:
        graph.cypher(statement)
    for statement in refused:
        try:
            graph.cypher(statement)
        except kglite.ConstraintViolationError:
            continue
        raise SystemExit(f"not refused: {statement}")
    if version is not None:
        graph.set_schema_version(version)
    save(graph, file)
"""


def edit(
    path: Path, *statements: str, schema_version: int | None = None, refused: Sequence[str] = ()
) -> None:
    """Run Cypher that may write on the graph of a file, as another program would.

    A constraint of the graph must refuse the statements ``refused``, which are run last."""
    subprocess.run(
        [sys.executable, "-c", _EDIT, str(path)],
        input=json.dumps([statements, schema_version, refused]),
        text=True,
        check=True,
    )
