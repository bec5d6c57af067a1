"""The message for files that no format recognises: what they hold, and what to do with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from graph_schema.names import FRAMES
from graph_schema.report import shown
from loaders.loader import Loader
from loaders.recognition import JSON_SUFFIXES, NO_DATA, TABLE_SUFFIXES, FileNames, plain_name
from loaders.tables.blocks import blocks_in
from loaders.tables.json_records import plain, records
from loaders.tables.streams import open_bytes

_ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".7z", ".rar")
_FOLDS: Final = (".base", ".test")  # of MovieLens 100K
_DELIMITERS: Final = ("\t", ",", ";", "|", "::", " ")
_MOST: Final = 5  # files that are described
_MOST_FIELDS: Final = 20
# Fields of known data → what it is.
_KNOWN_FIELDS: Final = (
    (("business_id", "user_id"), "yelp", "yelp_academic_dataset_review.json"),
    (("book_id", "user_id"), "goodreads", "goodreads_reviews.json.gz"),
    (("product_id", "username"), "steam", "steam_reviews.json.gz"),
)


def unrecognised(
    path: Path, files: FileNames, inner: Mapping[Path, str], loaders: Iterable[Loader]
) -> str:
    """The message for a folder, or one file, in which no format is recognised.

    ``inner`` are the folders in it whose files are of a format, with its name.
    """
    if inner:
        folders = ", ".join(f"{folder} ({name})" for folder, name in inner.items())
        return f"{path}: the files of a format are in a folder below. Cure: give {folders}."
    said: list[str] = []
    errors: list[SourceError] = []
    for name in sorted(files):
        try:
            found = _description(files, name)
        except SourceError as error:
            errors.append(error)
            found = _message(error, files.folder / name)
        said += [found] if found else []
    if len(said) == len(errors) == 1:
        return str(errors[0])
    more = f"; and {len(said) - _MOST:,} more files" if len(said) > _MOST else ""
    folders = ", ".join(sorted(name for name in files if (files.folder / name).is_dir())[:_MOST])
    below = f" (folders here: {folders})" if folders else ""
    what = f": {'; '.join(said[:_MOST])}{more}" if said else below
    known = "; ".join(f"{loader.files} ({loader.name})" for loader in loaders)
    own = (
        "write the CSV layout, in which interactions.csv has the columns user_id and item_id; or "
        f"describe your files by a mapping: kgrec map {files.folder} --out FILE.toml, then kgrec "
        f"load {files.folder} --mapping FILE.toml; or "
    )
    return (
        f"{path}: no format is recognised{what}. Cure: {own if said else ''}give a folder that has "
        f"the files of one format: {known}. If the files have other names, pass the format."
    )


def _description(files: FileNames, name: str) -> str:
    """What a file that looks like data holds; "" for any other. Raises SourceError where it can't
    be read."""
    path, plain = files.folder / name, plain_name(name).lower()
    if not path.is_file() or name.lower().startswith(("readme", "license")):
        return ""
    if plain.endswith(_FOLDS):
        return f"{name} is a fold of MovieLens 100K, of which u.data is missing"
    if not plain.endswith((*JSON_SUFFIXES, *TABLE_SUFFIXES, ".parquet")):
        if name.lower().endswith(_ARCHIVES):
            return f"{name} is an archive: unpack it and give the folder"
        return _table(files, name) if _may_be_table(files, name) else ""
    with open_bytes(path) as stream:
        stream.read(1)
    return _json(files, name) if plain.endswith(JSON_SUFFIXES) else _table(files, name)


def _may_be_table(files: FileNames, name: str) -> bool:
    """Whether a file of any other name begins with a row of several fields."""
    if plain_name(name).lower().endswith(NO_DATA):
        return False
    first = next(iter(files.lines(name)), "")
    text = first.replace("\t", "").isprintable() and "\ufffd" not in first
    return text and any(sign in first for sign in _DELIMITERS)


def _json(files: FileNames, name: str) -> str:
    fields = files.fields(name)
    if not fields:
        next(records(files.folder / name), None)
        return f"{name} has no JSON object"
    for known, format_name, usual in _KNOWN_FIELDS:
        if fields.issuperset(known):
            return f"{name} has the fields of {format_name}: call it {usual}"
    names = sorted(map(plain, fields))
    more = f" and {len(names) - _MOST_FIELDS} more" if len(names) > _MOST_FIELDS else ""
    return (
        f"{name} is JSON with the fields {', '.join(names[:_MOST_FIELDS])}{more} (not Amazon: no "
        "reviewerID or asin)"
    )


def _table(files: FileNames, name: str) -> str:
    stem = plain_name(name).split(".")[0].lower()
    if plain_name(name).lower().endswith(".parquet"):
        return f"{name} is no name of the CSV layout ({', '.join(FRAMES)})"
    lines = files.lines(name)
    near = difflib.get_close_matches(stem, FRAMES, n=1, cutoff=0.75)
    if near:
        return f"{name} looks like a table of the CSV layout: call it {near[0]}.csv"
    if {"user_id", "item_id"} <= set(files.header(name)):
        return f"{name} has user_id and item_id: give it by itself ({files.folder / name})"
    blocks = blocks_in(lines)
    if blocks:
        return f"{name} is no table: {blocks}"
    first = f", and begins with {shown(lines[0])}" if lines else ""
    movielens = ", nor has it the header userId,movieId,rating,timestamp of MovieLens"
    return f"{name} is no name of the CSV layout{movielens if stem == 'ratings' else ''}{first}"


def _message(error: SourceError, path: Path) -> str:
    """The message of an error without its cure and the folder."""
    return str(error).replace(str(path), path.name).split(" Cure:")[0].rstrip(".")
