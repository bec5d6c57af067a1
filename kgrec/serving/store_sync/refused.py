"""RefusedRecords: the records that a store refused, with the reasons, as lines of JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from graph_schema.disk.files import put_text
from kgrec.errors import ServiceError, reason
from kgrec.serving.event_log import Keep, Record


class RefusedRecords:
    """A file of records that a store refused; each is there once.

    Attributes
    ----------
    numbers : list of int
        Their numbers in the log, oldest first.

    Raises
    ------
    ServiceError
        Where the file can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers = [one["number"] for one in self._read()]

    def add(self, record: Record, why: str) -> None:
        """Keep a record. Raises ServiceError where the disk refuses."""
        number = record["number"]
        if number in self.numbers:
            return
        line = json.dumps({"number": number, "why": why, "record": record}) + "\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, line.encode("utf-8", "replace"))
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise self._unwritten(error) from error
        self.numbers.append(number)

    def keep(self, keep: Keep) -> None:
        """Leave out what ``keep`` does not keep: people who were erased. Raises ServiceError."""
        found = self._read()
        kept = [one for one in found if keep(one["record"]) == one["record"]]
        if len(kept) == len(found):
            return
        try:
            put_text(self.path, "".join(json.dumps(one) + "\n" for one in kept), private=True)
        except OSError as error:
            raise self._unwritten(error) from error
        self.numbers = [one["number"] for one in kept]

    def _read(self) -> list[dict[str, Any]]:
        """The lines; one that was cut off at the end is no line."""
        try:
            lines = self.path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise ServiceError(
                f"{self.path} can't be read ({reason(error)}); move it away."
            ) from error
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def _unwritten(self, error: OSError) -> ServiceError:
        return ServiceError(
            f"{self.path} can't be written ({reason(error)}); free some space or permit writing "
            "there."
        )
