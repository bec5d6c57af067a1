"""Choose the weights that a training ends with: the best overall, or the best per scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from kgrec.nn.heads.base import own_parameters
from kgrec.training.checkpoint import TrainingState

Validate = Callable[[], Mapping[str, float]]
METRIC = "valid_ndcg@10"  # the key of a validation's result; of one scenario: METRIC + "/" + name


def keep_best(
    model: nn.Module,
    done: TrainingState,
    metrics: Mapping[str, float],
    names: Sequence[str],
    by_scenario: bool,
) -> None:
    """Record a validation in ``done``: its ``metrics``, and the weights where they are better.

    With ``by_scenario`` the rows of a parameter that belong to one scenario are kept from the best
    validation of that scenario; shared parameters, and the rows of a scenario without validation
    rows, come from the best epoch overall, which alone decides when training stops.
    """
    better = [code for code, name in enumerate(names) if _is_better(done, metrics, name)]
    for code in better:
        done.best_of[names[code]] = metrics[f"{METRIC}/{names[code]}"]
    state = model.state_dict()
    done.waited += 1
    kept = own_parameters(model) if by_scenario else ()
    if metrics[METRIC] <= done.best_metric:
        for name in kept:
            done.best[name][better] = state[name][better].to(done.best[name])
        return
    fresh = {name: value.detach().clone() for name, value in state.items()}
    others = [c for c, name in enumerate(names) if name in done.best_of and c not in better]
    for name in kept if others else ():
        fresh[name][others] = done.best[name][others].to(fresh[name])
    done.best, done.best_metric, done.waited = fresh, metrics[METRIC], 0


def _is_better(done: TrainingState, metrics: Mapping[str, float], name: str) -> bool:
    now = metrics.get(f"{METRIC}/{name}")
    return now is not None and now > done.best_of.get(name, float("-inf"))
