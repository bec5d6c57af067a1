"""Keys and limits of the service: who may call it, for what, how often, and how many at once.

A key is random (256 bits) and shown once, when it is made; the file of keys holds its SHA-256
alone. The file may change while the service runs: keys are added and removed without a restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from graph_schema.disk.files import put_file, read_json
from kgrec.errors import RequestError, ServiceError, reason
from kgrec.serving.config import ServiceConfig

Scope: TypeAlias = Literal["read", "write", "explore", "admin"]
Cost: TypeAlias = Literal["fast", "slow", "write"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_PREFIX, _BYTES = "kgrec_", 32
_LOOK = 1.0  # seconds between two looks at the file
_MOST_BUCKETS = 10_000
_PATIENCE = 0.05  # seconds for which requests may wait too long before any is refused
_CALM = 0.1  # seconds without such a request, after which that begins anew


@dataclass(frozen=True)
class Key:
    """One key: ``sha256`` of its text in hexadecimal, and its ``scopes``."""

    name: str
    sha256: str
    scopes: tuple[Scope, ...]
    made: int

    def allows(self, scope: Scope) -> bool:
        """Whether it may be used for this; "admin" may do everything."""
        return scope in self.scopes or "admin" in self.scopes


class Keys:
    """The keys of a file, which is read again when it has changed.

    Parameters
    ----------
    path : Path
        A JSON file; without it there are no keys.

    Attributes
    ----------
    required : bool
        Whether there were keys once: then nobody is let in without one, even when all were removed.

    Raises
    ------
    ServiceError
        Where the file can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.required = False
        self._keys: tuple[Key, ...] = ()
        self._version: tuple[int, int] | None = None
        self._looked = -_LOOK
        self.refresh()

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._keys)

    @property
    def open(self) -> bool:
        """Whether nobody needs a key, as there has never been one."""
        return not self._keys and not self.required

    def find(self, text: str) -> Key | None:
        """The key with this text; None for an unknown one. All keys are compared, in constant time
        each."""
        self._look()
        given, found = _hash(text), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, given):
                found = key
        return found

    def add(self, name: str, scopes: Sequence[str]) -> str:
        """Make a key, and return its text, which is stored nowhere.

        Raises
        ------
        RequestError
            For an unknown scope, none, or a name that another key has.
        """
        self.refresh()
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong or not scopes:
            said = f"{wrong[0]!r} is no scope" if wrong else "a key needs a scope"
            raise RequestError(f"{said}; use some of {', '.join(SCOPES)}.")
        if not name or any(key.name == name for key in self._keys):
            said = f"another key is called {name!r}" if name else "a key needs a name"
            raise RequestError(f"{said}; choose a name that says who uses it.")
        text = _PREFIX + secrets.token_urlsafe(_BYTES)
        chosen = tuple(scope for scope in SCOPES if scope in scopes)
        self._write((*self._keys, Key(name, _hash(text), chosen, int(time.time()))))
        return text

    def remove(self, name: str) -> None:
        """Remove a key, which is refused from then on. Raises RequestError for an unknown name."""
        self.refresh()
        left = tuple(key for key in self._keys if key.name != name)
        if len(left) == len(self._keys):
            known = ", ".join(key.name for key in self._keys) or "none"
            raise RequestError(f"no key is called {name!r}; there are: {known}.")
        self._write(left)

    def refresh(self) -> None:
        """Read the file where it has changed. Raises ServiceError."""
        self._looked = time.monotonic()
        try:
            state = self.path.stat()
        except FileNotFoundError:
            self._keys, self._version = (), None
            return
        version = (state.st_mtime_ns, state.st_ino)
        if version == self._version:
            return
        try:
            rows = read_json(self.path)["keys"]
            keys = tuple(
                Key(str(r["name"]), str(r["sha256"]), tuple(r["scopes"]), int(r["made"]))
                for r in rows
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ServiceError(
                f"{self.path}: the keys can't be read ({reason(error)}); make them anew with "
                "kgrec keys add."
            ) from error
        self._keys, self._version = keys, version
        self.required = self.required or bool(keys)

    def _look(self) -> None:
        if time.monotonic() - self._looked >= _LOOK:
            self.refresh()

    def _write(self, keys: tuple[Key, ...]) -> None:
        text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=1)

        def write(name: str) -> None:
            Path(name).write_text(text, "utf-8")

        put_file(self.path, write, private=True)
        self._version = None
        self.refresh()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Rate:
    """A limit: ``per_second`` calls in the long run, ``burst`` at once."""

    per_second: float
    burst: float


def rates_of(config: ServiceConfig) -> dict[Cost, Rate]:
    """The limits of the settings; twice a second's calls may come at once."""
    fast, slow, write = (
        Rate(one, 2 * one)
        for one in (config.fast_per_second, config.slow_per_second, config.writes_per_second)
    )
    return {"fast": fast, "slow": slow, "write": write}


class Limiter:
    """Token buckets (each call takes one token, which come back at the rate), one for each key and
    cost. Those that were not used for the longest time are forgotten when there are many."""

    def __init__(self, rates: dict[Cost, Rate]) -> None:
        self.rates = rates
        self._buckets: OrderedDict[tuple[str, Cost], tuple[float, float]] = OrderedDict()

    def wait(self, key: str, cost: Cost, at: float | None = None) -> float:
        """Take a token: 0.0, or the seconds until there is one. ``at``: seconds of a monotonic
        clock, now by default."""
        at = time.monotonic() if at is None else at
        rate = self.rates[cost]
        tokens, seen = self._buckets.pop((key, cost), (rate.burst, at))
        tokens, seconds = taken(rate, tokens, seen, at)
        self._buckets[key, cost] = tokens, at
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return seconds


def taken(rate: Rate, tokens: float, seen: float, at: float) -> tuple[float, float]:
    """What is left of a bucket that had ``tokens`` at ``seen``, after one was asked for at ``at``;
    and 0.0, or the seconds until there is one."""
    tokens = min(rate.burst, tokens + max(at - seen, 0.0) * rate.per_second)
    if tokens >= 1:
        return tokens - 1, 0.0
    return tokens, (1 - tokens) / rate.per_second


class Rounds:
    """Which of the requests that arrive together are begun, so that none waits long for the others.

    The event loop looks for what has arrived, does all of it, and looks again: one round. Whoever
    is begun late in a round has waited for all before, and so will its answer. As in CoDel (Nichols
    and Jacobson 2012) the time of waiting is limited, and not the number of those that wait, which
    means another time for every model; and only where it has been too long for a while, so that
    what piled up once, as the process was kept waiting, is answered. Being refused costs little, so
    those that are begun are answered in time however many are asked.

    Parameters
    ----------
    most : int
        Requests begun in one round.
    seconds : float
        Time after which no more than half of these are begun, where requests have waited longer for
        _PATIENCE.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.begun = 0  # in this round
        self._since = 0.0
        self._busy_since, self._late_at = 0.0, -math.inf

    def begins(self, at: float) -> bool:
        """Whether a request is begun at ``at`` (seconds of a monotonic clock), inside of an event
        loop; else it is to be refused."""
        if not self.begun:
            self._since = at
            asyncio.get_running_loop().call_soon(self._end)
        elif self.begun >= self.most or self._is_late(at):
            return False
        self.begun += 1
        return True

    def _is_late(self, at: float) -> bool:
        """Whether a request waits too long, and others have done so for a while."""
        if self.begun < self.most // 2 or at - self._since <= self.seconds:
            return False
        if at - self._late_at > _CALM:
            self._busy_since = at
        self._late_at = at
        return at - self._busy_since >= _PATIENCE

    def _end(self) -> None:
        self.begun = 0


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
