"""A worker: started by the first process of a service, which says on its input what it is to do."""

from __future__ import annotations

import sys

import msgspec

from kgrec.errors import KgrecError
from kgrec.serving.processes.worker import run_worker
from kgrec.serving.processes.workers import WorkerStart
from kgrec.serving.verbs.lists import warm
from kgrec.serving.web.app import make_worker_app

_INTERRUPTED = 130
_SWITCH = 0.001  # seconds after which a thread that computes lets another go on


def main() -> int:
    """The exit code: 1 where the worker can't answer, which it says."""
    sys.setswitchinterval(_SWITCH)
    asked = msgspec.json.decode(sys.stdin.buffer.readline(), type=WorkerStart)
    try:
        run_worker(asked, warm, make_worker_app)
    except KgrecError as error:
        print(f"worker {asked.number}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # at a terminal it reaches all processes
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
