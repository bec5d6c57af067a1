"""Small pieces of the Recommender: devices, answers as frames, groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.progress import Progress as Progress
from kgrec.scoring.ranked_lists import Ranked


def without_splits(snapshot: GraphSnapshot, hidden: Sequence[str]) -> GraphSnapshot:
    """The snapshot without the interactions of these splits."""
    kept = tuple(split for split in ("train", "valid", "test") if split not in hidden)
    held = pd.Series(snapshot.interactions.split).isin(list(hidden)).to_numpy(dtype=bool)
    return snapshot.without(held, kept)


def choose_device(device: str | None) -> torch.device:
    """The device asked for, else an accelerator where there is one. Raises RequestError."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise RequestError(f"device {device!r} can't be used ({error}); try 'cpu'.") from error
    return chosen


def epoch_teller(progress: Progress) -> Callable[[dict[str, float], int], None]:
    """Tells progress what an epoch brought."""

    def tell(record: dict[str, float], epochs: int) -> None:
        text = f"training: loss {record['loss']:.3f}"
        if "valid_ndcg@10" in record:
            text += f", valid NDCG@10 {record['valid_ndcg@10']:.4f}"
        progress(text, int(record["epoch"]), epochs)

    return tell


def ranked_frame(names: tuple[str, str], ids: Sequence[str], ranked: Ranked) -> pd.DataFrame:
    """Columns ``names`` (whose list, which item), score, rank; without what pads the lists."""
    kept = ranked.scores > -np.inf
    rank = np.broadcast_to(np.arange(1, kept.shape[1] + 1), kept.shape)
    return pd.DataFrame(
        {
            names[0]: np.repeat(np.array(ids, dtype=object), kept.sum(axis=1)),
            names[1]: ranked.ids[kept],
            "score": ranked.scores[kept],
            "rank": rank[kept],
        }
    )


def user_groups(snapshot: GraphSnapshot, by: str) -> np.ndarray:
    """Each user's value of attribute ``by`` as text, object ``[m]``. Raises RequestError."""
    attributes = snapshot.users.attributes
    if by not in attributes.columns:
        known = ", ".join(map(str, attributes.columns)) or "none"
        raise RequestError(f"users have no attribute {by!r}; they have: {known}.")
    return attributes[by].astype(object).fillna("unknown").astype(str).to_numpy(dtype=object)
