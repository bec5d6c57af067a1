"""Service: the model that answers, the events since its graph was read, and changes of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from graph_schema.names import ENTITY, ITEM, LABEL_FRAMES, USER
from kgrec.drift.monitor import Alarm
from kgrec.drift.watch import DriftWatch
from kgrec.errors import KgrecError, RequestError
from kgrec.presentation import show_people
from kgrec.recommender import Recommender
from kgrec.rules import RuleFolder
from kgrec.serving.access import Cost, Keys, Limiter, Rate, Rounds, rates_of
from kgrec.serving.audit import AuditLog
from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import EventLog, Record, now
from kgrec.serving.experiments.running import Chosen, RunningExperiments
from kgrec.serving.experiments.shadow import Shadow, ShadowLike
from kgrec.serving.growth import grown, titles_of
from kgrec.serving.lists import GivenList, GivenLists
from kgrec.serving.live_graph import (
    EVENT,
    NO_NODE,
    LiveGraph,
    RecentIds,
    allowed,
    keeps,
    without_erased,
)
from kgrec.serving.metrics import Metrics
from kgrec.serving.problems import Problem, words_of
from kgrec.serving.processes.workers import Workers
from kgrec.serving.registry import Activation, ModelEntry, Registry, Root
from kgrec.serving.store_sync.opened_store import KeptStore, OpenedStore
from kgrec.state import FittedState
from kgrec.stores.people.erased_people import Tombstones
from kgrec.threads import beside_answers, give_memory_back

_T = TypeVar("_T")
_BUSY = 4  # requests that are being answered, above which a shadow waits for none
_LOOK = 1.0  # seconds between two looks at the registry
LABELS = {LABEL_FRAMES[label]: label for label in (ITEM, USER, ENTITY)}  # by kind, as routes say


@dataclass(frozen=True, eq=False)
class Served:
    """The model that answers, with the events since.

    Attributes
    ----------
    entry : ModelEntry
    model : Recommender
        It answers with ``live.events``.
    live : LiveGraph
        What the log adds to its graph.
    titles : dict of str to str
        Of the items, by id; empty where they have none.
    grown : int
        The number of the last record whose nodes and facts the model's graph has.
    since : int
        Unix seconds at which it began to answer.
    erased : int
        How many people the model's folder still has who were erased; the model that answers has
        none of them.
    erasure : int or None
        When people were erased from the folder last, before it was loaded.
    """

    entry: ModelEntry
    model: Recommender
    live: LiveGraph
    titles: dict[str, str]
    grown: int
    since: int
    erased: int = 0
    erasure: int | None = None

    @staticmethod
    def load(
        root: Root, entry: ModelEntry, records: Iterable[Record], before: Served | None = None
    ) -> Served:
        """Load a model, with all that its first answer needs, and the records that its graph does
        not have. The language model of ``before`` and its indexes for search are taken where they
        are the same. Raises ModelError."""
        tombstones, erasure = Tombstones.read(root.tombstones), root.last_erasure(entry)
        plain = Recommender.load(root.folder_of(entry))
        if before is not None:
            with suppress(Exception):  # the first search says what is wrong
                plain.state.reader.share(before.model.state.reader)
        people = without_erased(plain, tombstones)
        live = LiveGraph(allowed(records, tombstones), entry.folded_until)
        indexes = plain.state.indexes
        if before is not None:
            indexes = indexes.like(before.model.state.indexes)
        state = replace(plain.state, live=live.events, indexes=indexes).warm_up()
        state.engine.cache.learn_cold()
        model, titles, until = Recommender.of(state), titles_of(plain), entry.folded_until
        fresh = Served(entry, model, live, titles, until, now(), people, erasure)
        return fresh.with_growth()

    def read_texts(self) -> None:
        """Load the language model, which takes seconds, where searches compare meanings."""
        state = self.model.state
        if state.indexes.searcher.reads_meaning and not state.reader.is_loaded:
            with suppress(Exception):  # the first search says what is wrong
                state.reader.encode_query("a")

    def with_growth(self) -> Served:
        """The model with the nodes and facts of the records since; itself without any."""
        records = [one for one in self.live.graph if one["number"] > self.grown]
        if not records:
            return self
        model, refused = grown(self.model, records)
        self.live.refused.update(refused)
        return replace(self, model=model, titles=titles_of(model), grown=records[-1]["number"])

    def model_for(self, *, people: bool) -> Recommender:
        """The model, which with ``people`` names other people: for the operator."""
        return show_people(self.model) if people else self.model

    def knows_user(self, user: str) -> bool:
        """Whether the user is stored or has sent events."""
        if user in self.live.events:
            return True
        stored = self.model.snapshot.users.rows([user])
        return bool(self.live.events.rows([user], stored)[0] >= 0)

    def knows_item(self, item: str) -> bool:
        """Whether the graph has the item, or a record since has made it."""
        changed = self.live.changed.get((ITEM, item), {})
        return changed is not None and (bool(changed) or item in self.model.state.engine.item_row)


Warm: TypeAlias = Callable[[Served, Sequence[Any]], None]


class Service:
    """One service: see the module.

    Parameters
    ----------
    root : Root
        Its folder.
    config : ServiceConfig
        Its limits.
    warm : callable
        ``warm(served, bodies)`` answers recorded requests with a model that was loaded, so that the
        first new one is as fast as the next.
    store : OpenedStore, optional
        The graph that models are trained on: records are written into it, what others write there
        is followed, and ``/v1/cypher`` reads it.
    workers : Workers, optional
        Further processes that answer for the same folder.

    Raises
    ------
    ServiceError
        Where the log, the keys or the registry can't be read.
    """

    is_first = True  # of several processes, the one that stores and runs jobs
    mark = ""  # the end of the ids of its lists

    def __init__(
        self,
        root: Root,
        config: ServiceConfig,
        warm: Warm,
        store: OpenedStore | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.root, self.config, self._warm, self.graph_store = root, config, warm, store
        self.workers = workers
        self.store_sync: KeptStore | None = None  # what keeps store and log alike
        self.metrics = Metrics()
        self.keys = Keys(root.keys)
        self.limiter = self._limiter(rates_of(config))
        self.rounds = Rounds(config.in_flight, config.wait_seconds)
        self.lists = GivenLists(60 * config.list_minutes)
        self.pending: dict[str, asyncio.Future[int]] = {}  # ids of events that wait for the disk
        self.log, self.audit = self._logs()
        self.in_flight = self.slow = 0
        self.stopping = False
        self.loading = False  # whether a request loads in bulk
        self.trouble = ""  # what went wrong last without anybody who asked
        self.tombstones = Tombstones.read(root.tombstones)
        self.ids = RecentIds()  # of events
        self._served: Served | None = None
        self.drift = DriftWatch(self._answering, root.drift, config.drift_per_second, self._drifted)
        self._pool = ThreadPoolExecutor(1, "kgrec-slow")
        self._loader = ThreadPoolExecutor(1, "kgrec-load")
        self.swapping = asyncio.Lock()
        self._growing = asyncio.Lock()
        self._grower = ThreadPoolExecutor(1, "kgrec-grow")
        self._meanwhile: list[Record] | None = None  # records that come while a model is loaded
        self._seen_registry: int | None = None
        self._seen_erasure: int | None = None
        self.experiments: RunningExperiments[Served] = RunningExperiments(self)
        self._count()

    def _limiter(self, rates: dict[Cost, Rate]) -> Limiter:
        return Limiter(rates) if self.workers is None else self.workers.limiter(rates)

    def _logs(self) -> tuple[EventLog, AuditLog]:
        """The logs of records and of requests. Raises ServiceError."""
        config, log = self.config, EventLog(self.root.log)
        if self.workers is not None:
            log.publish(self.workers.shared.publish)
        return log, AuditLog(self.root.audit, config.audit_bytes, config.audit_files)

    @property
    def served(self) -> Served:
        """The model that answers. Raises Problem before there is one."""
        if self._served is None:
            raise Problem(
                503,
                "no_model",
                "no model answers yet; wait, or activate one.",
                headers={"Retry-After": "1"},
            )
        return self._served

    @property
    def loaded(self) -> list[Served]:
        """All models in memory: the one that answers, and those of experiments."""
        active = [] if self._served is None else [self._served]
        return [*active, *self.experiments.others.values()]

    def chosen(self, who: str | None) -> Chosen[Served]:
        """The model that answers a user, or whoever ``who`` stands for. Raises Problem before there
        is one."""
        return self.experiments.chosen(who)

    @property
    def at_once(self) -> int:
        """Requests that are being answered, or arrived together."""
        return max(self.in_flight, self.rounds.begun)

    @property
    def ready(self) -> bool:
        """Whether a model answers and the service is not about to stop."""
        return self._served is not None and not self.stopping

    def load(self) -> None:
        """Load the active model, before anything is asked.

        Raises RequestError where none is active, and ModelError where it can't be loaded.
        """
        registry = self.root.read()
        if registry.active is None:
            raise RequestError(
                "no model is active; add one with kgrec models add, and activate it."
            )
        entry = registry.entry(registry.active)
        if self.is_first:
            for record in self.log.read():
                self._remember(record)
        self._flip(self.load_beside(entry))
        self.experiments.load()

    def load_beside(self, entry: ModelEntry) -> Served:
        """A model that is ready to answer, before anything is asked. Raises ModelError."""
        with beside_answers():
            fresh = Served.load(self.root, entry, self.log.read(entry.folded_until), self._served)
            fresh.read_texts()
            self._warm(fresh, ())
        return fresh

    async def stop(self) -> None:
        """Let what waits be done, and close the log."""
        self.stopping = True
        self.experiments.stop()
        self._pool.shutdown(cancel_futures=True)
        self._loader.shutdown(cancel_futures=True)
        self._grower.shutdown(cancel_futures=True)
        await asyncio.to_thread(self.drift.stop)
        await asyncio.to_thread(self.log.close)
        self.audit.close()

    async def follow(self) -> None:
        """Look at the registry every second, and load the model that another process activated."""
        await self.repeat(_LOOK, self._follow_once, "loading the model that was activated")

    async def repeat(self, seconds: float, step: Callable[[], Awaitable[None]], work: str) -> None:
        """Do a step of ``work`` every so many seconds, whatever a step says of the one before."""
        while not self.stopping:
            await asyncio.sleep(seconds)
            try:
                await step()
            except Exception as error:
                self.trouble = f"{work}: {words_of(error, work)}"

    async def _follow_once(self) -> None:
        try:
            version = self.root.registry_file.stat().st_mtime_ns
        except OSError:
            return
        served = self.served
        erasure = self.root.last_erasure(served.entry)
        if version == self._seen_registry and erasure == self._seen_erasure:
            return
        noticed = erasure not in (None, served.erasure)
        self._seen_registry, self._seen_erasure = version, erasure
        active = self.root.read().active
        if active is not None and (active != served.entry.name or noticed):
            await self._swap_to(active)

    async def in_pool(self, work: Callable[[], _T]) -> _T:
        """Do slow work beside the answers of others.

        Raises Problem where too much waits, or it takes too long.
        """
        if self.slow >= self.config.slow_queue:
            self.metrics.shed.labels("slow queue").inc()
            raise Problem(
                503,
                "busy",
                f"{self.slow} explanations, searches and batches wait already; try again soon.",
                headers={"Retry-After": "1"},
            )
        self.slow += 1
        try:
            loop = asyncio.get_running_loop()
            return await asyncio.wait_for(
                loop.run_in_executor(self._pool, work), self.config.slow_seconds
            )
        except TimeoutError:
            raise Problem(
                504,
                "too_slow",
                f"no answer within {self.config.slow_seconds:g} s; ask for less, or try again.",
            ) from None
        finally:
            self.slow -= 1

    async def store(self, records: Sequence[Record]) -> int:
        """Store records in the log, and let answers count them; what names people who were erased
        is left out.

        Returns the number of the first. Raises ServiceError where the disk refuses.
        """
        records = list(allowed(records, self.tombstones))
        if not records:
            return self.log.last
        waits = asyncio.wrap_future(self.log.append(records))
        keys = [record["event_id"] for record in records if "event_id" in record]
        self.pending.update(dict.fromkeys(keys, waits))
        try:
            first = await waits
        finally:
            for key in keys:
                self.pending.pop(key, None)
        self._take([{"number": first + place, **one} for place, one in enumerate(records)])
        return first

    def _take(self, numbered: Sequence[Record]) -> None:
        """Let answers count records of the log."""
        for record in numbered:
            self._remember(record)
            for served in self.loaded:
                served.live.add(record)
            if record["kind"] == EVENT and self._served is not None:
                self.drift.offer(record)
            if self._meanwhile is not None:
                self._meanwhile.append(record)
        if self.experiments.shadow is not None:
            self.experiments.shadow.add(numbered)
        self._count()

    def _remember(self, record: Record) -> None:
        """Remember the id of an event, which counts once; only one process stores events."""
        if record["kind"] == EVENT and self.is_first:
            self.ids.add(record)

    def catch_up(self) -> None:
        """Let answers count what other processes have stored: here nothing, as only this one
        stores. Before each answer."""

    async def grow(self) -> None:
        """Let the models that answer have the nodes and facts of all records so far."""
        async with self._growing:
            while True:
                served = self.served
                fresh = await self._grown(served)
                if fresh is served:
                    break
                if self._served is served:  # else a model was activated, which must grow too
                    self._served = fresh
            others = self.experiments.others
            for name, served in list(others.items()):
                fresh = await self._grown(served)
                if others.get(name) is served:  # else the experiment ended meanwhile
                    others[name] = fresh
        if self.workers is not None:
            await self.workers.have(self.log.last)

    async def _grown(self, served: Served) -> Served:
        loop = asyncio.get_running_loop()
        with beside_answers():
            return await loop.run_in_executor(self._grower, served.with_growth)

    def _answering(self) -> tuple[FittedState, int] | None:
        """What ``DriftWatch`` evaluates events by."""
        served = self._served
        return None if served is None else (served.model.state, served.entry.folded_until)

    def _drifted(self, alarm: Alarm) -> None:
        self.metrics.drift_alarms.labels(alarm.stream).inc()

    async def activate(
        self,
        name: str,
        who: str,
        reason: str = "",
        expected: str | None = None,
        rules_of: ModelEntry | None = None,
    ) -> Activation:
        """Load a model, try it, and let it answer; the one before answers until then.

        ``rules_of``: the model whose rules, with their log, it takes over.

        Raises RequestError for an unknown name, or another current model than ``expected``, and
        ModelError for one that can't be loaded; then nothing has changed.
        """
        async with self.swapping:
            registry = self.root.read()
            registry.activated(name, who, reason, expected)  # raises before a model is loaded
            if rules_of is not None:
                RuleFolder(self.root.folder_of(rules_of)).copy_to(
                    self.root.folder_of(registry.entry(name))
                )
            fresh = await self._loaded(registry.entry(name))
            done = self.root.activate(name, who, reason, expected)
            self._flip(fresh)
        await self.grow()
        await self.tell("follow")
        return done

    async def tell(self, name: str, **arguments: Any) -> list[Any]:
        """Let the other processes do the same; what each answers. One that can't is started
        anew."""
        return [] if self.workers is None else await self.workers.tell(name, **arguments)

    def new_shadow(self, share: float, model: str) -> ShadowLike:
        """A shadow of this share of the requests; see ``Shadow``."""
        folder = str(self.root.folder)
        return Shadow(share, folder, model, lambda: self.at_once > _BUSY, self.metrics)

    async def keep_out(self, users: Sequence[str]) -> None:
        """From now on these people are unknown, and nothing of them is stored. Raises Problem
        before a model answers, and ErasureError."""
        tombstones = (self.tombstones or Tombstones()).with_users(users)
        tombstones.write(self.root.tombstones)
        self._leave_out(users, tombstones)
        await self.tell("keep_out", users=list(users))

    def _leave_out(self, users: Sequence[str], tombstones: Tombstones) -> None:
        self.tombstones = tombstones
        self.experiments.forget(set(users))
        lives = [served.live for served in (self.served, *self.experiments.others.values())]
        for live in lives:
            for user in users:
                live.add({"number": live.last, "kind": NO_NODE, "label": USER, "id": user})

    def is_erased(self, user: object) -> bool:
        """Whether a person was erased."""
        return self.tombstones is not None and self.tombstones.covers(str(user))

    def hash_of(self, user: str) -> str:
        """The keyed hash of a person; "" before anybody was erased."""
        return "" if self.tombstones is None else self.tombstones.hash_of(user)

    async def erase_records(self, users: Sequence[str]) -> int:
        """Erase people from the log, and from the lists in memory; returns how many records left
        or changed. Raises ServiceError."""
        gone = set(users)
        lists = self.lists.forget(gone).union(*await self.tell("forget", users=list(gone)))
        keep = await asyncio.to_thread(lambda: keeps(self.log.read(), gone.__contains__, lists))
        found = await asyncio.wrap_future(self.log.rewrite(keep))
        self._count()
        return found

    async def reload(self) -> None:
        """Load the model that answers once more, as its folder has changed. Raises ModelError."""
        await self._swap_to(self.served.entry.name)
        await self.experiments.follow()
        await self.tell("follow")

    async def given(self, list_id: str) -> GivenList | None:
        """A list that any process has given; None for one that is unknown or too old."""
        found = self.lists.find(list_id)
        if found is None and self.workers is not None:
            found = await self.workers.given(list_id)
            if found is not None:
                self.lists.put(list_id, found)
        return found

    async def rolled_back(self, who: str, reason: str = "") -> Activation:
        """Let the model answer that did so before. Raises RequestError where there is none."""
        before = self.registry.previous
        if before is None:
            raise RequestError("no model answered before this one; activate one by its name.")
        return await self.activate(before, who, reason or "rolled back")

    @property
    def registry(self) -> Registry:
        """The registry as it is now."""
        return self.root.read()

    async def _swap_to(self, name: str) -> None:
        async with self.swapping:
            self._flip(await self._loaded(self.root.read().entry(name)))
        await self.grow()

    async def loaded_beside(self, entry: ModelEntry) -> Served:
        """Load a model beside the one that answers. Raises ModelError."""
        async with self.swapping:
            fresh = await self._loaded(entry)
            self._catch_up(fresh)
        return fresh

    async def _loaded(self, entry: ModelEntry) -> Served:
        """A model that is ready to answer as fast as the one before."""
        started, loop = time.perf_counter(), asyncio.get_running_loop()
        self._meanwhile = []
        try:
            with beside_answers():
                before = self._served
                fresh = await loop.run_in_executor(
                    self._loader,
                    lambda: Served.load(
                        self.root, entry, self.log.read(entry.folded_until), before
                    ),
                )
                await loop.run_in_executor(self._loader, fresh.read_texts)
                bodies = list(self.lists.recorded)
                await loop.run_in_executor(self._loader, lambda: self._warm(fresh, bodies))
        except KgrecError:
            self.metrics.swaps.labels("failed").inc()
            raise
        self.metrics.swap_seconds.observe(time.perf_counter() - started)
        return fresh

    def _flip(self, fresh: Served) -> None:
        """Let ``fresh`` answer, with the records that came while others were waited for."""
        self._catch_up(fresh)
        self.trouble = _unfinished(fresh)
        before = self._served
        self._served = replace(fresh, since=now())
        if before is not None:
            self.metrics.model.remove(before.entry.name)
            self.release([before])
            del before
        self.metrics.model.labels(fresh.entry.name).set(1)
        self.metrics.model_since.set(now())
        self.metrics.swaps.labels("done").inc()
        self._count()

    def release(self, models: list[Served]) -> None:
        """Forget models, and empty the list: that takes a while, so it is done beside the
        answers."""
        self._loader.submit(_forget, models)

    def _catch_up(self, fresh: Served) -> None:
        """Add the records that came while a model was loaded."""
        for record in self._meanwhile or ():
            if record["number"] > fresh.live.last:
                fresh.live.add(record)
        self._meanwhile = None

    def _count(self) -> None:
        self.metrics.log_bytes.set(self.log.size)
        folded = 0 if self._served is None else self._served.entry.folded_until
        self.metrics.unfolded.set(self.log.last - folded)


def _forget(models: list[Served]) -> None:
    models.clear()
    give_memory_back()


def _unfinished(served: Served) -> str:
    """What is to be done about people who were erased and are in the model's folder."""
    if not served.erased:
        return ""
    return (
        f"the folder of model {served.entry.name!r} has {served.erased:,} people who were erased; "
        "they are in no answer. Stop the service and run kgrec erase --again --root."
    )
