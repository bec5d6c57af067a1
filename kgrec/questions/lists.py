"""Lists for a new user, from answers alone."""

from __future__ import annotations

import numpy as np

from kgrec.arrays import pairs_to_csr
from kgrec.errors import RequestError
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import Prior
from kgrec.ranking import top_k
from kgrec.scoring.ranked_lists import ListOptions, RankedRows


def best_for_answers(prior: Prior, answers: Answers, options: ListOptions) -> RankedRows:
    """The best items after ``answers``, rows and scores ``[1, k]``.

    With ``options.exclude_seen`` items that were answered yes or no are left out; those that the
    new user does not know are not.
    """
    said = answers.items if options.exclude_seen else answers.items[:0]
    seen = pairs_to_csr(np.zeros(len(said), dtype=np.int64), said, 1)
    scores = Belief.of(prior, answers).scores[None]
    k = min(options.k, scores.shape[1])
    rows, best = top_k(scores, k, seen=seen, candidates=options.mask)
    return RankedRows(rows, best)


def check_alone(**others: object) -> None:
    """Raise RequestError where a request has answers and something else that says who asks."""
    for name, value in others.items():
        if value is not None:
            raise RequestError(
                f"{name} is given beside answers, which are all that is known of a new user. Cure: "
                "leave one out; items of a history may be answers of 'yes'."
            )
