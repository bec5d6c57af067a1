"""Metrics of the service in the text format of Prometheus. Labels hold no ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from kgrec.serving.processes.merged_metrics import merged

MEDIA_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.5)
_SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_CORRELATIONS: Final = (-0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


class Metrics:
    """Counters and histograms of one service.

    Attributes
    ----------
    requests, seconds
        By route, method and status; by route, of all statuses.
    shed
        Refused requests by reason: "busy", "slow queue", "rate".
    events
        Events by outcome: "accepted", "duplicate", "rejected".
    visible
        Seconds from the arrival of events until lists count them.
    unfolded, log_bytes
        Records that the graph does not have yet; size of the log.
    model, model_since, swaps, swap_seconds
        The model that answers, and changes of it, by result.
    store_up, store_lag, store_refused, store_followed, store_seconds
        0 where the store can't be used, else 1; records that it lacks, and that it refused; rows
        of others that came from it; time of a batch.
    drift_alarms, drift_gain, drift_events
        Alarms of drift by stream; mean gain of a stream's events now; events, evaluated or not.
    cold, empty
        Lists for users without any history, and lists without items.
    arms, arm_seconds
        Answers of the arms of an A/B experiment by experiment, arm, model and result ("done",
        "failed"); their times by experiment and arm.
    shadow, shadow_seconds, shadow_overlap, shadow_correlation
        Requests of a shadow by result ("answered", "dropped", "failed"); its times, and how like
        the lists that were sent its own are.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counter(
            "kgrec_requests", "Answered requests.", "route", "method", "status"
        )
        self.seconds = self._histogram("kgrec_request_seconds", "Time of an answer.", "route")
        self.in_flight = self._gauge("kgrec_in_flight", "Requests that are being answered.")
        self.shed = self._counter("kgrec_shed", "Requests refused to keep others fast.", "reason")
        self.events = self._counter("kgrec_events", "Events that were sent.", "outcome")
        self.visible = self._histogram(
            "kgrec_event_visible_seconds", "Time until an event counts in lists."
        )
        self.log_bytes = self._gauge("kgrec_log_bytes", "Size of the log.")
        self.unfolded = self._gauge(
            "kgrec_fold_lag_events", "Records of the log that the graph does not have yet."
        )
        self.fold_seconds = self._histogram("kgrec_fold_seconds", "Time of a fold.")
        self.model = self._gauge("kgrec_model_info", "The model that answers: 1.", "model")
        self.model_since = self._gauge(
            "kgrec_model_since_seconds", "Unix seconds at which the model began to answer."
        )
        self.swaps = self._counter("kgrec_model_swaps", "Changes of the model.", "result")
        self.swap_seconds = self._histogram("kgrec_model_swap_seconds", "Time of such a change.")
        self.cold = self._counter("kgrec_cold", "Lists for users without a history.")
        self.store_up = self._gauge(
            "kgrec_store_up", "0: the store can't be used; else, also without one, 1."
        )
        self.store_up.set(1)
        self.store_lag = self._gauge("kgrec_store_lag_records", "Records that the store lacks.")
        self.store_refused = self._gauge(
            "kgrec_store_refused_records", "Records that the store refused."
        )
        self.store_followed = self._counter(
            "kgrec_store_followed", "Rows that others wrote into the store, and the log has now."
        )
        self.store_seconds = self._histogram(
            "kgrec_store_write_seconds", "Time of a batch that is written into the store."
        )
        self.drift_alarms = self._counter(
            "kgrec_drift_alarms", "Falls of the gain of arriving events.", "stream"
        )
        self.drift_gain = self._gauge(
            "kgrec_drift_gain", "Mean gain of arriving events, since it changed.", "stream"
        )
        self.drift_events = self._gauge(
            "kgrec_drift_events",
            "Events since the start, evaluated by their lists or not.",
            "outcome",
        )
        self.empty = self._counter("kgrec_empty", "Lists without items.")
        self.arms = self._counter(
            "kgrec_arm_answers",
            "Answers in an A/B experiment.",
            "experiment",
            "arm",
            "model",
            "result",
        )
        self.arm_seconds = self._histogram(
            "kgrec_arm_seconds", "Time of these answers.", "experiment", "arm"
        )
        self.shadow = self._counter("kgrec_shadow", "Requests of a shadow.", "result")
        self.shadow_seconds = self._histogram("kgrec_shadow_seconds", "Time of its answers.")
        self.shadow_overlap = Histogram(
            "kgrec_shadow_overlap",
            "Share of the sent items that the shadow has too.",
            registry=self.registry,
            buckets=_SHARES,
        )
        self.shadow_correlation = Histogram(
            "kgrec_shadow_rank_correlation",
            "Rank correlation of the items of both lists.",
            registry=self.registry,
            buckets=_CORRELATIONS,
        )

    def text(self, others: Sequence[str] = ()) -> bytes:
        """All values, in the format that Prometheus reads; with those of other processes, given as
        text, as if they were of one."""
        return merged(self.registry.collect(), others) if others else generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)
