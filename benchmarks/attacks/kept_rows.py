"""Results of a long campaign in a file, a line of JSON each, so that it can be continued."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class KeptRows:
    """What was measured before is read from the file; what is measured now is added to it.

    Parameters
    ----------
    path : Path or None
        The file; None: every result is measured, and kept nowhere.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, Any] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                one = json.loads(line)
                self._rows[_key(one["of"])] = one["result"]

    def get(self, of: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result ``of`` these settings."""
        found = self._rows.get(_key(of))
        if found is None:
            found = measure()
            self._rows[_key(of)] = found
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"of": of, "result": found}) + "\n")
        return dict(found)


def _key(of: dict[str, Any]) -> str:
    return json.dumps(of, sort_keys=True)
