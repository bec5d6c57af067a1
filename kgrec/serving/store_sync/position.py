"""Position: until which record a service has written its log into a store, and until when it has
followed the store; a file of the service's folder, replaced as a whole."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.files import put_text, read_json
from kgrec.errors import ServiceError, reason

_VERSION: Final = 1
_NAME_BYTES: Final = 6


@dataclass(frozen=True)
class Position:
    """How far a store and the log agree.

    Attributes
    ----------
    written_until : int
        Number of the last record of the log that the store has, or that it refused.
    events, nodes : int or None
        Unix seconds until which interactions and changed nodes of the store were looked at; None:
        not yet.
    """

    written_until: int = 0
    events: int | None = None
    nodes: int | None = None


@dataclass(frozen=True)
class Positions:
    """The positions of a service in all stores that it ever had, by address.

    Attributes
    ----------
    service : str
        Random; the records of this service carry it in the stores.
    """

    service: str = field(default_factory=lambda: secrets.token_hex(_NAME_BYTES))
    stores: dict[str, Position] = field(default_factory=dict)

    def of(self, address: str) -> Position:
        """The position in a store; the beginning where it was never written."""
        return self.stores.get(address, Position())

    @property
    def written_until(self) -> int:
        """The last record that any store has."""
        return max((one.written_until for one in self.stores.values()), default=0)

    def moved(self, address: str, position: Position) -> Positions:
        """With another position in a store."""
        return replace(self, stores={**self.stores, address: position})

    @staticmethod
    def read(path: Path) -> Positions:
        """Those of a file; fresh ones without it. Raises ServiceError where it can't be read."""
        try:
            content: dict[str, Any] = read_json(path)
            if content["version"] != _VERSION:
                raise ValueError("another kgrec wrote it")
            stores = {name: Position(**one) for name, one in content["stores"].items()}
            return Positions(str(content["service"]), stores)
        except FileNotFoundError:
            return Positions()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ServiceError(
                f"{path} can't be read ({reason(error)}); put back a copy: without it "
                "the events of the log would be written into the store a second time."
            ) from error

    def write(self, path: Path) -> None:
        """Replace the file. Raises ServiceError."""
        content = {"version": _VERSION, **asdict(self)}
        try:
            put_text(path, json.dumps(content, indent=1), private=True)
        except OSError as error:
            raise ServiceError(
                f"{path} can't be written ({reason(error)}); free some space or permit writing "
                "there."
            ) from error
