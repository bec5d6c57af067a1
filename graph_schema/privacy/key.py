"""PseudonymKey: the secret by which ids of people become pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, reason
from graph_schema.report import shown

KEY_BYTES: Final = 32
_MARK: Final = 8  # hexadecimal digits of the key's fingerprint in a pseudonym
_DIGITS: Final = 32  # of the id's hash: 128 bits
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
PSEUDONYM: Final = re.compile(rf"p-([0-9a-f]{{{_MARK}}})-[0-9a-f]{{{_DIGITS}}}")
USER_IDS: Final = "user"


@dataclass(frozen=True)
class PseudonymKey:
    """A key of 32 bytes. Its text form leaves the secret out.

    A pseudonym is ``p-FINGERPRINT-HASH``: 8 hexadecimal digits that name the key, and the first 128
    bits of HMAC-SHA-256 (RFC 2104) of the id under the key. Every stored id so says which key it
    was made with, and the key can't be found from it.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) != KEY_BYTES:
            raise RequestError(
                f"a key of pseudonyms has {KEY_BYTES} bytes; make one with "
                "`kgrec pseudonyms KEYFILE --new`."
            )

    @property
    def fingerprint(self) -> str:
        """8 hexadecimal digits that name the key and say nothing of it."""
        return self._hash("fingerprint", "")[:_MARK]

    def pseudonym(self, one: str, kind: str = USER_IDS) -> str:
        """The pseudonym of an id; ``kind`` separates ids of users, reviews and queries."""
        return f"p-{self.fingerprint}-{self._hash(kind, one)[:_DIGITS]}"

    def pseudonyms(self, ids: Iterable[str], kind: str = USER_IDS) -> list[str]:
        """The pseudonyms of ids, in their order."""
        start = f"p-{self.fingerprint}-"
        return [start + self._hash(kind, one)[:_DIGITS] for one in ids]

    def stored(self, ids: Sequence[str]) -> list[str]:
        """The ids as a graph has them: a pseudonym of this key stays as it is."""
        return [
            one if fingerprint_of(one) == self.fingerprint else self.pseudonym(one) for one in ids
        ]

    def table(self, ids: Iterable[str]) -> dict[str, str]:
        """The way back: each pseudonym with its id, for ids that are known otherwise."""
        known = list(dict.fromkeys(ids))
        return dict(zip(self.pseudonyms(known), known, strict=True))

    def _hash(self, kind: str, text: str) -> str:
        message = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def fingerprint_of(one: str) -> str:
    """The fingerprint in a pseudonym; "" for any other id."""
    found = PSEUDONYM.fullmatch(one)
    return "" if found is None else found[1]


def make_key(path: str | Path) -> PseudonymKey:
    """Make a key from the system's random numbers and write it to a new file that only its owner
    may read (mode 0600).

    Raises RequestError where the file exists or can't be written.
    """
    place = given_path(path, "the file of the key")
    key = PseudonymKey(secrets.token_bytes(KEY_BYTES))
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(key.secret.hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise RequestError(
            f"{place} exists already; nothing was written. Cure: leave --new out to use its key, "
            "or name another file. A lost key can't be made again."
        ) from error
    except OSError as error:
        raise RequestError(
            f"{place} can't be written ({reason(error)}); name a file in a folder where you may "
            "write."
        ) from error
    return key


def read_key(path: str | Path, *, apart_from: Sequence[str | Path] = ()) -> PseudonymKey:
    """Read a key that ``make_key`` wrote.

    Parameters
    ----------
    path : str or Path
        The file of the key.
    apart_from : sequence of str or Path
        Stores and model folders of this machine, beside which the key must not be kept.

    Raises
    ------
    RequestError
        If the file is missing or holds no key, others than its owner may read it, or it is kept in
        the folder of a store or model, or below it.
    """
    place = given_path(path, "the file of the key")
    for other in apart_from:
        _check_apart(place, Path(other))
    try:
        with place.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(4 * KEY_BYTES)
    except FileNotFoundError as error:
        raise RequestError(
            f"there is no key {place}; make one with: kgrec pseudonyms {place} --new"
        ) from error
    except OSError as error:
        raise RequestError(
            f"the key {place} can't be read ({reason(error)}); name a file that holds a key."
        ) from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _OTHERS:
        raise RequestError(
            f"others than its owner may use the key {place} (mode {stat.S_IMODE(mode):04o}). Cure: "
            f"chmod 600 {place}"
        )
    return PseudonymKey(_secret(content, place))


def _secret(content: bytes, place: Path) -> bytes:
    digits = content.strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", digits):
        raise RequestError(
            f"{place} holds no key of pseudonyms, which is a line of 64 hexadecimal digits. Cure: "
            "make one in a new file with: kgrec pseudonyms KEYFILE --new"
        )
    return bytes.fromhex(digits.decode())


def _check_apart(key: Path, other: Path) -> None:
    folder = other.expanduser().resolve()
    folder = folder if folder.is_dir() else folder.parent
    if key.resolve().is_relative_to(folder):
        raise RequestError(
            f"the key {key} is in the folder of {shown(str(other))}: whoever copies that folder "
            "has both. Nothing was written. Cure: keep the key in a folder of its own, elsewhere."
        )
