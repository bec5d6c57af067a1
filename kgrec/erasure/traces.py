"""Reading every byte of files for ids and texts, also what Parquet, zstd and gzip compress."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_MAGIC: Final = b"\x28\xb5\x2f\xfd"  # at the begin of a zstd frame
_ZSTD: Final = re.compile(re.escape(_MAGIC))
_BLOCK_HEADER: Final = 3  # bytes
_RUN, _RESERVED = 1, 3  # kinds of blocks
_GZIP: Final = re.compile(re.escape(b"\x1f\x8b\x08"))
_OF_GZIP: Final = 31  # zlib's number for a gzip header
_SHORTEST: Final = 6  # signs; shorter ids are in almost every file by chance


def find_traces(paths: Iterable[Path], texts: Sequence[str]) -> dict[str, int]:
    """Look for texts in files, and in those below folders.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders; those that are not there are passed over.
    texts : sequence of str
        Ids or texts, of which those of six signs and more are looked for.

    Returns
    -------
    dict of str to int
        By file, how many of the texts its content or name holds: as they are, in a zstd or gzip
        frame, or in a column of Parquet. Files without any are left out.
    """
    needles = [text.encode("utf-8", "surrogatepass") for text in texts if len(text) >= _SHORTEST]
    found: dict[str, int] = {}
    for path in sorted({file for one in paths for file in _files(one)}):
        left = set(needles)
        for content in (str(path).encode(), *_contents(path)):
            left -= {needle for needle in left if needle in content}
        if len(left) < len(set(needles)):
            found[str(path)] = len(set(needles)) - len(left)
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())


def _contents(path: Path) -> Iterator[bytes]:
    """What a file holds, and what is compressed in it."""
    content = path.read_bytes()
    yield content
    if path.suffix == ".parquet":
        with suppress(pa.ArrowException, OSError):  # a writer that was killed left half of it
            yield from _columns(path)
        return
    for match in _ZSTD.finditer(content):
        end = _end_of_frame(content, match.start())
        if end is None:
            continue
        with suppress(OSError):  # the bytes begin no frame, though they look like it
            frame = pa.BufferReader(content[match.start() : end])
            yield pa.CompressedInputStream(frame, "zstd").read()
    for match in _GZIP.finditer(content):
        try:
            yield zlib.decompressobj(_OF_GZIP).decompress(content[match.start() :])
        except zlib.error:
            continue


def _end_of_frame(content: bytes, start: int) -> int | None:
    """Where the zstd frame that begins at ``start`` ends (RFC 8878, 3.1.1); None where it is none:
    what follows a frame in a file of another format would be taken for the next one."""
    place = start + len(_MAGIC)
    if place >= len(content):
        return None
    descriptor = content[place]
    whole, checked = bool(descriptor & 0x20), bool(descriptor & 0x04)
    sizes = (int(whole), 2, 4, 8)  # bytes of the content's size
    place += 1 + (not whole) + (0, 1, 2, 4)[descriptor & 0x03] + sizes[descriptor >> 6]
    last = False
    while not last:
        header = int.from_bytes(content[place : place + _BLOCK_HEADER], "little")
        last, kind, size = bool(header & 1), header >> 1 & 0x03, header >> 3
        if kind == _RESERVED:
            return None
        place += _BLOCK_HEADER + (1 if kind == _RUN else size)
        if place > len(content):
            return None
    return place + 4 * checked


def _columns(path: Path) -> Iterator[bytes]:
    """The values of each column with text, and those of its dictionaries, which may hold more."""
    file = pq.ParquetFile(path)
    for name in file.schema_arrow.names:
        if not _has_text(file.schema_arrow.field(name).type):
            continue
        for table in (
            pq.read_table(path, columns=[name]),
            pq.read_table(path, columns=[name], read_dictionary=[name]),
        ):
            for chunk in table.column(0).chunks:
                yield b"\0".join(part.to_pybytes() for part in chunk.buffers() if part is not None)
                if pa.types.is_dictionary(chunk.type):
                    parts = chunk.dictionary.buffers()
                    yield b"\0".join(part.to_pybytes() for part in parts if part is not None)


def _has_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    if pa.types.is_list(kind):
        return _has_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
