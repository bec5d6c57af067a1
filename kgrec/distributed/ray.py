"""Ray Train as a launcher: the same worker, on the machines of a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kgrec.distributed.config import WorkerConfig
from kgrec.distributed.launch import TIMEOUT, backend_name
from kgrec.distributed.worker import worker
from kgrec.errors import TrainingError
from kgrec.extras import require


def train_with_ray(
    config: WorkerConfig,
    folder: str | Path,
    *,
    workers: int,
    use_gpu: bool = False,
    resources: dict[str, float] | None = None,
    timeout: float = TIMEOUT,
) -> None:
    """Train with ``workers`` processes that Ray Train starts; needs the extra ``ray``.

    Ray only starts the processes and their process group: what they do, read and write is what
    ``torchrun -m kgrec.distributed`` does. Call ``ray.init`` first to use a cluster; its machines
    need kgrec, and must see the graph and the folder under the same paths.

    Parameters
    ----------
    config : WorkerConfig
    folder : path
        As ``worker`` takes it.
    workers : int
        Number of processes.
    use_gpu : bool
        Whether each has an accelerator.
    resources : dict, optional
        What Ray reserves for each, such as ``{"CPU": 4}``.
    timeout : float
        Seconds in which a process must answer.

    Raises
    ------
    MissingExtraError
        Without the package ray.
    TrainingError
        Where the training fails; the message has Ray's.
    """
    train, backend = require("ray.train", extra="ray"), require("ray.train.torch", extra="ray")
    place = Path(folder).absolute()
    trainer = backend.TorchTrainer(
        _work,
        train_loop_config={"config": config, "folder": str(place)},
        scaling_config=train.ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=resources
        ),
        torch_config=backend.TorchConfig(backend=backend_name(use_gpu), timeout_s=int(timeout)),
        run_config=train.RunConfig(name="ray", storage_path=str(place)),
    )
    try:
        trainer.fit()
    except Exception as error:
        raise TrainingError(
            f"Ray Train has ended the training ({error}); see the log of its workers, then start "
            "it again with resume=True."
        ) from error


def _work(task: dict[str, Any]) -> None:
    worker(task["config"], task["folder"])
