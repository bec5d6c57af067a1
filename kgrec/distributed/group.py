"""Group: the processes (ranks) of a training, their messages, and what these cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from kgrec.errors import TrainingError

_T = TypeVar("_T")
_PATIENCE: Final = timedelta(days=2)  # for a rank that reads a store while others wait


@dataclass
class Traffic:
    """What this rank has sent to other ranks: messages and bytes."""

    messages: int = 0
    sent: int = 0


@dataclass(frozen=True, eq=False)
class Group:
    """This process among those of a training.

    Every method that exchanges something is called by all ranks, in the same order. It raises
    TrainingError where another rank has ended or does not answer in time.

    Attributes
    ----------
    rank, ranks : int
        The number of this process, from 0, and of all.
    device : torch.device
        Where tensors are exchanged.
    patient : process group or None
        For waiting longer than the usual timeout.
    traffic : Traffic
    """

    rank: int
    ranks: int
    device: torch.device
    patient: dist.ProcessGroup | None = None
    traffic: Traffic = field(default_factory=Traffic)

    @staticmethod
    def joined(device: torch.device) -> Group:
        """The initialised process group of torch.distributed. Raises TrainingError without one."""
        if not dist.is_initialized():
            raise TrainingError(
                "no process group is initialised; start the processes with torchrun -m "
                "kgrec.distributed, or call torch.distributed.init_process_group() first."
            )
        patient = dist.new_group(backend="gloo", timeout=_PATIENCE)
        assert isinstance(patient, dist.ProcessGroup)
        return Group(dist.get_rank(), dist.get_world_size(), device, patient)

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which reads stores and writes models."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all ranks are here, for as long as it takes."""
        self.together(lambda: dist.barrier(group=self.patient))

    def exchange(
        self, parts: Sequence[Tensor], received: Sequence[int] | None = None
    ) -> list[Tensor]:
        """Send ``parts[r]`` to rank r; return what each rank sent here.

        All parts have one dtype and one shape but for the first dimension. ``received`` is the
        length of what each rank sends, where it is known; else it is asked for first.
        """
        if self.ranks == 1:
            return [parts[0]]
        lengths = [len(part) for part in parts]
        if received is None:
            sizes = torch.tensor(lengths, device=self.device)
            received = self._swapped(sizes, [1] * self.ranks, [1] * self.ranks).tolist()
        whole = torch.cat([part.to(self.device) for part in parts])
        return list(torch.split(self._swapped(whole, lengths, received), list(received)))

    def gathered(self, part: Tensor, lengths: Sequence[int] | None = None) -> list[Tensor]:
        """What every rank passes, by rank; ``lengths`` of the parts, where they are known."""
        return self.exchange([part] * self.ranks, lengths)

    def on_first(self, part: Tensor) -> list[Tensor]:
        """What every rank passes, by rank; empty parts on all ranks but the first."""
        return self.exchange([part, *[part[:0]] * (self.ranks - 1)])

    def _swapped(self, whole: Tensor, lengths: Sequence[int], received: Sequence[int]) -> Tensor:
        result = whole.new_empty(sum(received), *whole.shape[1:])
        row = whole.element_size() * whole[:1].numel()
        self.traffic.messages += 1
        self.traffic.sent += row * (sum(lengths) - lengths[self.rank])
        self.together(lambda: dist.all_to_all_single(result, whole, list(received), list(lengths)))
        return result

    def together(self, call: Callable[[], _T]) -> _T:
        """What ``call`` returns, in which PyTorch lets the ranks exchange something."""
        try:
            return call()
        except RuntimeError as error:
            raise TrainingError(
                f"rank {self.rank} of {self.ranks}: another rank of the training has ended or does "
                f"not answer ({str(error).splitlines()[0]:.200}); see its log, then start all "
                "ranks again with --resume."
            ) from error


def agreed(group: Group, value: bytes, what: str) -> None:
    """Raise TrainingError on every rank where ``value`` (of one length) is not the same on all."""
    mine = torch.tensor(list(value), dtype=torch.uint8, device=group.device)
    for rank, other in enumerate(group.gathered(mine)):
        if not torch.equal(other.cpu(), mine.cpu()):
            raise TrainingError(
                f"rank {rank} has another {what} than rank {group.rank}; start all ranks with the "
                "same settings, seed and version of kgrec, and one folder that all of them see."
            )
