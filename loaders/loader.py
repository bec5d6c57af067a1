"""Loader: the description of one file format, which the registry, the CLI and the docs use."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_schema.errors import RequestError
from loaders.recognition import FileNames
from loaders.report import LoadResult, Progress


def folder_of(path: Path) -> Path:
    """Return the folder itself, or the folder that contains the file."""
    return path.parent if path.is_file() else path


def _none(name: str) -> bool:
    return False


def _folder_argument(path: Path) -> dict[str, Any]:
    return {"folder": folder_of(path)}


@dataclass(frozen=True)
class Loader:
    """How the files of one format are recognised and read.

    A module of a format defines one as ``LOADER``, and ``loaders.registry`` lists the module.

    Attributes
    ----------
    name : str
        The format's name in ``loaders.load(format=...)`` and ``kgrec load --format``.
    title : str
        What the loader reads, in a few words. The documentation shows it.
    files : str
        The file names by which the format is recognised. Error messages show them.
    recognises : callable
        ``recognises(files) -> bool``: whether these are files of the format. ``files`` (a
        ``FileNames``, which is a set of str) are the names in the folder, or the name of the one
        file that was given. A format whose names are used for other data too also asks it for the
        first lines, the header or the fields of a file.
    function : callable
        The function that reads the files: it takes ``progress`` and its own options by keyword and
        returns a LoadResult. It raises SourceError for a file that can't be read and CatalogError
        for invalid content.
    arguments : callable
        ``arguments(path) -> dict``: the arguments of ``function`` for a folder, or for one file of
        it. By default ``{"folder": ...}``.
    takes : callable
        ``takes(name) -> bool``: whether a single file of this name is read if no format is
        recognised by it. By default none is.
    """

    name: str
    title: str
    files: str
    recognises: Callable[[FileNames], bool]
    function: Callable[..., LoadResult]
    arguments: Callable[[Path], dict[str, Any]] = _folder_argument
    takes: Callable[[str], bool] = _none

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the optional arguments of ``function``, without ``progress``."""
        known = inspect.signature(self.function).parameters.values()
        return tuple(p.name for p in known if p.default is not p.empty and p.name != "progress")

    def read(self, path: Path, progress: Progress | None = None, **options: Any) -> LoadResult:
        """Load a folder of the format, or one of its files.

        Parameters
        ----------
        path : Path
            The folder or file.
        progress : callable, optional
            Called with (file name, bytes read, bytes in total) while files are read.
        **options
            Further arguments of ``function``. They replace those of ``arguments``.

        Returns
        -------
        LoadResult
            The valid catalog, and the report of the rows read, kept and dropped.

        Raises
        ------
        RequestError
            If ``function`` has no such option.
        SourceError
            If a file is missing or can't be read.
        CatalogError
            If the content breaks the schema.
        """
        known = inspect.signature(self.function).parameters
        unknown = [option for option in options if option not in known]
        if unknown:
            raise RequestError(
                f"{path}: the format {self.name} has no option {unknown[0]}. Cure: leave it out "
                f"(options of the format: {', '.join(self.options) or 'none'})."
            )
        return self.function(progress=progress, **{**self.arguments(path), **options})
