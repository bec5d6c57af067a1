"""Loaders: one per public format. Each reads files into a valid Catalog and a report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from loaders.atomic.recbole import recbole
from loaders.csv_folder import csv_folder
from loaders.export import to_csv_folder
from loaders.frames import frames
from loaders.graph_formats.kgat import kgat
from loaders.graph_formats.kgcn import kgcn
from loaders.graph_formats.mind import mind
from loaders.graph_formats.neo4j_admin import neo4j_admin
from loaders.graph_formats.sasrec import sasrec
from loaders.loader import Loader
from loaders.mapping.folder import mapped
from loaders.movielens import movielens
from loaders.public_sets.fetching import fetch
from loaders.public_sets.wheels import cache_root
from loaders.registry import FORMATS, LOADERS, load
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.review_formats.amazon import amazon
from loaders.review_formats.goodreads import goodreads
from loaders.review_formats.steam import steam
from loaders.review_formats.yelp import yelp
from loaders.xmrec import xmrec

if TYPE_CHECKING:
    from loaders.mapping.draft import draft_mapping
    from loaders.mapping.model import FileMapping

__all__ = [
    "FORMATS",
    "LOADERS",
    "FileMapping",
    "FileReport",
    "LoadReport",
    "LoadResult",
    "Loader",
    "Progress",
    "amazon",
    "cache_root",
    "csv_folder",
    "draft_mapping",
    "fetch",
    "frames",
    "goodreads",
    "kgat",
    "kgcn",
    "load",
    "mapped",
    "mind",
    "movielens",
    "neo4j_admin",
    "recbole",
    "sasrec",
    "steam",
    "to_csv_folder",
    "xmrec",
    "yelp",
]

# Imported at the first use: most loads need no mapping.
_HOMES = {"FileMapping": "loaders.mapping.model", "draft_mapping": "loaders.mapping.draft"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
