"""WorkerConfig: what every process of a training gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kgrec.config import RecommenderConfig


@dataclass(frozen=True)
class WorkerConfig:
    """The task of a training by several processes; equal in all of them.

    Attributes
    ----------
    source : str
        The graph: a store's file or address, as ``kgrec train --store`` takes it, or the folder of
        a saved model or snapshot (Parquet files), whose graph is used.
    settings : RecommenderConfig
        The settings of the model and its training.
    micros : int
        Number of micro-steps of a step, M. It decides the result; the number of processes does
        not. A step takes M times ``training.batch_size`` users. More processes than M are idle.
    seed : int
        Seed of everything random, from 0.
    device : str, optional
        Where each process computes; by default its own accelerator where there is one.
    resume : bool
        Continue from the folder's checkpoint, to the same result as without the interruption.
    mapping : path, optional
        The file of a GraphMapping, for a Neo4j graph with names of its own.
    db_user, database : str, optional
        Of a Neo4j server; the password comes from KGREC_NEO4J_PASSWORD.
    """

    source: str
    settings: RecommenderConfig = field(default_factory=RecommenderConfig)
    micros: int = 4
    seed: int = 0
    device: str | None = None
    resume: bool = False
    mapping: Path | None = None
    db_user: str | None = None
    database: str | None = None
