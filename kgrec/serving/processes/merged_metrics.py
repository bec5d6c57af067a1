"""Metrics of several processes as those of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_ADDED_GAUGES: Final = (
    "kgrec_in_flight",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
)
_LEAST: Final = "_created"


def merged(first: Iterable[Metric], others: Sequence[str]) -> bytes:
    """The metrics of the first process and of others, in the text format of Prometheus.

    Counters and histograms are added up, and so are requests in flight, memory and open files; all
    other gauges are those of the first process.

    Parameters
    ----------
    first : iterable of Metric
    others : sequence of str
        The metrics of each other process, as text.
    """
    families = {family.name: family for family in first}
    for text in others:
        for family in text_string_to_metric_families(text):
            there = families.get(family.name)
            if there is None:
                families[family.name] = family
            elif family.type != "gauge" or family.name in _ADDED_GAUGES:
                _add(there, family)
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _add(there: Metric, other: Metric) -> None:
    """Add the samples of a family to those with the same name and labels."""
    places = {
        (sample.name, frozenset(sample.labels.items())): place
        for place, sample in enumerate(there.samples)
    }
    for sample in other.samples:
        place = places.get((sample.name, frozenset(sample.labels.items())))
        if place is None:
            there.samples.append(sample)
            continue
        mine = there.samples[place]
        both = mine.value, sample.value
        value = min(both) if sample.name.endswith(_LEAST) else sum(both)
        there.samples[place] = mine._replace(value=value)
