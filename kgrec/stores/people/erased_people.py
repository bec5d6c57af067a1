"""People who were erased: keyed hashes of their ids, by which nothing brings them back.

A file of tombstones holds its key: whoever has the file can test an id that they already suspect,
and can't list the ids. It is readable by its owner alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.disk.files import put_text
from graph_schema.errors import ErasureError, reason
from graph_schema.names import NODE_TYPES, USER

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

PARAMETERS, ITEM_WEIGHTS = "parameters", "item weights"
RATINGS, RECOGNISER = "ratings", "recogniser"
FORMAT: Final = "kgrec-erased"
_VERSION: Final = 1
_KEY_BYTES: Final = 32
_DIGITS: Final = 32  # of a hash, in hexadecimal: 128 bits
_USER_FRAMES: Final = ("users", "interactions", "reviews", "queries")
_ENDS: Final = (("head", "head_type"), ("tail", "tail_type"))
_USER_TYPES: Final = tuple(name for name, label in NODE_TYPES.items() if label == USER)


def _fresh_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


@dataclass(frozen=True)
class Tombstones:
    """The people who were erased from one place.

    Attributes
    ----------
    key : bytes
        The secret of the hashes, 32 random bytes.
    hashes : frozenset of str
        The first 128 bits of HMAC-SHA256(key, id) of each person, in hexadecimal.
    """

    key: bytes = field(default_factory=_fresh_key, repr=False)
    hashes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def hash_of(self, user: str) -> str:
        """The keyed hash of an id."""
        content = user.encode("utf-8", "surrogatepass")
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()[:_DIGITS]

    def covers(self, user: str) -> bool:
        """Whether this person was erased."""
        return bool(self.hashes) and self.hash_of(user) in self.hashes

    def covered(self, users: Sequence[Any]) -> np.ndarray:
        """bool ``[n]``: which of the ids are of people who were erased; False for None."""
        if not self.hashes:
            return np.zeros(len(users), dtype=bool)
        known = {one: one is not None and self.covers(str(one)) for one in set(users)}
        return np.fromiter((known[one] for one in users), dtype=bool, count=len(users))

    def with_users(self, users: Iterable[str]) -> Tombstones:
        """With these people, too."""
        return replace(self, hashes=self.hashes | {self.hash_of(user) for user in users})

    def without_users(self, users: Iterable[str]) -> Tombstones:
        """Without these people, who may come back."""
        return replace(self, hashes=self.hashes - {self.hash_of(user) for user in users})

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": FORMAT,
            "version": _VERSION,
            "key": self.key.hex(),
            "hashes": sorted(self.hashes),
        }

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> Tombstones:
        """What ``to_json`` returned. Raises ValueError, KeyError, TypeError for other values."""
        if (values["format"], values["version"]) != (FORMAT, _VERSION):
            raise ValueError("not of this version of kgrec")
        return Tombstones(bytes.fromhex(values["key"]), frozenset(map(str, values["hashes"])))

    @staticmethod
    def read(path: Path | None) -> Tombstones | None:
        """Those of a file; None without one. Raises ErasureError where it can't be read."""
        if path is None:
            return None
        try:
            return Tombstones.of_json(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ErasureError(
                f"{path}: the hashes of erased people can't be read ({reason(error)}); put back a "
                "copy. Without the file people who were erased could come back."
            ) from error

    def write(self, path: Path) -> None:
        """Write the file as a whole, for its owner alone. Raises ErasureError."""
        try:
            put_text(path, json.dumps(self.to_json(), indent=1))
            path.chmod(0o600)
        except OSError as error:
            raise ErasureError(
                f"{path}: the hashes of erased people can't be written ({reason(error)}); permit "
                "writing there. Nobody was erased."
            ) from error


@dataclass(frozen=True)
class ErasedPeople:
    """What a model knows of people who were erased from it.

    Attributes
    ----------
    tombstones : Tombstones
        Their keyed hashes: ``update`` leaves them out.
    people : int
        How many of them the parts below were trained with.
    parts : tuple of str
        What was trained with them and is not fitted again: some of PARAMETERS, ITEM_WEIGHTS,
        RATINGS and RECOGNISER. The next fit has none of it.
    """

    tombstones: Tombstones = field(default_factory=Tombstones)
    people: int = 0
    parts: tuple[str, ...] = ()

    def without_part(self, part: str) -> ErasedPeople:
        """As ``part`` was fitted again without them."""
        parts = tuple(one for one in self.parts if one != part)
        return replace(self, parts=parts, people=self.people if parts else 0)

    def __str__(self) -> str:
        if not self.people:
            return "nothing was trained with people since erased"
        noun = "person" if self.people == 1 else "people"
        return f"{', '.join(self.parts)}: trained with {self.people:,} {noun} since erased"


def without_erased(catalog: Catalog, tombstones: Tombstones | None, place: str) -> Catalog:
    """The catalog without people who were erased, and without their events, texts and facts.

    Warns how many they are; ``place`` is what they were erased from, for this message.
    """
    if not tombstones:
        return catalog
    tables, people = dict(catalog.tables), set[str]()
    for frame in _USER_FRAMES:
        if "user_id" in tables[frame].column_names:
            gone = _erased(tables[frame]["user_id"], tombstones)
            tables[frame] = tables[frame].filter(pc.invert(_is_in(tables[frame]["user_id"], gone)))
            people.update(gone.to_pylist())
    for end, kind in _ENDS:
        facts = tables["facts"]
        of_users = pc.is_in(facts[kind], value_set=pa.array(_USER_TYPES))
        gone = _erased(facts.filter(of_users)[end], tombstones)
        leaves = pc.and_(of_users, _is_in(facts[end], gone))
        tables["facts"] = facts.filter(pc.invert(leaves))
        people.update(gone.to_pylist())
    if not people:
        return catalog
    warnings.warn(
        f"{place}: {len(people):,} of the people were erased before, and are left out. Let them "
        "come back with kgrec erase --lift.",
        stacklevel=3,
    )
    return replace(catalog, tables=tables, rows={})


def _erased(ids: pa.ChunkedArray, tombstones: Tombstones) -> pa.Array:
    """The distinct ids of people who were erased."""
    distinct = pc.unique(ids)
    return distinct.filter(pa.array(tombstones.covered(distinct.to_pylist()), pa.bool_()))


def _is_in(ids: pa.ChunkedArray, some: pa.Array) -> Any:
    return pc.is_in(ids, value_set=some)
