"""Mutations of a file's content as people and programs make them: bytes, fields, lines, packing."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

Mutation: TypeAlias = Callable[[bytes, np.random.Generator], bytes]

_PIECES: Final = (
    *(b"", b"\n", b"\r\n", b"\r", b",", b";", b'"', b"'", b"\t", b"::", b"|", b"\\", b"\x00"),
    *(b"\xff", b"\xc3", b"{", b"}", b"[", b"]", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800"),
    *("é".encode("latin-1"), "🎬".encode(), "\u202e".encode(), b" "),
)
_VALUES: Final = (
    *(b"", b" ", b"NA", b"NaN", b"null", b"None", b"\\N", b"inf", b"-1", b"0", b"1e400", b"9" * 30),
    *(b"007", b"1.0", b"1,5", b"true", b"2020-07-05", b"20200705", b"1593878903000", b"x" * 9_000),
    *(b'"', b'""', b'"a', b"a|b", b"[1, 2]", b'{"a": 1}', b"_:b", b"<http://e.org/a>"),
    *("ﬁlm".encode(), "e\u0301".encode(), "中文".encode("gbk"), b"user_id", b"item_id"),
)
_DELIMITERS: Final = (b"\t", b",", b"::", b"|", b";", b" ")


def mutated(path: Path, rng: np.random.Generator) -> str:
    """Mutate one file in place, one to three times; the names of the mutations."""
    content, packed = path.read_bytes(), path.suffix == ".gz"
    if packed:
        content = gzip.decompress(content)
    names = []
    for _ in range(int(rng.integers(1, 4))):
        name = str(rng.choice(list(MUTATIONS)))
        content = MUTATIONS[name](content, rng)
        names.append(name)
    if packed:
        content = gzip.compress(content, mtime=0)
    if rng.random() < 0.1:
        content = content[: int(rng.integers(0, len(content) + 1))]
        names.append("cut")
    path.write_bytes(content)
    return "+".join(names)


def _piece(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, len(content) + 1))
    end = start + int(rng.integers(0, 12))
    return content[:start] + _one(_PIECES, rng) + content[end:]


def _line(change: Callable[[list[bytes], int, np.random.Generator], list[bytes]]) -> Mutation:
    """A mutation of the lines at and after a place."""

    def mutate(content: bytes, rng: np.random.Generator) -> bytes:
        lines = content.split(b"\n")
        return b"\n".join(change(lines, int(rng.integers(0, len(lines))), rng))

    return mutate


def _field(change: Callable[[list[bytes], int, np.random.Generator], list[bytes]]) -> Mutation:
    """A mutation of one field of one line, at the delimiter that the line has most."""

    def mutate(lines: list[bytes], at: int, rng: np.random.Generator) -> list[bytes]:
        delimiter = max(_DELIMITERS, key=lines[at].count)
        fields = lines[at].split(delimiter)
        fields = change(fields, int(rng.integers(0, len(fields))), rng)
        return [*lines[:at], delimiter.join(fields), *lines[at + 1 :]]

    return _line(mutate)


def _swapped(lines: list[bytes], at: int, rng: np.random.Generator) -> list[bytes]:
    other = int(rng.integers(0, len(lines)))
    lines = list(lines)
    lines[at], lines[other] = lines[other], lines[at]
    return lines


def _other_delimiter(content: bytes, rng: np.random.Generator) -> bytes:
    return content.replace(max(_DELIMITERS, key=content.count), _one(_DELIMITERS, rng))


def _other_encoding(content: bytes, rng: np.random.Generator) -> bytes:
    encoding = str(rng.choice(["latin-1", "utf-16", "utf-8-sig", "gbk"]))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


def _one(values: tuple[bytes, ...], rng: np.random.Generator) -> bytes:
    return values[int(rng.integers(0, len(values)))]


MUTATIONS: Final[dict[str, Mutation]] = {
    "piece": _piece,
    "line dropped": _line(lambda lines, at, rng: [*lines[:at], *lines[at + 1 :]]),
    "line twice": _line(lambda lines, at, rng: [*lines[: at + 1], *lines[at:]]),
    "lines swapped": _line(_swapped),
    "lines joined": _line(
        lambda lines, at, rng: [*lines[:at], b"".join(lines[at : at + 2]), *lines[at + 2 :]]
    ),
    "blank line": _line(lambda lines, at, rng: [*lines[:at], b"", *lines[at:]]),
    "first line again": _line(lambda lines, at, rng: [*lines[:at], lines[0], *lines[at:]]),
    "field replaced": _field(
        lambda fields, at, rng: [*fields[:at], _one(_VALUES, rng), *fields[at + 1 :]]
    ),
    "field dropped": _field(lambda fields, at, rng: [*fields[:at], *fields[at + 1 :]]),
    "field twice": _field(lambda fields, at, rng: [*fields[: at + 1], *fields[at:]]),
    "blank around": _field(
        lambda fields, at, rng: [*fields[:at], b" " + fields[at] + b" ", *fields[at + 1 :]]
    ),
    "two files joined": lambda content, rng: content + content,
    "bytes of Windows": lambda content, rng: content.replace(b"\n", b"\r\n"),
    "other delimiter": _other_delimiter,
    "other encoding": _other_encoding,
    "no end of line": lambda content, rng: content.rstrip(b"\r\n"),
}
