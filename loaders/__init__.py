"""Loaders: one per public format. Each reads files into a valid Catalog and a report."""

from loaders.amazon import amazon
from loaders.csv_folder import csv_folder
from loaders.export import to_csv_folder
from loaders.fetching import fetch
from loaders.frames import frames
from loaders.loader import Loader
from loaders.movielens import movielens
from loaders.recbole import recbole
from loaders.registry import FORMATS, LOADERS, load
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.wheels import cache_root
from loaders.xmrec import xmrec

__all__ = [
    "FORMATS",
    "LOADERS",
    "FileReport",
    "LoadReport",
    "LoadResult",
    "Loader",
    "Progress",
    "amazon",
    "cache_root",
    "csv_folder",
    "fetch",
    "frames",
    "load",
    "movielens",
    "recbole",
    "to_csv_folder",
    "xmrec",
]
