"""Recognition: which scenario a request without one belongs to, and routing by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.errors import RequestError
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.scenarios.recogniser import Recogniser, ScenarioProbabilities, log_softmax
from kgrec.scenarios.recogniser_fit import HOUR, FittedRecogniser, history_bags
from kgrec.scenarios.text_prototypes import Prototypes, find_prototypes, mean_texts
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request
from kgrec.scoring.scenario_codes import AUTO, scenario_codes


@dataclass(frozen=True, eq=False)
class Recognition:
    """For B requests: ``names`` object ``[K]``, the probabilities ``answer``, and ``chosen`` int64
    ``[B]``, -1 for none of these."""

    names: np.ndarray
    answer: ScenarioProbabilities
    chosen: np.ndarray

    def frame(self, ids: Sequence[str]) -> pd.DataFrame:
        """Columns user_id, scenario (None: none of these), probability, rank, chosen."""
        names = np.append(self.names, [None])
        shares = np.concatenate([self.answer.known, self.answer.none[:, None]], axis=1)
        order = np.argsort(-shares, axis=1, kind="stable")
        width = len(names)
        chosen = np.where(self.chosen < 0, width - 1, self.chosen)
        return pd.DataFrame(
            {
                "user_id": np.repeat(np.array(ids, dtype=object), width),
                "scenario": pd.Series(names[order.ravel()], dtype=object),  # keeps None as it is
                "probability": np.take_along_axis(shares, order, axis=1).ravel(),
                "rank": np.tile(np.arange(1, width + 1), len(ids)),
                "chosen": (order == chosen[:, None]).ravel(),
            }
        )


@dataclass(frozen=True, eq=False)
class BoundRecogniser:
    """A fitted recogniser (None where there is none) that reads requests to ``engine``."""

    engine: Engine
    fitted: FittedRecogniser | None
    reader: TextReader

    @cached_property
    def prototypes(self) -> Prototypes | None:
        """The texts of the snapshot's scenarios; None where the model reads no texts."""
        return find_prototypes(self.engine)

    def recognise(
        self, request: Request, text: str | None, context: Mapping[str, Any] | None
    ) -> Recognition:
        """The scenario of each request by its history, by a query's ``text`` and by ``context``:
        user attributes and ``hour``. Raises RequestError."""
        engine, fitted = self.engine, self.fitted
        self.check(text, context)
        if fitted is None:
            raise RequestError(
                "the model can't recognise scenarios: training had histories in fewer than two, or "
                "of too few users; name the scenario."
            )
        bags = history_bags(engine, request.histories.indptr, request.histories.item)
        known, none = fitted.model.probabilities(bags)
        log = np.log(np.maximum(known, 1e-300) / np.maximum(1 - none, 1e-300)[:, None])
        if context:
            log = log + fitted.context_evidence(context, engine.vocabulary)
        vectors = None if text is None else self.reader.encoder.encode([text])
        prototypes = self.prototypes
        if prototypes is None:
            return _answered(fitted.names, fitted.model, log_softmax(log), none)
        read = prototypes.cosines(_history_texts(engine, request)) * fitted.sharpness[0]
        asks = 0.0 if vectors is None else prototypes.cosines(vectors) * fitted.sharpness[1]
        return _with_new(fitted, prototypes, log, none, read, asks)

    def check(self, text: str | None, context: Mapping[str, Any] | None) -> None:
        """Raises RequestError for an empty text, or a context that says nothing of scenarios."""
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise RequestError("the text is empty; pass some words, or None.")
        if text is not None and TEXT not in self.engine.texts.items:
            raise RequestError("the model reads no texts; leave text out, or train with texts.")
        columns = {*map(str, self.engine.snapshot.users.attributes.columns), HOUR}
        unknown = sorted(set(context or {}) - columns)
        if unknown:
            raise RequestError(
                f"context {unknown[0]!r} is neither 'hour' nor a user attribute; "
                f"use {sorted(columns)}."
            )

    def route(self, request: Request, scenario: str, evidence: Mapping[str, Any] | None) -> Request:
        """The request in scenarios: with "auto" each history in the one recognised, with "mixture"
        weighted by the probabilities. A history whose scenario is known keeps it. ``evidence`` may
        have user attributes and the ``hour``. Raises RequestError."""
        found = self.recognise(request, None, evidence)
        inferred = request.histories.scenario
        codes = scenario_codes(found.names, self.engine.vocabulary)
        if scenario == AUTO:
            chosen = np.append(codes, -1)[found.chosen]
            routed = np.where(inferred >= 0, inferred, chosen)
            return replace(request, histories=replace(request.histories, scenario=routed))
        shares = np.zeros((len(request), len(self.engine.vocabulary.scenarios) + 1))
        np.add.at(shares.T, codes, found.answer.known.T)  # what the model lacks: the last, none
        shares[:, -1] += found.answer.none
        shares[inferred >= 0] = 0.0
        shares[inferred >= 0, inferred[inferred >= 0]] = 1.0
        return replace(request, mixture=shares)


def _with_new(
    fitted: FittedRecogniser,
    prototypes: Prototypes,
    log: np.ndarray,
    none: np.ndarray,
    read: np.ndarray,
    asks: np.ndarray | float,
) -> Recognition:
    """With the query's part ``asks``, and a row for each scenario that has a prototype only.

    ``read`` ``[B, all]`` is the evidence of histories' texts, by which such a scenario takes its
    share of what the known ones have.
    """
    index = pd.Index(prototypes.names, dtype=object)
    old = index.get_indexer(pd.Index(fitted.names, dtype=object))
    spoken = prototypes.vectors.any(axis=1)
    new = np.setdiff1d(np.flatnonzero(spoken), old)
    names = np.concatenate([fitted.names, prototypes.names[new]])
    prior = np.concatenate([fitted.model.prior, np.full(len(new), fitted.model.prior.mean())])
    order = np.concatenate([old, new])
    fresh = log_softmax(read[:, order] + np.log(prior / prior.sum()))[:, len(old) :]
    left = np.log1p(-np.minimum(np.exp(fresh).sum(axis=1, keepdims=True), 1 - 1e-12))
    whole = np.concatenate([log_softmax(log) + left, fresh], axis=1)
    if not np.isscalar(asks):
        whole = whole + np.asarray(asks)[:, order]
    more = np.zeros(len(new))
    model = replace(
        fitted.model, prior=prior, thresholds=np.concatenate([fitted.model.thresholds, more])
    )
    if len(new):  # unlike the scenarios that fit saw, but not unlike one described since
        none = none * np.exp(left[:, 0])
    return _answered(names, model, log_softmax(whole), none)


def _answered(
    names: np.ndarray, model: Recogniser, log: np.ndarray, none: np.ndarray
) -> Recognition:
    answer = ScenarioProbabilities(np.exp(log) * (1 - none)[:, None], none)
    return Recognition(names, answer, model.choose(answer))


def _history_texts(engine: Engine, request: Request) -> np.ndarray:
    """The mean text of each history's items, cold items included."""
    given, texts = request.histories, engine.texts.items[TEXT]
    ones = np.ones(len(given.item), dtype=np.float32)
    bags = sp.csr_matrix((ones, given.item, given.indptr), shape=(len(request), len(texts)))
    return mean_texts(bags, texts)
