"""Client and AsyncClient: the verbs of a service, called at once or awaited."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from kgrec.client.errors import UnreachableError
from kgrec.client.exchange import Pause, Steps, Wire
from kgrec.client.retries import Retries, messages
from kgrec.client.transports import AsyncHttpTransport, AsyncTransport, HttpTransport, Transport
from kgrec.client.verbs import (
    explanations,
    feedback,
    graph,
    lists,
    measures,
    models,
    operator,
    rules,
)

P = ParamSpec("P")
T = TypeVar("T")
_SECONDS = 30.0


class _Now(Protocol):
    def run(self, steps: Steps[T]) -> T: ...


class _Later(Protocol):
    async def run(self, steps: Steps[T]) -> T: ...


class Verb(Generic[P, T]):
    """A verb as a method: of a Client it returns the value, of an AsyncClient it is awaited."""

    def __init__(self, steps: Callable[P, Steps[T]]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Steps[T]]: ...
    @overload
    def __get__(self, client: _Now, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: _Later, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, client: Any, owner: type) -> Callable[P, Any]:
        if client is None:
            return self.steps
        steps = self.steps

        @functools.wraps(steps)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(steps(*args, **kwargs))

        return call


class _GraphVerbs:
    find = Verb(graph.find)
    node = Verb(graph.node)
    neighbours = Verb(graph.neighbours)
    paths = Verb(graph.paths)
    subgraph = Verb(graph.subgraph)


class _NodeVerbs:
    get = Verb(feedback.get_node)
    put = Verb(feedback.put_node)
    delete = Verb(feedback.delete_node)
    put_facts = Verb(feedback.put_facts)
    delete_facts = Verb(feedback.delete_facts)
    facts = Verb(operator.facts)
    bulk = Verb(operator.bulk)


class _ModelVerbs:
    all = Verb(models.all_models)
    one = Verb(models.one_model)
    changes = Verb(models.changes)
    activate = Verb(models.activate)
    rollback = Verb(models.rollback)


class _JobVerbs:
    all = Verb(models.all_jobs)
    one = Verb(models.one_job)
    start = Verb(models.start_job)
    stop = Verb(models.stop_job)
    report = Verb(operator.start_report)
    erase = Verb(models.erase)
    wait = Verb(models.wait)


class _ExperimentVerbs:
    all = Verb(operator.all_experiments)
    one = Verb(operator.one_experiment)
    start = Verb(operator.start_experiment)
    stop = Verb(operator.stop_experiment)


class _RuleVerbs:
    read = Verb(rules.read)
    set = Verb(rules.replace)
    held = Verb(rules.held)
    decide = Verb(rules.decide)


class _Verbs:
    recommend = Verb(lists.recommend)
    next_page = Verb(lists.next_page)
    rerank = Verb(lists.rerank)
    page = Verb(explanations.page)
    similar = Verb(lists.similar)
    search = Verb(lists.search)
    score = Verb(lists.score)
    predict = Verb(lists.predict)
    recommend_users = Verb(lists.recommend_users)
    similar_users = Verb(lists.similar_users)
    explain = Verb(explanations.explain)
    explain_answers = Verb(explanations.explain_answers)
    explain_user = Verb(explanations.explain_user)
    counterfactual = Verb(explanations.counterfactual)
    why_not = Verb(explanations.why_not)
    compare = Verb(explanations.compare)
    words = Verb(explanations.words)
    ask = Verb(measures.ask)
    unsure = Verb(measures.unsure)
    recognise = Verb(measures.recognise)
    importance = Verb(measures.importance)
    vectors = Verb(measures.vectors)
    rule_effects = Verb(rules.rule_effects)
    held = Verb(rules.held_of)
    add_events = Verb(feedback.add_events)
    take_back = Verb(feedback.take_back)
    add_impressions = Verb(feedback.add_impressions)
    events_of = Verb(feedback.events_of)
    status = Verb(models.status)
    metrics = Verb(models.metrics)
    drift = Verb(operator.drift)
    cypher = Verb(operator.cypher)
    audit = Verb(operator.audit)
    ready = Verb(models.ready)
    call = Verb(models.call)


class _PartNow:
    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, steps: Steps[T]) -> T:
        return self._client.run(steps)


class _PartLater:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def run(self, steps: Steps[T]) -> T:
        return await self._client.run(steps)


class Graph(_GraphVerbs, _PartNow):
    """The graph of the model that answers."""


class Nodes(_NodeVerbs, _PartNow):
    """Users, items, entities and facts: read and changed."""


class Models(_ModelVerbs, _PartNow):
    """The models of the service."""


class Jobs(_JobVerbs, _PartNow):
    """Work in other processes."""


class Experiments(_ExperimentVerbs, _PartNow):
    """Two models on shares of the users, or a shadow."""


class RuleSet(_RuleVerbs, _PartNow):
    """The rules of the model that answers."""


class AsyncGraph(_GraphVerbs, _PartLater):
    """The graph of the model that answers."""


class AsyncNodes(_NodeVerbs, _PartLater):
    """Users, items, entities and facts: read and changed."""


class AsyncModels(_ModelVerbs, _PartLater):
    """The models of the service."""


class AsyncJobs(_JobVerbs, _PartLater):
    """Work in other processes."""


class AsyncExperiments(_ExperimentVerbs, _PartLater):
    """Two models on shares of the users, or a shadow."""


class AsyncRuleSet(_RuleVerbs, _PartLater):
    """The rules of the model that answers."""


class Client(_Verbs):
    """A service, with the methods and arguments of ``Recommender``.

    Parameters
    ----------
    address : str
        Such as "http://127.0.0.1:8000".
    key : str, optional
        A key of ``kgrec keys add``.
    seconds : float
        Longest time without any byte of an answer.
    retries : Retries
        Which requests are sent again.
    verify : bool or ssl.SSLContext
        How the certificate of an https address is checked.
    transport : Transport, optional
        What sends the requests; httpx2 by default.

    Raises
    ------
    MissingExtraError
        Where httpx2 is not installed and no transport is given.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        seconds: float = _SECONDS,
        retries: Retries | None = None,
        verify: Any = True,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or HttpTransport(address, seconds, verify)
        self._key, self._retries = key, retries or Retries()
        self.graph, self.nodes, self.models = Graph(self), Nodes(self), Models(self)
        self.jobs, self.rules, self.experiments = Jobs(self), RuleSet(self), Experiments(self)

    def run(self, steps: Steps[T]) -> T:
        """Send what a verb asks, until its value is there. Raises KgrecError."""
        wire = messages(steps, self._retries, self._key)
        given: Callable[[], Any] = functools.partial(next, wire)
        while True:
            try:
                todo = given()
            except StopIteration as stop:
                value: T = stop.value
                return value
            if isinstance(todo, Pause):
                time.sleep(todo.seconds)
                given = functools.partial(wire.send, None)
                continue
            try:
                given = functools.partial(wire.send, self._transport.send(todo))
            except UnreachableError as error:
                given = functools.partial(wire.throw, error)

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(_Verbs):
    """Like Client, for asyncio: every method is awaited, and ``transport`` is an AsyncTransport."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        seconds: float = _SECONDS,
        retries: Retries | None = None,
        verify: Any = True,
        transport: AsyncTransport | None = None,
    ) -> None:
        self._transport = transport or AsyncHttpTransport(address, seconds, verify)
        self._key, self._retries = key, retries or Retries()
        self.graph, self.nodes, self.models = AsyncGraph(self), AsyncNodes(self), AsyncModels(self)
        self.jobs, self.rules = AsyncJobs(self), AsyncRuleSet(self)
        self.experiments = AsyncExperiments(self)

    async def run(self, steps: Steps[T]) -> T:
        """Send what a verb asks, until its value is there. Raises KgrecError."""
        wire: Wire[T] = messages(steps, self._retries, self._key)
        given: Callable[[], Any] = functools.partial(next, wire)
        while True:
            try:
                todo = given()
            except StopIteration as stop:
                value: T = stop.value
                return value
            if isinstance(todo, Pause):
                await asyncio.sleep(todo.seconds)
                given = functools.partial(wire.send, None)
                continue
            try:
                given = functools.partial(wire.send, await self._transport.send(todo))
            except UnreachableError as error:
                given = functools.partial(wire.throw, error)

    async def close(self) -> None:
        """End the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
