"""Training by several processes, on one machine or on many, with torch.distributed.

``worker(config, folder)`` is what every process runs; torchrun, Ray Train, Slurm and Kubernetes
start it. The number of processes changes nothing of the result.
"""

from kgrec.distributed.config import WorkerConfig
from kgrec.distributed.worker import worker

__all__ = ["WorkerConfig", "worker"]
