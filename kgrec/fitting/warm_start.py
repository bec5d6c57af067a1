"""Start the second training, on all rows, from the weights that validation rows chose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kgrec.features.blocks import FEATURE_BLOCKS
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import rows_in
from kgrec.nn import HybridModel
from kgrec.scoring.engine import Engine
from kgrec.training import ROW_TABLES, Plan


def take_weights(model: HybridModel, vocabulary: Vocabulary, chosen: Engine) -> bool:
    """Give an untrained ``model`` of ``vocabulary`` the weights of ``chosen``; False, and nothing
    is done, where they do not fit.

    Items and entities that only ``vocabulary`` has keep their random weights. The others fit where
    the model has the same shape, and the relations, attributes and scenarios are the same.
    """
    old, new = chosen.vocabulary, vocabulary
    if not alike(old, new) or chosen.model.shape != model.shape:
        return False
    known = {
        "items": rows_in(old.items, new.items),
        "entities": rows_in(old.entities, new.entities),
    }
    lists = {block.name: block.learned_ids for block in FEATURE_BLOCKS if block.learned_ids}
    state = chosen.model.state_dict()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            numbered = lists.get(ROW_TABLES.get(name, ""))
            _copy(value, state[name], None if numbered is None else known[numbered])
    return True


def short_plan(plan: Plan, epochs: int) -> Plan:
    """The plan of a training that continues one whose best epoch was number ``epochs``. Where that
    was early, further training would overfit: it is shorter and slower, in proportion."""
    late = min(epochs / plan.epochs, 1.0)
    return replace(
        plan,
        epochs=max(1, round(late * plan.refit_share * epochs)),
        learning_rate=late * plan.refit_rate * plan.learning_rate,
    )


def alike(old: Vocabulary, new: Vocabulary) -> bool:
    """Whether relations, scenarios and attributes are the same."""
    same = (
        np.array_equal(old.relations, new.relations),
        np.array_equal(old.scenarios, new.scenarios),
        old.item_tokens.tokens == new.item_tokens.tokens,
        old.user_tokens.tokens == new.user_tokens.tokens,
    )
    return all(same)


def _copy(into: Tensor, values: Tensor, rows: np.ndarray | None) -> None:
    """``rows`` int64: for each row of ``into`` its row of ``values`` or -1; None: the same."""
    if rows is None:
        into.copy_(values)
        return
    found = np.flatnonzero(rows >= 0)
    place = torch.from_numpy(found).to(into.device)
    into[place] = values[torch.from_numpy(rows[found]).to(values.device)]
