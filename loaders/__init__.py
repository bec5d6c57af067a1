"""Loaders: one per public format. Each reads files into a valid Catalog and a report."""

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
from loaders.mapping import FileMapping, draft_mapping, mapped
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
