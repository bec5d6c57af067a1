"""Threads of the processor: how many kgrec computes with, and how they wait for each other.

PyTorch starts a thread for each core, and a thread that waits for others tries again and again
for milliseconds before it sleeps. With another program on the same cores that time is taken from
the threads waited for: a fit takes several times as long. kgrec lets them sleep after some
microseconds, and counts only the cores that the process may use: its affinity and the CPU quota of
its container.

Both are settings of the OpenMP library, which reads its environment when it is loaded. They are
made when kgrec is imported (``choose_threads``); where PyTorch is there already, what can still be
changed is changed (``settle_threads``). Variables that the user has set are never changed.

Threads that share a product still wait for the slowest of them, which another program may have
taken off its core. So a fit uses only as many threads as there are cores that other programs leave
free (``following_load``). Its results don't depend on that: MKL is asked for products that are the
same with any number of threads, and decompositions use a number of their own (``decomposing``).
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kgrec.errors import RequestError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

THREADS: Final = "KGREC_THREADS"
# Variables by which a user chooses the number of threads, and how they wait.
_NUMBER: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_WAITING: Final = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
_SHORT_WAIT: Final = "1000"  # of libgomp's steps, about 10 microseconds
# How MKL multiplies: "AUTO" is the fastest way whose results are the same for any thread count.
_PRODUCTS, _ANY_THREADS = "MKL_CBWR", "AUTO"
# NumPy's library waits too: for 2 to this power of the processor's cycles. 4 is its least.
_NUMPY_WAITS, _AT_ONCE = "OPENBLAS_THREAD_TIMEOUT", "4"
_GOMP: Final = re.compile(r" (/\S.*/libgomp\.so\.1[.\d]*)$")  # PyTorch's OpenMP library on Linux
_MOST_PARKED: Final = 256
_LOAD_SECONDS: Final = 0.5  # between two looks at the load
_SHORT_TURN: Final = 0.0005  # seconds for which a thread keeps Python's lock while others wait
_SMALL: Final = 2_048  # rows of a matrix whose decomposition takes one thread


@dataclass(frozen=True)
class Processors:
    """The cores of the machine, those that this process may run on, and its CPU quota in cores
    (None: no limit)."""

    cores: int
    usable: int
    quota: float | None

    @property
    def threads(self) -> int:
        """As many threads as can run at the same time."""
        if self.quota is None:
            return self.usable
        return max(1, min(self.usable, math.ceil(self.quota)))


@dataclass
class _Choice:
    """What was chosen in this process. ``late``: PyTorch's OpenMP library was loaded before."""

    late: bool = False
    settled: bool = False
    number_is_users: bool = False
    waiting: str = ""


_choice = _Choice()


@dataclass
class _Following:
    """The ``most`` threads, and the ``load`` at the last look."""

    most: int
    load: Load


_following: ContextVar[_Following | None] = ContextVar("following", default=None)


def processors() -> Processors:
    """The processors of this process, as they are now."""
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return Processors(cores, usable, cpu_quota())


def cpu_quota(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> float | None:
    """The least CPU quota of this process's control groups, in cores; None where there is none.

    Reads version 2 (``cpu.max``) and version 1 (``cpu.cfs_quota_us``), of the group and of all
    above it.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    found = [quota for folder in _group_folders(lines, groups) for quota in _quotas(folder)]
    return min(found, default=None)


def _group_folders(lines: list[str], groups: Path) -> Iterator[Path]:
    """The folders of the groups that ``lines`` of /proc/self/cgroup name, and those above."""
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if number == "0" and not controllers:
            top = groups
        elif "cpu" in controllers.split(","):
            top = next((f for f in (groups / controllers, groups / "cpu") if f.is_dir()), groups)
        else:
            continue
        inside = [part for part in name.split("/") if part not in ("", "..")]
        for depth in range(len(inside), -1, -1):
            yield top.joinpath(*inside[:depth])


def _quotas(folder: Path) -> Iterator[float]:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()[:2]
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return
    if quota.isdigit() and period.isdigit() and int(quota) and int(period):
        yield int(quota) / int(period)


def choose_threads(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the environment that PyTorch's and NumPy's libraries read when they are loaded.

    Called once, when kgrec is imported. Changes nothing that the user has set, and nothing that
    nobody would read any more.
    """
    _choice.late = "torch" in sys.modules or _loaded_gomp() is not None
    _choice.number_is_users = any(name in environ for name in _NUMBER)
    chosen = [name for name in _WAITING if name in environ]
    if chosen:
        _choice.waiting = f"as {chosen[0]}={environ[chosen[0]]} says"
    elif not _choice.late:
        environ["OMP_WAIT_POLICY"] = "PASSIVE"
        environ["GOMP_SPINCOUNT"] = _SHORT_WAIT  # libgomp takes it in place of the policy
        _choice.waiting = "asleep after a short try (OMP_WAIT_POLICY=PASSIVE, set by kgrec)"
    environ.setdefault(_PRODUCTS, _ANY_THREADS)  # MKL reads it at its first product
    if "numpy" not in sys.modules:
        environ.setdefault(_NUMPY_WAITS, _AT_ONCE)
    if not _choice.late and not _choice.number_is_users:
        wanted, found = environ.get(THREADS, "").strip(), processors()
        if wanted.isdigit() and int(wanted):
            environ["OMP_NUM_THREADS"] = wanted
        elif found.threads < found.usable:
            environ["OMP_NUM_THREADS"] = str(found.threads)


def settle_threads(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what can be set with PyTorch loaded: the number of threads, and how they wait.

    Raises RequestError where KGREC_THREADS is no number of threads.
    """
    import torch

    wanted = environ.get(THREADS, "").strip()
    if wanted and not (wanted.isdigit() and int(wanted)):
        raise RequestError(f"{THREADS} is {wanted!r}; give a number of threads, at least 1.")
    if wanted:
        torch.set_num_threads(int(wanted))
    elif _choice.late and not _choice.number_is_users:
        torch.set_num_threads(min(torch.get_num_threads(), processors().threads))
    if not _choice.settled and hasattr(os, "register_at_fork"):
        # The library's threads don't survive a fork, and a child that waits for them never ends.
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
    _choice.settled = True
    if not _choice.waiting:
        _choice.waiting = _shorten_waits(torch.get_num_threads())


def waiting() -> str:
    """How threads wait for each other in this process, in words."""
    return _choice.waiting or "as the OpenMP library chooses"


@contextmanager
def following_load() -> Iterator[None]:
    """In the block, compute with as many threads as there are cores that other programs leave free.

    ``follow``, to be called at every step, looks at the load twice a second. Afterwards there are
    as many threads as before, which are the most. With KGREC_THREADS set, or where the system
    doesn't tell its load, nothing changes. Only for computations whose results are the same with
    any number of threads: products and sums. Decompositions go into ``decomposing``.
    """
    import torch

    most = torch.get_num_threads()
    fixed = os.environ.get(THREADS) or most == 1 or _following.get() is not None
    load = None if fixed else Load.now()
    if load is None:
        yield
        return
    token = _following.set(_Following(most, load))
    try:
        yield
    finally:
        _following.reset(token)
        torch.set_num_threads(most)


def follow() -> None:
    """Look at the load, inside of ``following_load``; elsewhere nothing happens."""
    following = _following.get()
    if following is None or time.monotonic() - following.load.at < _LOAD_SECONDS:
        return
    import torch

    load = Load.now()
    if load is not None:
        torch.set_num_threads(load.free_threads(following.load, following.most))
        following.load = load


@contextmanager
def decomposing(size: int) -> Iterator[None]:
    """In the block, decompositions of matrices of ``size`` rows use a number of threads that
    depends on ``size`` alone, as their last digits depend on it.

    Small ones use one: their threads would wait for each other at every few columns, which takes
    many times as long beside other programs and gains little without.
    """
    import torch

    before, following = torch.get_num_threads(), _following.get()
    small = size <= _SMALL
    torch.set_num_threads(1 if small else before if following is None else following.most)
    try:
        with _libraries().limit(limits=1, user_api="blas") if small else nullcontext():
            yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """The libraries for linear algebra that NumPy and SciPy have loaded."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


@dataclass
class _Beside:
    """How many blocks of ``beside_answers`` run, and what was set before the first of them."""

    blocks: int = 0
    interval: float = 0.0
    collects: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)


_beside = _Beside()


@contextmanager
def beside_answers() -> Iterator[None]:
    """In the block, which may run for seconds in one thread, others are kept waiting for moments.

    Python's garbage collector stops all threads while it looks at every object, a sixth of a second
    with a model in memory. It rests in the block and does not look at what there is then again:
    models are freed without it. Threads that wait for Python's lock get it after half a
    millisecond. Of several blocks at the same time the last one to end sets both back.
    """
    with _beside.lock:
        if not _beside.blocks:
            _beside.interval, _beside.collects = sys.getswitchinterval(), gc.isenabled()
            gc.disable()
            sys.setswitchinterval(_SHORT_TURN)
        _beside.blocks += 1
    try:
        yield
    finally:
        with _beside.lock:
            _beside.blocks -= 1
            gc.freeze()
            if not _beside.blocks:
                sys.setswitchinterval(_beside.interval)
                if _beside.collects:
                    gc.enable()


def give_memory_back() -> None:
    """Give the system the memory that Arrow and the C library keep after large objects were freed.

    Without it a process that loads one model after another keeps the room of several. Of the C
    libraries only glibc is asked.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


@dataclass(frozen=True)
class Load:
    """The time ``at`` which it was read, and until then the seconds that ``cores`` cores were busy,
    and those in which this process computed."""

    at: float
    cores: int
    busy: float
    own: float

    @staticmethod
    def now(file: Path = Path("/proc/stat")) -> Load | None:
        """The load of the cores that this process may use; None where the system doesn't tell."""
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
            ticks = [_busy_ticks(line) for line in lines if _core(line) in usable]
        except (OSError, ValueError):
            return None
        if not ticks:
            return None
        busy = sum(ticks) / os.sysconf("SC_CLK_TCK")
        return Load(time.monotonic(), len(ticks), busy, time.process_time())

    def free_threads(self, before: Load, most: int) -> int:
        """From 1 to ``most``: the cores that other programs have left free since ``before``."""
        others = (self.busy - before.busy) - (self.own - before.own)
        free = self.cores - others / max(self.at - before.at, 1e-9)
        return max(1, min(most, round(free)))


def _core(line: str) -> int:
    """The number of the core that a line of /proc/stat is about; -1 for another line."""
    found = re.match(r"cpu(\d+) ", line)
    return -1 if found is None else int(found[1])


def _busy_ticks(line: str) -> int:
    """user, nice, system, irq, softirq and steal: all but the time idle or waiting for a disk."""
    user, nice, system, _, _, *others = (int(field) for field in line.split()[1:9])
    return user + nice + system + sum(others)


def _shorten_waits(threads: int) -> str:
    """Let PyTorch's threads sleep soon although their library was loaded without being asked to.

    libgomp tries for a hundred steps in place of 300,000 while it has more threads than there are
    cores. So one thread of ours starts as many as are missing, which sleep until the process ends.
    """
    gomp = _loaded_gomp()
    if gomp is None:
        return "as the OpenMP library chooses: torch was imported before kgrec"
    library = ctypes.CDLL(str(gomp))
    team = library.omp_get_num_procs() - threads + 2
    if not 2 <= team <= _MOST_PARKED:
        return "as the OpenMP library chooses: torch was imported before kgrec"
    started = threading.Event()

    def hold() -> None:
        library.GOMP_parallel(library.omp_get_thread_num, None, team, 0)
        started.set()
        threading.Event().wait()

    threading.Thread(target=hold, name="kgrec-threads", daemon=True).start()
    started.wait()
    return "asleep after a short try (torch was imported before kgrec)"


def _loaded_gomp() -> Path | None:
    """The file of libgomp in this process; None where it is not loaded, or not on Linux."""
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    found = next((match[1] for line in lines if (match := _GOMP.search(line))), None)
    return None if found is None else Path(found)
