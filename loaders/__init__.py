"""Loaders: one per public format, each from files to a valid Catalog and a report."""

from loaders.csv_folder import csv_folder
from loaders.fetching import fetch
from loaders.recbole import recbole
from loaders.report import FileReport, LoadReport, LoadResult, Progress

__all__ = [
    "FileReport",
    "LoadReport",
    "LoadResult",
    "Progress",
    "csv_folder",
    "fetch",
    "recbole",
]
