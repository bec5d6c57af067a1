"""Vectors: what scores are computed from, as arrays, tables and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from graph_schema.disk.paths import given_path
from graph_schema.names import ITEM as ITEM_LABEL
from graph_schema.names import USER as USER_LABEL
from kgrec.arguments import id_list
from kgrec.errors import RequestError
from kgrec.files import save_file
from kgrec.graph.snapshot import Floats, Ints, Strings
from kgrec.query import Query, Resolver
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import item_rows
from kgrec.scoring.request import Request

ITEM, HISTORY_ITEM, USER = "item", "history_item", "user"
KINDS = (ITEM, HISTORY_ITEM, USER)
FILES = (".parquet", ".npz", ".npy")
_BLOCK = 1024  # users at once


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of items or users, and how the model scores with them.

    The model's part of the score of an item for a user is
    ``user · item / temperature + bias``, with ``user`` of the kind "user" and ``item`` of the kind
    "item". It leaves out what item–item weights add to the score, and for items without training
    interactions what is predicted for each event of the history. Cosines of items are the scores
    of ``Recommender.similar``, cosines of users those of ``similar_users``.

    Attributes
    ----------
    kind : str
        "item": items as candidates, of length one unless they have no training interactions.
        "history_item": items as events of a history, of which users' vectors are made. "user":
        users with their history, attributes and scenario.
    ids : ndarray
        object (str) or int64 ``[n]``, as in the answers of ``Recommender.recommend``.
    vectors : ndarray
        float32 ``[n, d]``.
    bias : ndarray or None
        float32 ``[n]``, in units of the score; for the kind "item" alone.
    temperature : float
        Divides the product.
    """

    kind: str
    ids: Strings
    vectors: Floats
    bias: Floats | None
    temperature: float

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def id_name(self) -> str:
        """The column of the ids: "user_id" or "item_id"."""
        return "user_id" if self.kind == USER else "item_id"

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each vector.

        Returns
        -------
        pandas.DataFrame
            Columns user_id or item_id (str), vector (float32 ``[d]`` each) and, for the kind
            "item", bias (float32).
        """
        frame = pd.DataFrame({self.id_name: self.ids, "vector": list(self.vectors)})
        return frame if self.bias is None else frame.assign(bias=self.bias)

    def save(self, path: str | Path) -> Path:
        """Write one file, complete or not at all.

        Parameters
        ----------
        path : str or Path
            A name that ends in .parquet (the columns of ``to_frame``; kind and temperature are in
            the metadata "kgrec" of the schema, as JSON), .npz (arrays ids, vectors, temperature
            and perhaps bias) or .npy (the matrix ``vectors`` alone, in the order of ``ids``).

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        RequestError
            For another ending, and where the file can't be written.
        """
        place = check_vector_file(path)
        return save_file(place, self._writers()[place.suffix.lower()], private=True)

    def _writers(self) -> dict[str, Callable[[str], object]]:
        return {
            ".parquet": self._write_parquet,
            ".npz": self._write_npz,
            ".npy": lambda name: np.save(name, self.vectors, allow_pickle=False),
        }

    def _write_parquet(self, name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        values = pa.array(self.vectors.ravel())
        columns = {
            self.id_name: pa.array(self.ids, pa.string() if self.ids.dtype == object else None),
            "vector": pa.FixedSizeListArray.from_arrays(values, max(self.vectors.shape[1], 1)),
        }
        if self.bias is not None:
            columns["bias"] = pa.array(self.bias)
        about = {"kind": self.kind, "temperature": self.temperature}
        table = pa.table(columns).replace_schema_metadata({"kgrec": json.dumps(about)})
        pq.write_table(table, name)

    def _write_npz(self, name: str) -> None:
        arrays: dict[str, Any] = {
            "ids": self.ids.astype(str) if self.ids.dtype == object else self.ids,
            "vectors": self.vectors,
            "temperature": np.float32(self.temperature),
        }
        if self.bias is not None:
            arrays["bias"] = self.bias
        np.savez(name, **arrays)


def check_vector_file(path: str | Path) -> Path:
    """The place of ``path``. Raises RequestError for an ending that vectors are not written as."""
    place = given_path(path, "path")
    if place.suffix.lower() not in FILES:
        raise RequestError(f"{path}: vectors are written as {', '.join(FILES)}.")
    return place


def check_kind(kind: str) -> str:
    """``kind``. Raises RequestError unless it is one of ``KINDS``."""
    if not isinstance(kind, str) or kind not in KINDS:
        shown = repr(kind) if isinstance(kind, str) else f"of type {type(kind).__name__}"
        raise RequestError(f"unknown kind of vectors {shown}; use {', '.join(map(repr, KINDS))}.")
    return kind


def vectors_of(
    resolver: Resolver, kind: str, ids: str | Sequence[str] | Query | None = None
) -> Vectors:
    """The vectors of items or users, None for all; see ``Recommender.vectors``. Raises
    RequestError."""
    users, snapshot = check_kind(kind) == USER, resolver.engine.snapshot
    if isinstance(ids, Query) and not users:
        raise RequestError(f"a Query is about users; pass the ids of items for {kind!r}.")
    if ids is None:
        ids = (snapshot.users if users else snapshot.items).ids.tolist()
    if isinstance(ids, Query) or users:
        return vectors_of_users(resolver.engine, resolver.resolve(Query.of(ids)))
    rows = item_rows(snapshot.items, id_list(ids, "ids"))
    return item_vectors(resolver.engine, kind, rows)


def item_vectors(engine: Engine, kind: str, rows: Ints, *, integers: bool | None = None) -> Vectors:
    """The vectors of items (int64 rows) as candidates, or as events of a history. ``integers``:
    whether their ids were given as integers."""
    chosen, items = torch.from_numpy(rows).to(engine.device), engine.items
    vectors = items.candidate if kind == ITEM else items.query
    bias = items.bias[chosen].cpu().numpy() if kind == ITEM else None
    ids = _ids(engine, ITEM_LABEL, engine.snapshot.items.ids[rows], integers)
    return Vectors(kind, ids, vectors[chosen].cpu().numpy(), bias, _temperature(engine))


def vectors_of_users(engine: Engine, request: Request) -> Vectors:
    """The vectors of a request's users."""
    ids = np.array(request.ids, dtype=object)
    if (request.histories.user >= 0).all():
        ids = _ids(engine, USER_LABEL, ids, request.integers)
    vectors = user_vectors(engine, request).cpu().numpy()
    return Vectors(USER, ids, vectors, None, _temperature(engine))


def user_vectors(engine: Engine, request: Request) -> torch.Tensor:
    """float32 ``[B, d]`` on the device: the users' vectors, averaged over scenarios where the
    request has a mixture."""
    blocks = [
        _block(engine, request.part(start, start + _BLOCK))
        for start in range(0, len(request), _BLOCK)
    ]
    return torch.cat(blocks) if blocks else engine.items.query[:0]


def _block(engine: Engine, request: Request) -> torch.Tensor:
    if request.mixture is None:
        return engine.user_vectors(request.histories, request.context)
    total = torch.zeros(len(request), engine.items.query.shape[1], device=engine.device)
    for part, weight in request.weighted_scenarios():
        share = torch.as_tensor(weight, dtype=torch.float32, device=engine.device)
        total += share[:, None] * engine.user_vectors(part.histories, part.context)
    return total


def _ids(engine: Engine, label: str, ids: Strings, integers: bool | None) -> np.ndarray:
    whole = engine.snapshot.answers_integers(label, integers)
    return ids.astype(np.int64) if whole else ids


def _temperature(engine: Engine) -> float:
    return float(engine.model.shape.temperature)
