"""Word attribution: how much each word of a text contributes to the score of one item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.arguments import check_choice
from kgrec.errors import RequestError
from kgrec.explain.word_contributions import WordContributions
from kgrec.features.names import REVIEWS, TEXT
from kgrec.graph.snapshot import Ints
from kgrec.nn import HistoryBatch, ModelInputs
from kgrec.paths.people import OPERATOR_ONLY, ShownPeople
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import score_request
from kgrec.scoring.request import Request
from kgrec.text import (
    BertEncoder,
    CachedEncoder,
    item_documents,
    review_weights,
    text_columns,
)
from kgrec.text.saliency import integrated_gradients, occlusion

Source = Literal["item", "reviews", "history"]
Method = Literal["gradients", "occlusion"]
_STEPS = 32


@dataclass(frozen=True, eq=False)
class ScoredText:
    """A text that one score reads.

    ``id``: of the review, or of the item; ``score``: the score as a function of the text's vector
    float32 ``[size]``, with everything else fixed.
    """

    text: str
    id: str
    source: str
    score: Callable[[Tensor], Tensor]


def attribute_words(
    encoder: object, user: str, item: str, name: str, found: ScoredText, method: str
) -> WordContributions:
    """Contributions of the words by ``method``.

    Raises RequestError for another method, or an encoder without gradients.
    """
    plain = encoder.encoder if isinstance(encoder, CachedEncoder) else encoder
    if method not in ("gradients", "occlusion") or not isinstance(plain, BertEncoder):
        raise RequestError(f"method is {method!r}; use 'gradients' or 'occlusion'.")
    if method == "gradients":
        result = integrated_gradients(plain, found.text, found.score, _STEPS)
    else:
        result = occlusion(plain, found.text, found.score)
    return WordContributions(
        user_id=user,
        item_id=item,
        item_name=name,
        source=found.source,
        text_id=found.id,
        method=method,
        words=result.words,
        contributions=result.shares,
        score=result.whole,
        hidden=result.hidden,
    )


def find_text(
    engine: Engine,
    request: Request,
    row: int,
    source: str,
    of: str | None,
    people: ShownPeople,
    *,
    robust: bool = False,
) -> ScoredText:
    """The text of ``source`` for item ``row`` and a request about one history.

    "item": the item's own document; "reviews": one review of it (id ``of``, else the one whose
    removal changes the score most), of the user alone where ``people`` does not name others;
    "history": the user's text about a history item (id ``of``, else likewise). With ``robust``
    reviews are pooled with fixed weights as by ``TextConfig.robust_reviews``. Raises RequestError
    where there is no such text.
    """
    check_choice(source, "source", ("item", "reviews", "history"))
    if source == "history":
        return _history_text(engine, request, row, of)
    if engine.inputs.items.item_row[row] < 0:
        raise RequestError(
            f"item {engine.snapshot.items.ids[row]!r} came after training: its vector is predicted "
            "from similar items, not from its words. Train again, or use source='history'."
        )
    if source == "item":
        return _document(engine, request, row)
    return _review(engine, request, row, of, people, robust)


def _document(engine: Engine, request: Request, row: int) -> ScoredText:
    attributes = engine.snapshot.items.attributes
    columns = text_columns(attributes)
    item = str(engine.snapshot.items.ids[row])
    if TEXT not in engine.model.features.parts or columns is None:
        raise RequestError(
            "the model reads no item texts; train it with use_text on items that have texts."
        )
    text = item_documents(attributes.iloc[[row]].reset_index(drop=True), columns)[0]
    if not text:
        raise RequestError(f"item {item!r} has no text; use source='reviews' or 'history'.")
    return ScoredText(text, item, "its own text", _candidate_score(engine, request, row, TEXT))


def _review(
    engine: Engine,
    request: Request,
    row: int,
    of: str | None,
    people: ShownPeople,
    robust: bool,
) -> ScoredText:
    reviews = engine.snapshot.reviews
    mine = np.flatnonzero(reviews.item == row)
    if REVIEWS not in engine.model.features.parts:
        raise RequestError(
            "the model reads no reviews; train it with use_text on a graph that has some."
        )
    if not len(mine):
        name = engine.snapshot.items.ids[row]
        raise RequestError(f"item {name!r} has no reviews; use source='item' or 'history'.")
    score, pool = _candidate_score(engine, request, row, REVIEWS), _pool(engine, row, mine, robust)
    vectors = torch.as_tensor(engine.texts.events[mine]).to(engine.device)

    def scorer(at: int) -> Callable[[Tensor], Tensor]:
        return lambda vector: score(
            pool(torch.cat([vectors[:at], vector.unsqueeze(0), vectors[at + 1 :]]))
        )

    nothing = torch.zeros_like(vectors[0])
    shown = np.arange(len(mine))
    if not people.named:  # what others wrote is theirs
        own = int(request.histories.user[0])
        shown = np.flatnonzero((reviews.user[mine] == own) & (own >= 0))
        if not len(shown):
            raise RequestError(f"the user wrote no review of the item. {OPERATOR_ONLY}")

    def change(place: int) -> float:
        one = scorer(int(shown[place]))
        return float(one(vectors[shown[place]]) - one(nothing))

    names = [str(name) for name in reviews.id[mine[shown]]]
    at = int(shown[_chosen(names, of, change, "no review of the item has id")])
    name = str(reviews.id[mine[at]])
    return ScoredText(str(reviews.text[mine[at]]), name, f"review {name} of it", scorer(at))


def _pool(engine: Engine, row: int, mine: Ints, robust: bool) -> Callable[[Tensor], Tensor]:
    """The pooling of an item's reviews, from vectors ``[r, size]`` to one vector float32
    ``[size]``.

    ``mine``: rows of the reviews of item ``row`` in the snapshot.
    """
    reviews = engine.inputs.items.reviews
    if reviews is not None:
        own, attention = reviews.of_item(row), engine.model.features.get_submodule("attention")
        return lambda vectors: attention(replace(own, vectors=vectors))[0]
    counts = np.ones(len(mine), dtype=np.float32)
    if robust:
        counts = review_weights(
            engine.texts.events[mine], mine * 0, engine.snapshot.reviews.text[mine]
        )
    weights = torch.as_tensor(counts).to(engine.device)
    return lambda vectors: functional.normalize(weights @ vectors, dim=0)


def _history_text(engine: Engine, request: Request, row: int, of: str | None) -> ScoredText:
    history = request.histories
    events = np.flatnonzero(history.text >= 0)
    if not engine.model.shape.event_texts or not len(events):
        raise RequestError(
            "the history has no review or query that the model reads; use source='item' or "
            "'reviews'."
        )
    ids = [str(engine.snapshot.items.ids[item]) for item in history.item[events]]
    texts = [*engine.snapshot.reviews.text, *engine.snapshot.queries.text]

    def scorer(place: int) -> Callable[[Tensor], Tensor]:
        return _history_score(engine, request, row, int(history.text[events[place]]))

    own = torch.as_tensor(engine.texts.events[history.text[events]]).to(engine.device)
    nothing = torch.zeros_like(own[0])

    def change(place: int) -> float:
        score = scorer(place)
        return float(score(own[place]) - score(nothing))

    at = _chosen(ids, of, change, "the history has no text about item")
    text = str(texts[int(history.text[events[at]])])
    return ScoredText(text, ids[at], f"what the user wrote about {ids[at]}", scorer(at))


def _chosen(
    ids: Sequence[str], of: str | None, change: Callable[[int], float], missing: str
) -> int:
    """Position of the text with id ``of``, else of the one with the largest ``change``."""
    if of is not None:
        if of not in ids:
            raise RequestError(f"{missing} {of!r}; there are {', '.join(ids[:5])}.")
        return ids.index(of)
    with torch.no_grad():
        return int(np.argmax([abs(change(place)) for place in range(len(ids))]))


def _user(engine: Engine, request: Request, inputs: ModelInputs | None = None) -> Tensor:
    """The user's vector float32 ``[d]``, from ``inputs`` if they are given.

    The weighted mean over the scenarios of the request, since scores are linear in it.
    """
    items = replace(engine.items, query=engine.items.query.clone())
    known = engine.known.clone()
    inputs = inputs or engine.inputs
    vectors = []
    for one, weight in request.weighted_scenarios():
        batch = HistoryBatch.build(
            one.histories, len(engine.snapshot.items), engine.model.shape.scales, engine.device
        )
        vector: Tensor = engine.model.user_vectors(items, inputs, batch, known)[0]
        if one.context and one.histories.user[0] < 0:
            vector = vector + engine.context_vector(one.context)[0].detach()
        vectors.append(vector if request.mixture is None else float(weight[0]) * vector)
    return vectors[0] if len(vectors) == 1 else torch.stack(vectors).sum(0)


def _score_now(engine: Engine, request: Request, row: int) -> float:
    return float(score_request(engine, request)[0, row])


def _candidate_score(
    engine: Engine, request: Request, row: int, part: str
) -> Callable[[Tensor], Tensor]:
    """The score of item ``row`` as a function of the vector of one of its texts.

    Its other parts and the user are fixed.
    """
    model, features = engine.model, engine.model.features
    with torch.no_grad():
        parts = {name: vectors[row].clone() for name, vectors in engine.bound.item_parts[1].items()}
        user = _user(engine, request) / model.shape.temperature
        rest = torch.stack([v for name, v in parts.items() if name != part] or [user * 0]).sum(0)
        weights = features.get_parameter(f"text.{part}").detach().chunk(2, dim=1)[1]
        now = functional.normalize(rest + parts[part], dim=0) @ user
    others = _score_now(engine, request, row) - float(now)

    def score(vector: Tensor) -> Tensor:
        return functional.normalize(rest + vector @ weights, dim=0) @ user + others

    return score


def _history_score(
    engine: Engine, request: Request, row: int, text: int
) -> Callable[[Tensor], Tensor]:
    """The score of item ``row`` as a function of the vector of one text of the history."""
    target = engine.items.candidate[row].clone() / engine.model.shape.temperature
    alone, place, inputs = restrict_to_history_texts(engine, request, text)
    with torch.no_grad():
        others = _score_now(engine, request, row) - float(_user(engine, request) @ target)

    def score(vector: Tensor) -> Tensor:
        changed = inputs.event_text.clone()
        changed[place] = vector
        return _user(engine, alone, replace(inputs, event_text=changed)) @ target + others

    return score


def restrict_to_history_texts(
    engine: Engine, request: Request, text: int
) -> tuple[Request, int, ModelInputs]:
    """Inputs that hold the texts of the history only, so that not all texts are copied at every
    step.

    Returns the request with its texts renumbered, the new number of ``text``, and the inputs.
    """
    history = request.histories
    rows, numbers = np.unique(history.text[history.text >= 0], return_inverse=True)
    renumbered = history.text.copy()
    renumbered[renumbered >= 0] = numbers
    inputs, known = engine.inputs, torch.as_tensor(rows).to(engine.device)
    items, reviews = inputs.items, inputs.items.reviews
    if reviews is not None:
        items = replace(items, reviews=replace(reviews, rated=reviews.rated[known]))
    inputs = replace(inputs, items=items, event_text=inputs.event_text[known])
    alone = replace(request, histories=replace(history, text=renumbered))
    return alone, int(np.searchsorted(rows, text)), inputs


__all__ = ["Method", "ScoredText", "Source", "attribute_words", "find_text"]
