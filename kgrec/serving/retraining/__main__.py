"""``python -m kgrec.serving.retraining ROOT LIVE NEW UNTIL SETTINGS``: see ``train_next``.

SETTINGS is JSON. It prints what was found as JSON; an error is on stderr, with the exit code 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from graph_schema.output.printable import printable
from kgrec.errors import KgrecError
from kgrec.serving.registry import Root
from kgrec.serving.retraining.settings import TrainSettings
from kgrec.serving.retraining.train_next import train_next


def main(arguments: list[str]) -> int:
    """Train, and print what was found."""
    folder, live, new, until, settings = arguments
    try:
        given = msgspec.json.decode(settings, type=TrainSettings)
        done = train_next(Root(Path(folder)), live, new, int(until), given)
    except KgrecError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    sys.stdout.write(msgspec.json.encode(done).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
