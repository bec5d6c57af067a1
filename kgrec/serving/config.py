"""Settings of the service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from graph_schema.settings import Settings


class ServiceConfig(Settings):
    """Limits of the service; unknown fields are refused."""

    max_body: int = Field(1_000_000, ge=1_000, description="Largest body of a request, in bytes.")
    max_bulk: int = Field(
        100_000_000, ge=1_000, description="Largest body of lines (/v1/bulk), in bytes."
    )
    body_seconds: float = Field(
        10.0, gt=0, description="Longest time in which a body may arrive; of lines: the next part."
    )
    in_flight: int = Field(
        64, ge=1, description="Requests answered at once; more are refused with 503."
    )
    wait_seconds: float = Field(
        0.015,
        gt=0,
        description="Longest time that a request waits for those that arrived with it, if these "
        "are more than half of in_flight for a while; later ones are refused with 503.",
    )
    slow_queue: int = Field(
        16, ge=1, description="Explanations, searches and batches that wait; more are refused."
    )
    slow_seconds: float = Field(5.0, gt=0, description="Longest time of one of these.")
    fast_per_second: float = Field(500.0, gt=0, description="Lists of a key, in the long run.")
    slow_per_second: float = Field(20.0, gt=0, description="Explanations, searches, batches.")
    writes_per_second: float = Field(500.0, gt=0, description="Events and changes of the graph.")
    list_minutes: float = Field(30.0, gt=0, description="How long further pages can be asked for.")
    drift_per_second: float = Field(
        20.0, ge=0, description="Events evaluated by their lists, to notice drift; 0: none."
    )
    audit: Literal["changes", "all", "none"] = Field(
        "changes",
        description="Requests of which the audit log has an entry; see the page about the service.",
    )
    audit_bytes: int = Field(
        10_000_000, ge=10_000, description="Size at which the next file of the audit log begins."
    )
    audit_files: int = Field(10, ge=1, description="Files of the audit log that are kept.")
    fold_seconds: float = Field(
        0.0, ge=0, description="Time between two folds of new events into the graph; 0: on request."
    )
    fold_records: int = Field(
        50_000,
        ge=0,
        description="Records that the graph does not have yet at which they are folded into it, "
        "since each takes memory; 0: never by their number.",
    )
    fold_models: int = Field(
        5, ge=0, description="Models made by folds that are kept, beside those in use; 0: all."
    )
    store_write_seconds: float = Field(
        1.0, ge=0, description="Pause before new records are written into the store; 0: never."
    )
    store_follow_seconds: float = Field(
        2.0, ge=0, description="Time between two looks at what others wrote there; 0: never."
    )
    store_late_seconds: float = Field(
        600.0, ge=0, description="How much older than that look events may be to be found by it."
    )
    train_seconds: float = Field(
        0.0, ge=0, description="Time between two trainings of a new model; 0: on request."
    )
    train_effort: Literal["quick", "normal", "thorough"] | None = Field(
        None, description="Effort of these; by default as the model that answers was trained."
    )
    gate_share: float = Field(
        0.2,
        gt=0,
        le=0.5,
        description="Share of the new events, the newest, on which the new model is compared.",
    )
    gate_users: int = Field(
        100, ge=2, description="Fewest users in such a comparison, overall and of a scenario."
    )
    gate_margin: float = Field(
        0.01, ge=0, le=1, description="Share of NDCG@10 that the new model may lose overall."
    )
