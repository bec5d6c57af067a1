"""Lists for a new user, from answers alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from kgrec.arrays import pairs_to_csr
from kgrec.errors import RequestError
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import Prior
from kgrec.ranking import top_k
from kgrec.rules.list_rules import ListRules
from kgrec.rules.ruled_lists import ruled_lists
from kgrec.scoring.ranked_lists import RankedRows


def best_for_answers(
    prior: Prior,
    answers: Answers,
    k: int,
    mask: np.ndarray | None,
    *,
    exclude_seen: bool,
    rules: ListRules | None = None,
) -> RankedRows:
    """The best items after ``answers`` among those of ``mask`` (bool ``[n_items]``; None: all),
    rows and scores ``[1, k]``.

    With ``exclude_seen`` items that were answered yes or no are left out; those that the new user
    does not know are not. ``rules`` hide and place items.
    """
    answered = answers.items if exclude_seen else answers.items[:0]
    seen = pairs_to_csr(np.zeros(len(answered), dtype=np.int64), answered, 1)
    scores = Belief.of(prior, answers).scores[None]
    if rules is not None:
        unboosted = replace(rules, boosted=rules.boosted[:0], amounts=rules.amounts[:0]).alone
        k = min(k, scores.shape[1])
        whole = torch.from_numpy(scores.copy())
        return RankedRows(*ruled_lists(whole, unboosted, k=k, seen=seen, candidates=mask))
    rows, best = top_k(scores, min(k, scores.shape[1]), seen=seen, candidates=mask)
    return RankedRows(rows, best)


def check_alone(**others: object) -> None:
    """Raise RequestError where a request has answers and something else that says who asks."""
    for name, value in others.items():
        if value is not None:
            raise RequestError(
                f"{name} is given beside answers, which are all that is known of a new user. Cure: "
                "leave one out; items of a history may be answers of 'yes'."
            )
