"""Start a second training, on all rows, from the weights of the first, row by row."""

from __future__ import annotations

import numpy as np
import torch

from kgrec.distributed.lending import Lending
from kgrec.distributed.shards import vocabulary_list
from kgrec.fitting.warm_start import alike
from kgrec.graph.snapshot import rows_in


def take_rows(new: Lending, old: Lending) -> bool:
    """``take_weights`` for tables that the ranks share: each rank asks for the old values of the
    rows that it owns now. False, and nothing is done, where the models do not fit."""
    one, other = old.shards, new.shards
    if not alike(one.vocabulary, other.vocabulary) or one.shape != other.shape:
        return False
    known = {
        name: rows_in(getattr(one.vocabulary, name), getattr(other.vocabulary, name))
        for name in ("items", "entities")
    }
    state = old.model.state_dict()
    with torch.no_grad():
        for name, value in new.model.state_dict().items():
            if name not in other.owners:
                value.copy_(state[name])
                continue
            rows = other.owners[name].owned(new.group.rank)
            learned = vocabulary_list(name)
            if learned is not None:
                rows = known[learned][rows]
            found = np.flatnonzero(rows >= 0)
            value[torch.from_numpy(found)] = old.read({name: rows[found]})[name]
    return True
