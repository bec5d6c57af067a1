"""Recognition: the scenario of requests that do not give one, and their routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.arguments import check_text
from kgrec.errors import RequestError
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.scenarios.fitted_recogniser import HOUR, FittedRecogniser, history_bags
from kgrec.scenarios.recogniser import Recogniser, ScenarioProbabilities, log_softmax
from kgrec.scenarios.text_prototypes import TextPrototypes, build_text_prototypes, mean_texts
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request
from kgrec.scoring.scenario_codes import AUTO, scenario_codes


@dataclass(frozen=True, eq=False)
class Recognition:
    """Recognised scenarios of B requests.

    ``names`` object ``[K]``; ``answer``: their probabilities; ``chosen`` int64 ``[B]``: the answer,
    -1 for none of these.
    """

    names: np.ndarray
    answer: ScenarioProbabilities
    chosen: np.ndarray

    def frame(self, ids: Sequence[str], integers: bool = False) -> pd.DataFrame:
        """Columns user_id, scenario (None: none of these), probability, rank, chosen.

        ``integers``: whether the answer has the ids, which are whole numbers, as int64.
        """
        names = np.append(self.names, [None])
        shares = np.concatenate([self.answer.known, self.answer.none[:, None]], axis=1)
        order = np.argsort(-shares, axis=1, kind="stable")
        width = len(names)
        chosen = np.where(self.chosen < 0, width - 1, self.chosen)
        return pd.DataFrame(
            {
                "user_id": np.repeat(np.array(ids, dtype=np.int64 if integers else object), width),
                "scenario": pd.Series(names[order.ravel()], dtype=object),  # keeps None as it is
                "probability": np.take_along_axis(shares, order, axis=1).ravel(),
                "rank": np.tile(np.arange(1, width + 1), len(ids)),
                "chosen": (order == chosen[:, None]).ravel(),
            }
        )


@dataclass(frozen=True, eq=False)
class BoundRecogniser:
    """A recogniser bound to an engine; ``fitted`` is None where none could be fitted."""

    engine: Engine
    fitted: FittedRecogniser | None
    reader: TextReader

    @cached_property
    def prototypes(self) -> TextPrototypes | None:
        """The text prototypes of the snapshot's scenarios; None where the model reads no texts."""
        return build_text_prototypes(self.engine)

    def recognise(
        self, request: Request, text: str | None, context: Mapping[str, Any] | None
    ) -> Recognition:
        """The scenario of each request.

        The evidence is its history, a query's ``text``, and ``context``: user attributes and
        ``hour``. Raises RequestError.
        """
        engine, fitted = self.engine, self.fitted
        self.check(text, context)
        if fitted is None:
            raise RequestError(
                "the model can't recognise scenarios: training had histories in fewer than two "
                "scenarios, or of too few users; pass the scenario's name."
            )
        bags = history_bags(engine, request.histories.indptr, request.histories.item)
        known, none = fitted.model.probabilities(bags)
        log = np.log(np.maximum(known, 1e-300) / np.maximum(1 - none, 1e-300)[:, None])
        if context:
            log = log + fitted.context_evidence(context, engine.vocabulary)
        vectors = None if text is None else self.reader.encoder.encode([text])
        prototypes = self.prototypes
        if prototypes is None:
            return _recognition(fitted.names, fitted.model, log_softmax(log), none)
        history_text = prototypes.cosines(_history_texts(engine, request)) * fitted.text_scales[0]
        query_text = 0.0 if vectors is None else prototypes.cosines(vectors) * fitted.text_scales[1]
        return _with_text_evidence(fitted, prototypes, log, none, history_text, query_text)

    def check(self, text: str | None, context: Mapping[str, Any] | None) -> None:
        """Raises RequestError for an empty text, and a context with unknown names."""
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise RequestError("text is empty; pass some words, or None.")
        if text is not None:
            check_text(text, "text")
        if text is not None and TEXT not in self.engine.texts.items:
            raise RequestError("the model reads no texts; leave text out, or train with use_text.")
        columns = {*map(str, self.engine.snapshot.users.attributes.columns), HOUR}
        unknown = sorted(set(context or {}) - columns)
        if unknown:
            raise RequestError(
                f"context {unknown[0]!r} is neither 'hour' nor a user attribute; "
                f"use {sorted(columns)}."
            )

    def route(self, request: Request, scenario: str, evidence: Mapping[str, Any] | None) -> Request:
        """The request in its recognised scenarios.

        "auto": each history in the one recognised; "mixture": weighted by the probabilities. A
        history whose scenario is known keeps it. ``evidence`` may have user attributes and the
        ``hour``. Raises RequestError.
        """
        found = self.recognise(request, None, evidence)
        inferred = request.histories.scenario
        codes = scenario_codes(found.names, self.engine.vocabulary)
        if scenario == AUTO:
            chosen = np.append(codes, -1)[found.chosen]
            routed = np.where(inferred >= 0, inferred, chosen)
            return replace(request, histories=replace(request.histories, scenario=routed))
        shares = np.zeros((len(request), len(self.engine.vocabulary.scenarios) + 1))
        np.add.at(shares.T, codes, found.answer.known.T)  # last: not in the model
        shares[:, -1] += found.answer.none
        shares[inferred >= 0] = 0.0
        shares[inferred >= 0, inferred[inferred >= 0]] = 1.0
        return replace(request, mixture=shares)


def _with_text_evidence(
    fitted: FittedRecogniser,
    prototypes: TextPrototypes,
    log: np.ndarray,
    none: np.ndarray,
    history_text: np.ndarray,
    query_text: np.ndarray | float,
) -> Recognition:
    """Add evidence of a query, and the scenarios that have a text prototype only.

    ``log`` float64 ``[B, K]`` and ``none`` ``[B]``: log probabilities of the fitted scenarios and
    the probability of none. ``history_text`` ``[B, all]``: scaled cosines of the histories' texts,
    which set the share that an unfitted scenario takes from the fitted ones. ``query_text`` ``[1,
    all]``: those of the query, or 0.
    """
    index = pd.Index(prototypes.names, dtype=object)
    old = index.get_indexer(pd.Index(fitted.names, dtype=object))
    has_text = prototypes.vectors.any(axis=1)
    new = np.setdiff1d(np.flatnonzero(has_text), old)
    names = np.concatenate([fitted.names, prototypes.names[new]])
    prior = np.concatenate([fitted.model.prior, np.full(len(new), fitted.model.prior.mean())])
    order = np.concatenate([old, new])
    new_log = log_softmax(history_text[:, order] + np.log(prior / prior.sum()))[:, len(old) :]
    left = np.log1p(-np.minimum(np.exp(new_log).sum(axis=1, keepdims=True), 1 - 1e-12))
    whole = np.concatenate([log_softmax(log) + left, new_log], axis=1)
    if not np.isscalar(query_text):
        whole = whole + np.asarray(query_text)[:, order]
    more = np.zeros(len(new))
    model = replace(
        fitted.model, prior=prior, thresholds=np.concatenate([fitted.model.thresholds, more])
    )
    if len(new):  # a history unlike the fitted scenarios may be like a new one
        none = none * np.exp(left[:, 0])
    return _recognition(names, model, log_softmax(whole), none)


def _recognition(
    names: np.ndarray, model: Recogniser, log: np.ndarray, none: np.ndarray
) -> Recognition:
    answer = ScenarioProbabilities(np.exp(log) * (1 - none)[:, None], none)
    return Recognition(names, answer, model.choose(answer))


def _history_texts(engine: Engine, request: Request) -> np.ndarray:
    """Mean text of the items of each history, cold items included."""
    histories, texts = request.histories, engine.texts.items[TEXT]
    ones = np.ones(len(histories.item), dtype=np.float32)
    bags = sp.csr_matrix((ones, histories.item, histories.indptr), shape=(len(request), len(texts)))
    return mean_texts(bags, texts)
