"""Which weights a training ends with: the best overall, or the best for each scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from kgrec.nn.heads.base import own_parameters
from kgrec.training.checkpoint import Progressed

Validate = Callable[[], Mapping[str, float]]
METRIC = "valid_ndcg@10"  # as a validation names it; of one scenario: METRIC + "/" + its name


def keep_best(
    model: nn.Module,
    done: Progressed,
    told: Mapping[str, float],
    names: Sequence[str],
    by_scenario: bool,
) -> None:
    """Take a validation into ``done``: what it ``told``, and the weights where they are better.

    With ``by_scenario`` the rows of a parameter that belong to one scenario are kept as they were
    when that scenario was best; what all share, and the rows of a scenario without validation rows,
    come from the best epoch overall. That one alone decides when training stops.
    """
    better = [code for code, name in enumerate(names) if _is_better(done, told, name)]
    for code in better:
        done.best_of[names[code]] = told[f"{METRIC}/{names[code]}"]
    state = model.state_dict()
    done.waited += 1
    kept = own_parameters(model) if by_scenario else ()
    if told[METRIC] <= done.best_metric:
        for name in kept:
            done.best[name][better] = state[name][better].to(done.best[name])
        return
    fresh = {name: value.detach().clone() for name, value in state.items()}
    others = [c for c, name in enumerate(names) if name in done.best_of and c not in better]
    for name in kept if others else ():
        fresh[name][others] = done.best[name][others].to(fresh[name])
    done.best, done.best_metric, done.waited = fresh, told[METRIC], 0


def _is_better(done: Progressed, told: Mapping[str, float], name: str) -> bool:
    now = told.get(f"{METRIC}/{name}")
    return now is not None and now > done.best_of.get(name, float("-inf"))
