"""Recognising: which scenario a request without one belongs to, and routing by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.errors import RequestError
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.query import Asked, GivenHistories, Horizon, ask
from kgrec.scenarios.recogniser import Recognised, Recogniser, log_softmax
from kgrec.scenarios.recogniser_fit import HOUR, RESERVED, ScenarioSigns, history_bags
from kgrec.scenarios.text_prototypes import Prototypes, find_prototypes, mean_texts
from kgrec.scoring.scenario_codes import scenario_codes

if TYPE_CHECKING:
    from kgrec.scoring.engine import Engine

_AUTO, _MIXTURE = RESERVED


@dataclass(frozen=True, eq=False)
class Recognition:
    """Of B requests: ``names`` object ``[K]``, the probabilities, and ``chosen`` int64 ``[B]``, -1
    for none of these."""

    names: np.ndarray
    answer: Recognised
    chosen: np.ndarray


class Recognising:
    """The part of Recommender that says which scenario a request belongs to."""

    _recogniser: ScenarioSigns | None = None
    _prototypes: tuple[Engine, Prototypes | None] | None = None
    _reader: TextReader

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def recognise(
        self,
        users: str | Sequence[str] | None = None,
        *,
        histories: GivenHistories | None = None,
        text: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """How likely each scenario is for each request: columns user_id, scenario (None: none of
        these), probability, rank (from 1) and chosen: whether it is the answer.

        ``users`` and ``histories`` as for ``recommend``, or neither: then ``text``, a query, or
        ``context``, user attributes and ``hour`` (0 to 23, UTC), tell alone, of user "0". Each adds
        to the others as independent evidence. A history's probabilities are calibrated on users
        held out by ``fit``, and say "none of these" of one unlike all others. The answer makes up
        for rare scenarios and must reach its scenario's threshold. A scenario that ``fit`` had no
        histories of, but whose description or events the graph has since, is recognised by texts.

        Raises RequestError where the model has fewer than two scenarios with histories of users.
        """
        _check_context(self._engine, text, context)
        if users is None and histories is None:
            if text is None and not context:
                raise RequestError("nothing to recognise; pass users, histories, text or context.")
            histories = [[]]
        asked = ask(self._engine, users, histories, None)
        found = self._recognised(asked, text, context)
        return _frame(asked.ids, found)

    def _ask(
        self,
        users: str | Sequence[str] | None,
        histories: GivenHistories | None,
        scenario: str | None,
        context: Mapping[str, Any] | None,
        horizon: Horizon,
    ) -> Asked:
        """What is asked, routed to scenarios where ``scenario`` is "auto" (each request to the one
        recognised) or "mixture" (scores averaged by the probabilities); those whose scenario is
        known already keep it. ``context`` may have the ``hour`` for it."""
        if scenario not in RESERVED:
            return ask(self._engine, users, histories, scenario, context, horizon)
        _check_context(self._engine, None, context)
        told = {name: value for name, value in (context or {}).items() if name != HOUR}
        asked = ask(self._engine, users, histories, None, told or None, horizon)
        found = self._recognised(asked, None, context)
        ruled = asked.histories.scenario
        codes = scenario_codes(found.names, self._engine.vocabulary)
        if scenario == _AUTO:
            chosen = np.append(codes, -1)[found.chosen]
            routed = np.where(ruled >= 0, ruled, chosen)
            return replace(asked, histories=replace(asked.histories, scenario=routed))
        shares = np.zeros((len(asked), len(self._engine.vocabulary.scenarios) + 1))
        np.add.at(shares.T, codes, found.answer.known.T)  # what the model lacks: the last, none
        shares[:, -1] += found.answer.none
        shares[ruled >= 0] = 0.0
        shares[ruled >= 0, ruled[ruled >= 0]] = 1.0
        return replace(asked, mixture=shares)

    def _recognised(
        self, asked: Asked, text: str | None, context: Mapping[str, Any] | None
    ) -> Recognition:
        engine, signs = self._engine, self._recogniser
        if signs is None:
            raise RequestError(
                "the model can't recognise scenarios: training had histories in fewer than two, or "
                "of too few users; name the scenario."
            )
        bags = history_bags(engine, asked.histories.indptr, asked.histories.item)
        known, none = signs.model.read(bags)
        log = np.log(np.maximum(known, 1e-300) / np.maximum(1 - none, 1e-300)[:, None])
        if context:
            log = log + signs.told_by(context, engine.vocabulary)
        vectors = None if text is None else self._reader.encoder.encode([text])
        prototypes = self._scenario_texts()
        if prototypes is None:
            return _answered(signs.names, signs.model, log_softmax(log), none)
        told = prototypes.cosines(_history_texts(engine, asked)) * signs.sharpness[0]
        asks = 0.0 if vectors is None else prototypes.cosines(vectors) * signs.sharpness[1]
        return _with_new(signs, prototypes, log, none, told, asks)

    def _scenario_texts(self) -> Prototypes | None:
        bound = self._prototypes
        if bound is None or bound[0] is not self._engine:
            bound = self._prototypes = (self._engine, find_prototypes(self._engine))
        return bound[1]


def _with_new(
    signs: ScenarioSigns,
    prototypes: Prototypes,
    log: np.ndarray,
    none: np.ndarray,
    told: np.ndarray,
    asks: np.ndarray | float,
) -> Recognition:
    """With the query's part ``asks``, and a row for each scenario that has a prototype only.

    ``told`` ``[B, all]`` is what histories' texts say, by which such a scenario takes its share of
    what the known ones have.
    """
    index = pd.Index(prototypes.names, dtype=object)
    old = index.get_indexer(pd.Index(signs.names, dtype=object))
    spoken = prototypes.vectors.any(axis=1)
    new = np.setdiff1d(np.flatnonzero(spoken), old)
    names = np.concatenate([signs.names, prototypes.names[new]])
    prior = np.concatenate([signs.model.prior, np.full(len(new), signs.model.prior.mean())])
    order = np.concatenate([old, new])
    fresh = log_softmax(told[:, order] + np.log(prior / prior.sum()))[:, len(old) :]
    left = np.log1p(-np.minimum(np.exp(fresh).sum(axis=1, keepdims=True), 1 - 1e-12))
    whole = np.concatenate([log_softmax(log) + left, fresh], axis=1)
    if not np.isscalar(asks):
        whole = whole + np.asarray(asks)[:, order]
    more = np.zeros(len(new))
    model = replace(
        signs.model, prior=prior, thresholds=np.concatenate([signs.model.thresholds, more])
    )
    if len(new):  # strange to the scenarios that fit saw, not to one told of since
        none = none * np.exp(left[:, 0])
    return _answered(names, model, log_softmax(whole), none)


def _answered(
    names: np.ndarray, model: Recogniser, log: np.ndarray, none: np.ndarray
) -> Recognition:
    answer = Recognised(np.exp(log) * (1 - none)[:, None], none)
    return Recognition(names, answer, model.choose(answer))


def _history_texts(engine: Engine, asked: Asked) -> np.ndarray:
    """The mean text of each history's items, those that training never saw too."""
    given, texts = asked.histories, engine.texts.items[TEXT]
    ones = np.ones(len(given.item), dtype=np.float32)
    bags = sp.csr_matrix((ones, given.item, given.indptr), shape=(len(asked), len(texts)))
    return mean_texts(bags, texts)


def _check_context(engine: Engine, text: str | None, context: Mapping[str, Any] | None) -> None:
    if text is not None and (not isinstance(text, str) or not text.strip()):
        raise RequestError("the text is empty; pass some words, or None.")
    if text is not None and TEXT not in engine.texts.items:
        raise RequestError("the model reads no texts; leave text out, or train with texts.")
    columns = {*map(str, engine.snapshot.users.attributes.columns), HOUR}
    unknown = sorted(set(context or {}) - columns)
    if unknown:
        raise RequestError(
            f"context {unknown[0]!r} is neither 'hour' nor a user attribute; use {sorted(columns)}."
        )


def _frame(ids: Sequence[str], found: Recognition) -> pd.DataFrame:
    names = np.append(found.names, [None])
    told = np.concatenate([found.answer.known, found.answer.none[:, None]], axis=1)
    order = np.argsort(-told, axis=1, kind="stable")
    width = len(names)
    chosen = np.where(found.chosen < 0, width - 1, found.chosen)
    return pd.DataFrame(
        {
            "user_id": np.repeat(np.array(ids, dtype=object), width),
            "scenario": pd.Series(names[order.ravel()], dtype=object),  # keeps None as it is
            "probability": np.take_along_axis(told, order, axis=1).ravel(),
            "rank": np.tile(np.arange(1, width + 1), len(ids)),
            "chosen": (order == chosen[:, None]).ravel(),
        }
    )
