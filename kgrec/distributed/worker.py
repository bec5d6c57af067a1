"""The function that every process of a training runs, whoever started it."""

from __future__ import annotations

import json
import os
import resource
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from graph_schema.disk.files import put_text
from graph_schema.mapping import GraphMapping
from kgrec.arguments import check_count, check_seed
from kgrec.device import choose_device
from kgrec.distributed.config import WorkerConfig
from kgrec.distributed.fit import SharedFit, settled
from kgrec.distributed.group import Group
from kgrec.distributed.inputs import SharedInputs
from kgrec.features.texts import TextReader
from kgrec.files import check_writable
from kgrec.fitting.fit import FitOptions
from kgrec.fitting.pipeline import PipelineResult, run_pipeline
from kgrec.leaks.search import leaks_at_fit
from kgrec.persistence.model_folder import MODEL, write_state
from kgrec.progress import Progress
from kgrec.scenarios import with_scenarios
from kgrec.state import fitted_state

MODEL_FOLDER: Final = "model"
CHECKPOINT_FOLDER: Final = "checkpoint"
REPORT: Final = "report.json"


def worker(
    config: WorkerConfig, folder: str | Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Train one model together with the other ranks, and save it.

    It needs an initialised process group of torch.distributed and nothing else of its launcher.
    Every rank calls it with the same arguments. The learned tables are divided among the ranks; the
    number of ranks changes nothing of the result.

    Parameters
    ----------
    config : WorkerConfig
    folder : path
        A folder that all ranks see (on several machines: on shared storage). It gets ``model``,
        which ``Recommender.load`` reads; ``checkpoint``, from which a run resumes; and
        ``report.json``, what each rank's steps cost.
    progress : callable, optional
        Called on the first rank with (what is being done, steps done, steps in all).

    Returns
    -------
    dict
        What ``report.json`` has: settings, losses and validation by epoch, and what the steps cost
        each rank. ``seconds`` are those of this rank.

    Raises
    ------
    TrainingError
        Where training can't start or diverges, settings need a single process, or another rank
        has ended or does not answer in time.
    StoreError, SourceError, ModelError, TextModelError
        Where the graph, the language model or the folder can't be read or written.
    RequestError
        For a wrong seed or number of micro-steps.
    """
    started = time.perf_counter()
    micros = check_count(config.micros, "micros")
    seed, folder = check_seed(config.seed), Path(folder).absolute()
    settings = settled(config.settings.with_full_paths())
    device = _own_device(config.device)
    group = Group.joined(device)
    if group.is_first:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder / MODEL_FOLDER, MODEL)
    else:
        progress = None
    inputs, reader = SharedInputs(group, folder), TextReader(settings)
    full = with_scenarios(inputs.snapshot(config), settings.scenarios)
    fit = SharedFit(group, micros)
    options = FitOptions(
        seed=seed,
        device=device,
        checkpoint=folder / CHECKPOINT_FOLDER,
        resume=config.resume,
        progress=progress,
    )
    with warnings.catch_warnings():
        if not group.is_first:
            warnings.simplefilter("ignore")  # the first rank gives them
        result = run_pipeline(
            full.without_splits(("test",)),
            settings,
            partial(inputs.texts, reader),
            options,
            fit=fit,
        )
    report = _report(group, fit, result, time.perf_counter() - started)
    if group.is_first:
        mapping = None if config.mapping is None else GraphMapping.load(config.mapping)
        found = leaks_at_fit(full)
        state = fitted_state(full, result, reader, mapping, seed, leaks=found)
        write_state(state, folder / MODEL_FOLDER)
        put_text(folder / REPORT, json.dumps(report, indent=1))
    return report


def _own_device(name: str | None) -> torch.device:
    """The device of this process: of several accelerators of a machine, that of its local rank."""
    device = choose_device(name)
    if device.type == "cuda" and device.index is None:
        place = int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
        device = torch.device("cuda", place)
        torch.cuda.set_device(device)
    return device


def _report(group: Group, fit: SharedFit, result: PipelineResult, seconds: float) -> dict[str, Any]:
    """What the training came to, and what it cost each rank."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    by_step = [seconds for log in fit.logs for seconds in log.processor_seconds]
    own = torch.tensor(
        [
            sum(by_step),
            float(np.median(by_step)) if by_step else 0.0,
            sum(log.seconds for log in fit.logs),
            float(sum(log.sent for log in fit.logs)),
            used.ru_utime + used.ru_stime,
            used.ru_maxrss * 1024 / 1e9,
        ],
        dtype=torch.float64,
    )
    names = (
        "step_processor_seconds",
        "median_step_processor_seconds",
        "step_seconds",
        "bytes_sent",
        "processor_seconds",
        "peak_gb",
    )
    return {
        "ranks": group.ranks,
        "micros": fit.micros,
        "steps": len(by_step),
        "first_loss": fit.logs[0].first_loss if fit.logs else None,
        "history": result.chosen.training_log,
        "seconds": seconds,
        "by_rank": [dict(zip(names, each.tolist(), strict=True)) for each in group.gathered(own)],
    }
