"""``python -m kgrec.serving.reporting ROOT MODEL``: a report that stdin describes, on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from graph_schema.output.printable import printable
from kgrec.errors import KgrecError
from kgrec.serving.registry import Root
from kgrec.serving.reporting.reports import Report, made_report


def main(arguments: list[str]) -> int:
    """Make the report; an error is said on stderr, with the exit code 1."""
    folder, name = arguments
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Report)
    try:
        found = made_report(Root(Path(folder)), name, asked)
    except KgrecError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(found, enc_hook=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
