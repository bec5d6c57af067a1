"""Amazon Beauty with product relations, from the files published with PGPR and CAFE.

Users, products, brands and categories are lines of PGPR's entity files, and CAFE's labels count
those lines. A related product that the shop's catalog holds (by its Amazon number) is that item;
any other is an entity known by its number alone.
"""

from __future__ import annotations

import gzip
import html
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.errors import SourceError

PRODUCT_RELATIONS: Final = ("also_bought", "also_viewed", "bought_together")
BRAND_AND_CATEGORY: Final = ("belongs_to", "produced_by")
_KINDS: Final = {"brand": ("produced_by", "brand_p_b"), "category": ("belongs_to", "category_p_c")}


def beauty_catalog(folder: Path) -> Catalog:
    """Read the folder that holds PGPR and CAFE. Raises SourceError where a file doesn't fit."""
    pgpr = folder / "PGPR"
    users = np.array(_lines(pgpr / "users.txt.gz"), dtype=object)
    items = np.array(_lines(pgpr / "product.txt.gz"), dtype=object)
    facts, entities = _product_facts(pgpr, items)
    for kind, (relation, file) in _KINDS.items():
        names = _lines(pgpr / f"{kind}.txt.gz")
        ids = np.array([f"{kind}_{row}" for row in range(len(names))], dtype=object)
        head, tail = _pairs(pgpr / f"{file}.txt.gz", len(items), len(names))
        named = np.array([name.strip() != "" for name in names])[tail]
        facts.append(_facts(items[head[named]], relation, ids[tail[named]], "entity"))
        titles = [html.unescape(name).strip() for name in names]
        entities.append(pd.DataFrame({"entity_id": ids, "name": titles, "kind": kind}))
    catalog = Catalog.from_frames(
        users=pd.DataFrame({"user_id": users}),
        items=pd.DataFrame({"item_id": items}),
        entities=pd.concat(entities, ignore_index=True),
        interactions=pd.concat(
            [_purchases(folder / "CAFE", split, users, items) for split in ("train", "test")],
            ignore_index=True,
        ),
        facts=pd.concat(facts, ignore_index=True),
    )
    catalog.validate().raise_if_any()
    return catalog


def _product_facts(pgpr: Path, items: np.ndarray) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Facts item → related product, and the related products that are no items."""
    related = np.array(_lines(pgpr / "related_product.txt.gz"), dtype=object)
    is_item = np.isin(related.astype(str), items.astype(str))
    facts, mentioned = [], np.zeros(len(related), dtype=bool)
    for relation in PRODUCT_RELATIONS:
        head, tail = _pairs(pgpr / f"{relation}_p_p.txt.gz", len(items), len(related))
        kinds = np.where(is_item[tail], "item", "entity")
        facts.append(_facts(items[head], relation, related[tail], kinds))
        mentioned[tail] = True
    others = related[mentioned & ~is_item]
    frame = pd.DataFrame({"entity_id": others, "name": others, "kind": "related_product"})
    return facts, [frame]


def _facts(
    head: np.ndarray, relation: str, tail: np.ndarray, tail_type: str | np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "head": head,
            "head_type": "item",
            "relation": relation,
            "tail": tail,
            "tail_type": tail_type,
        }
    )


def _purchases(cafe: Path, split: str, users: np.ndarray, items: np.ndarray) -> pd.DataFrame:
    """One row a purchase. Each line of the file: the user's row, then the items' rows."""
    path = cafe / f"{split}_labels.txt.gz"
    rows = [np.array(line.split("\t"), dtype=np.int64) for line in _lines(path)]
    user = np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows])
    item = np.concatenate([row[1:] for row in rows])
    _check(path, user, len(users))
    _check(path, item, len(items))
    return pd.DataFrame({"user_id": users[user], "item_id": items[item], "split": split})


def _pairs(path: Path, n_heads: int, n_tails: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 rows of heads and tails: line i lists what product i is related to."""
    lines = [line.split() for line in _lines(path)]
    if len(lines) != n_heads:
        raise SourceError(f"{path}: {len(lines):,} lines for {n_heads:,} products. Cure: refetch.")
    head = np.repeat(np.arange(n_heads), [len(line) for line in lines])
    tail = np.array([number for line in lines for number in line], dtype=np.int64)
    _check(path, tail, n_tails)
    return head, tail


def _check(path: Path, rows: np.ndarray, size: int) -> None:
    if len(rows) and (rows.min() < 0 or rows.max() >= size):
        raise SourceError(
            f"{path}: row {rows.max():,} of a file with {size:,} lines is named. Cure: refetch "
            "all files of the data set together."
        )


def _lines(path: Path) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as handle:
            return handle.read().split("\n")[:-1]
    except OSError as error:
        raise SourceError(
            f"{path}: can't be read ({error}). Cure: set KGREC_TEST_DATA to the whole data."
        ) from error
