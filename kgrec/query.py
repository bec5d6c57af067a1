"""Query: users and circumstances of a request, and how they become rows to score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, compress
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from kgrec.arguments import Missing, all_integers, as_id, check_choice, check_mapping, id_list
from kgrec.arrays import row_numbers
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories
from kgrec.rules.bound_rules import BoundRules
from kgrec.scenarios.fitted_recogniser import HOUR
from kgrec.scenarios.inferred_scenarios import UserScenarios
from kgrec.scenarios.routing import BoundRecogniser
from kgrec.scoring.engine import Engine
from kgrec.scoring.given_histories import GivenHistories, HistoryLists
from kgrec.scoring.live_events import LiveEvents
from kgrec.scoring.lookup import (
    check_scenario,
    few_item_rows,
    known_users,
    scenario_code,
    unknown_users,
)
from kgrec.scoring.request import GivenEvents, Request
from kgrec.scoring.scenario_codes import RESERVED

Horizon: TypeAlias = Literal["next", "later"]
_CONTEXT: Final = "{'gender': 'F', 'hour': 21}"


@dataclass(frozen=True)
class Query:
    """The users of a request and its circumstances.

    All methods of ``Recommender`` that answer for users take a Query, so that what was recommended
    can be explained, compared and evaluated in the same circumstances.

    Parameters
    ----------
    users : str or sequence of str, optional
        Ids of users in the graph.
    histories : mapping, sequence or DataFrame, optional
        Item ids, oldest first, by user id or as a list of lists, or a frame with the columns
        user_id and item_id. With times, which may be in any order: (item id, time) pairs in place
        of ids, or the column timestamp. A frame may also have event and rating, which count as
        FeedbackConfig says. A history given here replaces the stored one; its user need not be
        stored.
    scenario : str, optional
        Name of a scenario. "auto": each user in the scenario that ``recognise`` finds; "mixture":
        scores averaged over scenarios by their probabilities. By default the scenario is
        inferred from a rule (``ScenarioConfig``) or from the user's events, else none.
    context : mapping, optional
        Circumstances, such as ``{"daytime": "evening"}``, for columns that
        ``config.context.columns`` names (unknown values answer as none), and user attributes for
        users that are not in the graph, such as ``{"gender": "F"}``. With "auto" and "mixture" it
        may contain ``hour`` (0 to 23, UTC).
    horizon : {"next", "later"}
        Whether to predict the next choice, or choices after some more events, for histories that
        ended long ago. It matters only where the training data have timestamps.
    missing : {"error", "ignore"}
        What to do with users, and items of histories, that are not in the graph: an error that
        names them all, or leave them out.
    """

    users: str | Sequence[str] | None = None
    histories: GivenHistories | None = None
    scenario: str | None = None
    context: Mapping[str, Any] | None = None
    horizon: Horizon = "next"
    missing: Missing = "error"

    def __post_init__(self) -> None:
        check_choice(self.horizon, "horizon", ("next", "later"))
        check_choice(self.missing, "missing", ("error", "ignore"))
        check_mapping(self.context, "context", _CONTEXT)
        check_scenario(self.scenario)

    @staticmethod
    def of(
        users: str | Sequence[str] | Query | None,
        histories: GivenHistories | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        missing: Missing = "error",
    ) -> Query:
        """Return a Query unchanged, or make one of keywords. Raises RequestError for both."""
        if not isinstance(users, Query):
            return Query(users, histories, scenario, context, horizon, missing)
        return users.check_alone(
            histories=histories,
            scenario=scenario,
            context=context,
            horizon=None if horizon == "next" else horizon,
            missing=None if missing == "error" else missing,
        )

    @staticmethod
    def of_one(
        user: str | Query,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
    ) -> Query:
        """``of`` for methods about one user, whose history may be given as ``history``."""
        if isinstance(user, Query):
            later = None if horizon == "next" else horizon
            return user.check_alone(
                history=history, scenario=scenario, context=context, horizon=later
            )
        if history is None:
            return Query([user], None, scenario, context, horizon)
        return Query(None, {as_id(user, "user"): history}, scenario, context, horizon)

    def check_alone(self, **keywords: object) -> Query:
        """This Query. Raises RequestError that names the first of the keywords that has a value."""
        for name, value in keywords.items():
            if value is not None:
                raise RequestError(f"{name} is given beside a Query; put it into the Query.")
        return self

    @property
    def stored(self) -> bool:
        """Whether the histories are read from the graph."""
        return self.histories is None


@dataclass(frozen=True, eq=False)
class Resolver:
    """Turns queries into requests to one engine.

    ``live``: events since the engine's graph was read, which stored histories go on with.
    ``rules``: those that requests obey, or None.
    """

    engine: Engine
    user_scenarios: UserScenarios
    recogniser: BoundRecogniser
    live: LiveEvents | None = None
    rules: BoundRules | None = None

    def over(self, engine: Engine) -> Resolver:
        """A resolver for another engine of the same model, without rules."""
        scenarios = UserScenarios.infer(engine, self.user_scenarios.rule)
        return Resolver(engine, scenarios, replace(self.recogniser, engine=engine), self.live)

    def resolve(self, query: Query) -> Request:
        """The request with histories and scenarios as rows, and the rules that it obeys.

        Raises RequestError for a user that is neither stored nor has a history in the query, for an
        unknown item, scenario or horizon, a context that can't be read, and a query without users.
        """
        request = self._resolved(query)
        return request if self.rules is None else self.with_rules(request, "recommend")

    def with_rules(self, request: Request, kind: str, at: float | None = None) -> Request:
        """The request with the rules of a kind of list (see ``kgrec.rules.Rule``), valid now or
        at unix seconds ``at``. In a mixture of scenarios the most probable one counts."""
        if self.rules is None:
            return request
        users, codes = request.histories.user, _likeliest(request)
        return request.under(self.rules.request(users, codes, request.context, kind, at))

    def hidden_users(self, request: Request) -> np.ndarray | None:
        """bool ``[B, n_users]``: whom rules keep out of a request's lists of users; None for
        nobody."""
        if self.rules is None:
            return None
        return self.rules.hidden_users(request.histories.user, _likeliest(request), request.context)

    def _resolved(self, query: Query) -> Request:
        if query.scenario in RESERVED:
            return self._recognised_request(query)
        request = self._request(query)
        if query.horizon == "next":
            return request
        later = np.ones(len(request), dtype=bool)
        return replace(request, histories=replace(request.histories, later=later))

    def resolve_one(self, query: Query) -> Request:
        """``resolve`` for a query about a single user. Raises RequestError for several."""
        request = self.resolve(query)
        if not len(request):
            raise RequestError("no user is left to ask about; name one that is in the graph.")
        if len(request) != 1:
            raise RequestError(f"{len(request)} users are asked about; ask about one at a time.")
        return request

    def of_users(
        self,
        users: Ints,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        later: bool = False,
    ) -> Request:
        """The request for stored users, given as rows int64 ``[B]``, without rules. Raises
        RequestError."""
        context, circumstances = self.engine.split_context(context)
        if scenario in RESERVED:
            codes, evidence = self.user_scenarios.of(users), context
            attributes: Mapping[str, Any] | None = _without_hour(context)
        else:
            codes = self._codes(users, scenario, context)
            attributes, evidence = context, None
        request = Request(
            in_circumstances(self.engine.stored(users, codes, later=later), circumstances),
            self.engine.snapshot.users.ids[users].tolist(),
            attributes or None,
            stored=True,
        )
        if scenario is None or scenario not in RESERVED:
            return request
        return self.recogniser.route(request, scenario, evidence)

    def _recognised_request(self, query: Query) -> Request:
        assert query.scenario is not None
        attributes = _without_hour(query.context)
        plain = self._resolved(replace(query, scenario=None, context=attributes or None))
        evidence, _ = self.engine.split_context(query.context)
        return self.recogniser.route(plain, query.scenario, evidence)

    def _request(self, query: Query) -> Request:
        if query.histories is not None:
            return self._given_request(query)
        if query.users is None:
            raise RequestError("nobody to recommend to; pass users or histories.")
        return self._stored_request(query)

    def _stored_request(self, query: Query) -> Request:
        users, integers = self.engine.snapshot.users, all_integers(query.users)
        ids = id_list(query.users, "users")
        if self.live is not None and self.live.any_of(ids):
            return self._live_request(query, ids, integers, self.live)
        if query.missing == "ignore":
            ids = [one for one, row in zip(ids, users.rows(ids), strict=True) if row >= 0]
        rows = known_users(users, ids)
        attributes, circumstances = self.engine.split_context(query.context)
        codes = self._codes(rows, query.scenario, attributes)
        stored = in_circumstances(self.engine.stored(rows, codes), circumstances)
        return Request(stored, ids, attributes, integers=integers, stored=True)

    def _live_request(
        self, query: Query, ids: list[str], integers: bool, live: LiveEvents
    ) -> Request:
        """The request for stored histories that go on with later events."""
        rows = live.rows(ids, self.engine.snapshot.users.rows(ids))
        there = [row >= 0 or one in live for one, row in zip(ids, rows.tolist(), strict=True)]
        if query.missing == "ignore":
            ids, rows = list(compress(ids, there)), rows[there]
        elif not all(there):
            raise unknown_users([one for one, known in zip(ids, there, strict=True) if not known])
        attributes, circumstances = self.engine.split_context(query.context)
        codes = self._codes(rows, query.scenario, attributes)
        histories, given = live.histories(self.engine, ids, rows, codes)
        histories = in_circumstances(histories, circumstances)
        alone = given.time if len(ids) == 1 else None
        return Request(histories, ids, attributes, integers=integers, times=alone, given=given)

    def _given_request(self, query: Query) -> Request:
        """The request for histories that came with the query."""
        engine, given = self.engine, HistoryLists.read(query.users, query.histories)
        if query.missing == "ignore":
            given = given.only(engine.item_row)
        none = np.full(len(given.items), -1)
        # Only names are looked up: a stored user may happen to be called "0".
        rows = none if given.names is None else engine.snapshot.users.rows(given.names)
        attributes, circumstances = engine.split_context(query.context)
        codes = self._codes(rows, query.scenario, attributes)
        items = few_item_rows(engine, list(chain.from_iterable(given.items)))
        if given.times is None and given.events is None and len(given.items) == 1:
            histories, events = engine.typed_one(items, rows, codes), None
        else:
            indptr = np.array([0, *accumulate(map(len, given.items))])
            items, events = _in_order(indptr, items, given)
            times = given.times if events is None or given.times is None else events.time
            weight, feedback = None, engine.model.shape.feedback
            if events is not None and feedback is not None:
                weight = feedback.weights(events.kind, events.rating)
            histories = engine.typed(indptr, items, rows, codes, times, weight)
        histories = in_circumstances(histories, circumstances)
        return Request(histories, given.names, attributes, integers=given.integers, given=events)

    def _codes(self, users: Ints, scenario: str | None, context: Mapping[str, Any] | None) -> Ints:
        """int64 ``[B]``: the given scenario, else the one inferred for each user; -1 for none."""
        if scenario is not None:
            return np.full(len(users), scenario_code(self.engine, scenario))
        inferred = self.user_scenarios.of(users, context)
        return np.full(len(users), -1) if inferred is None else inferred


def _likeliest(request: Request) -> Ints:
    """int64 ``[B]``: the scenario of each row, in a mixture the most probable one; -1 for none."""
    if request.mixture is None:
        return request.histories.scenario
    codes = request.mixture.argmax(axis=1)
    return np.where(codes == request.mixture.shape[1] - 1, -1, codes)


def _in_order(indptr: Ints, items: Ints, given: HistoryLists) -> tuple[Ints, GivenEvents | None]:
    """The events of given histories, oldest first within each where there are times, by item where
    times are equal."""
    if given.times is None and given.events is None:
        return items, None
    events = given.events or GivenEvents.plain(len(items))
    if given.times is None:
        return items, events
    order = np.lexsort((items, given.times, row_numbers(indptr)))
    return items[order], replace(events, time=given.times).select(order)


def in_circumstances(histories: Histories, codes: Ints | None) -> Histories:
    """The histories in the same circumstances all, codes int64 ``[C]``; None for none."""
    if codes is None:
        return histories
    return replace(histories, context=np.tile(codes, (len(histories), 1)))


def _without_hour(context: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (context or {}).items() if name != HOUR}
