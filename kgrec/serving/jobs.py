"""Jobs: work on models in processes of their own, with low priority, so that answers stay fast."""

from __future__ import annotations

import asyncio
import functools
import math
import os
import secrets
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from kgrec.errors import KgrecError, ServiceError
from kgrec.rules import RuleFolder
from kgrec.serving.event_log import now
from kgrec.serving.problems import Problem, words_of
from kgrec.serving.registry import ModelEntry, Training
from kgrec.serving.reporting.reports import Report
from kgrec.serving.retraining.settings import GateRule, TrainSettings, trained_name
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import JobAnswer

_FOLD_LOOK = 1.0  # seconds between two looks at whether to fold
_FOLD_PAUSE = 30.0  # seconds between two folds of many records, should the first one fail
_NICE = 10
_MOST_KEPT = 200  # jobs
_SAID = 2_000  # characters of what a process said last


class Jobs:
    """The jobs of a service; one runs at a time."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.jobs: dict[str, JobAnswer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._processes: set[asyncio.subprocess.Process] = set()

    def start(self, kind: str, who: str) -> JobAnswer:
        """Start a job. Raises Problem where one runs."""
        if kind == "train" and self.service.experiments.comparing is not None:
            raise Problem(
                409,
                "experiment_runs",
                "an A/B experiment runs, and a new model would end it; stop it first.",
            )
        job = self._new(kind)
        self._go(job, self._train(job, who) if kind == "train" else self._fold(job, who))
        return job

    async def erase(self, users: Sequence[str], who: str) -> JobAnswer:
        """Keep people out from now on, and start a job that erases them from the log and from all
        models. Raises Problem where a job runs, and ErasureError."""
        job = self._new("erase")
        try:
            await self.service.keep_out(users)
        except Exception as error:
            self._end(job, "failed", None, words_of(error, "keeping people out"))
            raise
        self._go(job, self._erase(job, users))
        return job

    def report(self, model: str, asked: Report) -> JobAnswer:
        """Start a report about a model. Raises Problem where a job runs."""
        job = self._new(str(asked.__struct_config__.tag))
        self._go(job, self._report(job, model, asked))
        return job

    async def stop_one(self, job_id: str, who: str) -> JobAnswer:
        """Stop a job that runs. Raises Problem for one that is unknown, over, or must not stop."""
        job = self.jobs.get(job_id)
        if job is None:
            raise Problem(404, "unknown_job", f"no job has the id {job_id!r}.")
        if job.state != "running" or job.kind == "erase":
            said = "is over" if job.state != "running" else "erases people, and must end by itself"
            raise Problem(409, "not_stopped", f"job {job_id} {said}.")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.jobs[job_id].state == "running":
            self._end(job, "stopped", None, f"stopped by {who}.")
        return self.jobs[job_id]

    def _new(self, kind: str) -> JobAnswer:
        """A job. Raises Problem where one runs."""
        running = [job for job in self.jobs.values() if job.state == "running"]
        if running:
            raise Problem(
                409, "job_runs", f"job {running[0].id} ({running[0].kind}) runs; wait for its end."
            )
        job = JobAnswer(id=secrets.token_hex(6), kind=kind, state="running", started=now())
        self.jobs[job.id] = job
        while len(self.jobs) > _MOST_KEPT:
            del self.jobs[next(iter(self.jobs))]
        return job

    def _go(self, job: JobAnswer, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._to_its_end(job, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _to_its_end(self, job: JobAnswer, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong, the job ends: one that runs for ever would keep all others out."""
        try:
            await work
        except Exception as error:
            self._end(job, "failed", None, words_of(error, f"job {job.id} ({job.kind})"))

    async def fold_on(self) -> None:
        """Fold new records into the graph when it is time, or there are many."""
        config = self.service.config
        every, many = config.fold_seconds or math.inf, config.fold_records or math.inf
        due, tried = time.monotonic() + every, -_FOLD_PAUSE

        async def fold() -> None:
            nonlocal due, tried
            at = time.monotonic()
            new = self.service.log.last - self.service.served.entry.folded_until
            if new > 0 and (at >= due or (new >= many and at >= tried + _FOLD_PAUSE)):
                with suppress(Problem):  # a job runs
                    self.start("fold", "schedule")
                    due, tried = at + every, at

        await self.service.repeat(min(_FOLD_LOOK, every), fold, "folding on schedule")

    async def train_on(self, seconds: float) -> None:
        """Train a new model every so many seconds, where events have come."""
        trained = 0

        async def train() -> None:
            nonlocal trained
            if self.service.log.last > trained:
                with suppress(Problem):  # a job runs
                    self.start("train", "schedule")
                    trained = self.service.log.last

        await self.service.repeat(seconds, train, "training on schedule")

    async def stop(self) -> None:
        """End what runs; a model that is not complete is not there."""
        for process in list(self._processes):
            process.terminate()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fold(self, job: JobAnswer, who: str) -> None:
        service = self.service
        before, until = service.served.entry, service.log.last
        if until <= before.folded_until:
            self._end(job, "done", before.name, "nothing is new.")
            return
        name = _fold_name(before, until)
        with service.metrics.fold_seconds.time():
            said = await self._folded(before, until)
        await service.activate(
            name, who, f"fold until record {until}", before.name, rules_of=before
        )
        for other in list(service.experiments.others.values()):
            said += await self._fold_beside(other.entry, until)
        await service.experiments.follow()
        await service.tell("follow")
        if service.config.fold_models:
            await asyncio.to_thread(service.root.drop_old_folds, service.config.fold_models)
        left_out = f" Left out: {said}" if said else ""
        self._end(job, "done", name, f"the graph has the records until {until}.{left_out}")

    async def _report(self, job: JobAnswer, model: str, asked: Report) -> None:
        given = msgspec.json.encode(asked)
        code, said, printed = await self._run(
            "-m", "kgrec.serving.reporting", str(self.service.root.folder), model, given=given
        )
        if code:
            self._end(job, "failed", model, said)
            return
        self.jobs[job.id] = job = msgspec.structs.replace(job, result=msgspec.json.decode(printed))
        self._end(job, "done", model, "")

    async def _folded(self, entry: ModelEntry, until: int) -> str:
        """Fold the log into a model's graph in another process.

        Returns what it left out. Raises ServiceError with what the process said last.
        """
        root, name = self.service.root, _fold_name(entry, until)
        code, said, _ = await self._run(
            "-m", "kgrec.serving.fold", str(root.folder), entry.name, name, str(until)
        )
        if code:
            raise ServiceError(said)
        return said

    async def _fold_beside(self, entry: ModelEntry, until: int) -> str:
        """The same for a model of an experiment, with its rules."""
        if entry.folded_until >= until:
            return ""
        said, root = await self._folded(entry, until), self.service.root
        folder = root.folder_of(root.read().entry(_fold_name(entry, until)))
        RuleFolder(root.folder_of(entry)).copy_to(folder)
        return said

    async def _train(self, job: JobAnswer, who: str) -> None:
        """Train in another process; activate where the new model does not lose."""
        service, config = self.service, self.service.config
        before, until = service.served.entry, service.log.last
        rule = GateRule(config.gate_users, config.gate_margin)
        settings = TrainSettings(config.train_effort, share=config.gate_share, rule=rule)
        arguments = (before.name, trained_name(before, until), str(until))
        code, said, printed = await self._run(
            "-m",
            "kgrec.serving.retraining",
            str(service.root.folder),
            *arguments,
            msgspec.json.encode(settings).decode(),
        )
        if code:
            self._end(job, "failed", None, said)
            return
        done = msgspec.json.decode(printed, type=Training)
        if done.name:
            await service.activate(done.name, who, done.reason, before.name, rules_of=before)
        self._end(job, "done", done.name or None, done.reason)

    async def _erase(self, job: JobAnswer, users: Sequence[str]) -> None:
        """The log in this process, which writes it; the models in another one, which reads the ids
        from its input; then the model that answers is loaded again."""
        service = self.service
        records = await service.erase_records(users)
        given = msgspec.json.encode(list(users))
        root = str(service.root.folder)
        async with service.swapping:  # nobody changes models or their rules meanwhile
            code, said, printed = await self._run("-m", "kgrec.erasure", root, given=given)
        if code:
            self._end(job, "failed", None, said)
            return
        await service.reload()
        models = msgspec.json.decode(printed)
        hashes = sorted(map(service.hash_of, users))
        stores, trouble = await self._erased_from_store(users)
        log = {"kind": "service log", "place": str(service.root.log), "removed": records}
        receipt = {"people": hashes, "places": [log, *models, *stores]}
        self.jobs[job.id] = job = msgspec.structs.replace(job, receipt=receipt)
        detail = trouble or f"{len(users):,} people are erased."
        self._end(job, "failed" if trouble else "done", service.served.entry.name, detail)

    async def _erased_from_store(self, users: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
        """The place of a receipt, where the service writes a store, and what went wrong there."""
        sync = self.service.store_sync
        if sync is None or not self.service.config.store_write_seconds:
            return [], ""
        try:
            return [await sync.erase(users)], ""
        except KgrecError as error:
            cure = "when it can be used again run kgrec erase --store with the same people."
            return [], f"the log and the models have nothing of them, the store has: {error} {cure}"

    async def _run(self, *arguments: str, given: bytes = b"") -> tuple[int, str, bytes]:
        """The exit code of a process, what it said last, and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_lowered(),
        )
        self._processes.add(process)
        try:
            printed, said = await process.communicate(given)
        except RuntimeError:  # uvloop's, where the process has ended before anything was written
            await process.wait()
            printed, said = b"", b""
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        finally:
            self._processes.discard(process)
        code = process.returncode or 0
        last = said.decode("utf-8", "replace")[-_SAID:].strip()
        if code and not last:
            last = f"its process ended with the exit code {code}."
        return code, last, printed

    def _end(self, job: JobAnswer, state: str, model: str | None, detail: str) -> None:
        self.jobs[job.id] = msgspec.structs.replace(
            job, state=state, ended=now(), model=model, detail=detail
        )


def _fold_name(entry: ModelEntry, until: int) -> str:
    return f"{entry.name.split('-fold')[0]}-fold{until}"


def _lowered() -> Callable[[], object] | None:
    return functools.partial(os.nice, _NICE) if hasattr(os, "nice") else None
