"""Loader: the description of one file format, which the registry, the CLI and the docs use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loaders.report import LoadResult


@dataclass(frozen=True)
class Loader:
    """How the files of one format are recognised and read.

    A module of a format defines one as ``LOADER``, and ``loaders.registry`` lists the module.

    Attributes
    ----------
    name : str
        The format's name in ``loaders.load(format=...)`` and ``kgrec load --format``.
    title : str
        What the loader reads, in a few words. It stands in the documentation.
    files : str
        The file names by which the format is recognised, as error messages show them.
    recognises : callable
        ``recognises(names) -> bool``: whether these are files of the format. ``names`` (a set of
        str) are the names in the folder, or the name of the one file that was given.
    read : callable
        ``read(path, *, progress=None, **options) -> LoadResult``: load a folder, or one file of it.
        It raises SourceError for a file that can't be read and CatalogError for invalid content.
    """

    name: str
    title: str
    files: str
    recognises: Callable[[set[str]], bool]
    read: Callable[..., LoadResult]


def folder_of(path: Path) -> Path:
    """The folder itself, or the folder that contains the file."""
    return path.parent if path.is_file() else path
