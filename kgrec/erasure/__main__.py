"""Erase people from the models of a service that runs: ``python -m kgrec.erasure ROOT``.

The service starts this process, as it takes seconds. The ids come as a JSON list on standard input,
where other processes don't see them; what left is JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from kgrec.errors import KgrecError


def main(arguments: list[str]) -> int:
    """Erase, and print what left; an error is the exit code 1."""
    from kgrec.erasure.erasing import erase_models
    from kgrec.serving.registry import Root

    (folder,) = arguments
    try:
        done = erase_models(Root(Path(folder)), json.load(sys.stdin))
    except KgrecError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps([asdict(one) for one in done]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
