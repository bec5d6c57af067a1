"""Lists that were given out, for further pages and for impressions."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kgrec.serving.verbs.bodies import RecommendBody

_MOST = 50_000


@dataclass(frozen=True)
class GivenList:
    """A list: the body of its request, the items of all its pages with their probabilities (None
    without exploring), when it was made (seconds of a monotonic clock), the model that made it, and
    in an A/B experiment its name and arm."""

    body: Any
    items: dict[Any, float | None]
    made: float
    model: str = ""
    experiment: str | None = None
    arm: str | None = None


def plain_list(given: GivenList) -> dict[str, Any]:
    """A list as values of MessagePack, for another process."""
    return {
        "body": msgspec.json.encode(given.body),
        "items": [[item, probability] for item, probability in given.items.items()],
        "made": given.made,
        "model": given.model,
        "experiment": given.experiment,
        "arm": given.arm,
    }


def list_of_plain(values: dict[str, Any]) -> GivenList:
    """The list of ``plain_list``."""
    body = msgspec.json.decode(values.pop("body"), type=RecommendBody)
    items = dict(values.pop("items"))
    return GivenList(body, items, **values)


class GivenLists:
    """The lists of the last minutes by id; the oldest are forgotten first."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lists: OrderedDict[str, GivenList] = OrderedDict()
        self.recorded: deque[Any] = deque(maxlen=100)  # bodies, with which a new model is warmed

    def __len__(self) -> int:
        return len(self._lists)

    def keep(
        self,
        list_id: str,
        body: Any,
        items: dict[Any, float | None],
        model: str = "",
        experiment: str | None = None,
        arm: str | None = None,
    ) -> None:
        """Keep a list under a new id."""
        at = time.monotonic()
        self.put(list_id, GivenList(body, items, at, model, experiment, arm))
        self.recorded.append(body)

    def put(self, list_id: str, given: GivenList) -> None:
        """Keep a list that was given before."""
        self._lists[list_id] = given
        at = time.monotonic()
        while self._lists:
            oldest = next(iter(self._lists.values()))
            if len(self._lists) <= _MOST and oldest.made >= at - self.seconds:
                break
            self._lists.popitem(last=False)

    def forget(self, users: Collection[str]) -> set[str]:
        """Forget the lists and requests of these users; returns the ids of the lists."""
        found = {
            list_id
            for list_id, one in self._lists.items()
            if str(getattr(one.body, "user", None)) in users
        }
        for list_id in found:
            del self._lists[list_id]
        kept = [one for one in self.recorded if str(getattr(one, "user", None)) not in users]
        self.recorded.clear()
        self.recorded.extend(kept)
        return found

    def find(self, list_id: str) -> GivenList | None:
        """A list; None for one that is unknown or too old."""
        found = self._lists.get(list_id)
        if found is None or found.made < time.monotonic() - self.seconds:
            return None
        return found

    def extend(self, list_id: str, items: dict[Any, float | None]) -> None:
        """Add the items of a further page."""
        found = self._lists.get(list_id)
        if found is not None:
            self._lists[list_id] = replace(found, items={**found.items, **items})
