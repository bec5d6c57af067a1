"""Read files, plain or packed, with progress and with errors that name the file and the cure."""

from __future__ import annotations

import errno
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from graph_schema.disk.limits import RECORD, is_swollen, swollen
from graph_schema.errors import SourceError
from loaders.report import Progress
from loaders.tables.packing import DamagedPackError, packing_of, unpacked

UNIT = "\x1f"  # replaces a delimiter of several characters, which Arrow doesn't support
_INSIDE = re.compile(rb'[^,;|\t\r\n"]"[^,;|\t\r\n"]')
_PART = 1 << 20  # bytes that are unpacked at once
_GIT_LFS = b"version https://git-lfs"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")


class CountingStream(io.RawIOBase):
    """The decompressed bytes of a file. It counts double quotes and line ends, and reports the
    bytes read. ``inside`` tells whether a quote stands between two ordinary characters.

    A ``delimiter`` of two equal characters is replaced by UNIT.
    """

    def __init__(
        self, path: Path, progress: Progress | None, delimiter: bytes | None = None
    ) -> None:
        super().__init__()
        self._delimiter = delimiter
        self.path = path
        self.quotes = self.lines = 0
        self.inside = False
        self._read = 0  # unpacked bytes
        self.size = path.stat().st_size
        self._progress = progress
        self._file: BinaryIO = path.open("rb")
        try:
            self._bytes = unpacked(self._file, path)
        except BaseException:
            self._file.close()
            raise

    @property
    def packed(self) -> bool:
        """Whether the file is packed."""
        return self._bytes is not self._file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        block = self._block(size if self._delimiter is None else max(size // 2, 1))
        if self._delimiter is not None:
            block = self._whole_delimiters(block).replace(self._delimiter, UNIT.encode())
        quotes = block.count(b'"')
        self.quotes += quotes
        self.lines += block.count(b"\n")
        self.inside = self.inside or (quotes > 0 and _INSIDE.search(block) is not None)
        if self._progress is not None:
            done = self._file.tell() if block else self.size
            self._progress(self.path.name, done, self.size)
        return block

    def _block(self, size: int) -> bytes:
        """The next bytes; all with a size below 0. Raises SourceError where a packed file unpacks
        to more than it may."""
        if not self.packed:
            return self._bytes.read(size)
        parts, left = [], size
        while left:
            part = self._bytes.read(_PART if left < 0 else min(left, _PART))
            parts.append(part)
            self._read += len(part)
            if is_swollen(self._read, self.size):
                row = f", row {self.lines + 1:,}" if self.lines else ""
                raise SourceError(f"{self.path}{row}: {swollen(self._read, self.size)}")
            left -= len(part) if left > 0 else 0
            if not part:
                break
        return b"".join(parts)

    def _whole_delimiters(self, block: bytes) -> bytes:
        """Return the block, extended while its end may be the middle of a delimiter."""
        while self._delimiter and block.endswith(self._delimiter[:1]):
            more = self._bytes.read(1)
            if not more:
                break
            block += more
        return block

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._bytes.close()
            self._file.close()
        super().close()


class LentStream(io.RawIOBase):
    """A stream for a reader that may keep it for a while; closing it closes nothing else.

    What reading raises is put into ``failures``, and the stream ends there: an exception of Python
    in a thread of Arrow may let its reader wait for ever.
    """

    def __init__(self, stream: CountingStream, failures: list[Exception]) -> None:
        super().__init__()
        self._stream, self._failures = stream, failures

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._failures:
            return b""
        try:
            return self._stream.read(size)
        except Exception as error:
            self._failures.append(error.with_traceback(None))  # its frames hold the stream
            return b""


@contextmanager
def source_errors(path: Path) -> Iterator[None]:
    """Raise the errors of reading a file as SourceError that names the file and the cure."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(
            f"{path}: there is no such file. Cure: check the path and the file's name."
        ) from error
    except DamagedPackError as error:
        raise SourceError(
            f"{path}: the {error.packing} file is truncated or damaged ({error}). Cure: download "
            "or write it again."
        ) from error
    except IsADirectoryError as error:
        raise SourceError(f"{path}: this is a folder. Cure: give a file.") from error
    except PermissionError as error:
        raise SourceError(f"{path}: you may not read it. Cure: change its permissions.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SourceError(
                f"{path}: this is a symbolic link that leads to itself. Cure: remove it, or let it "
                "lead to the file."
            ) from error
        raise SourceError(
            f"{path}: the file can't be read ({error}). Cure: check the disk or the network."
        ) from error


@contextmanager
def open_bytes(
    path: Path,
    progress: Progress | None = None,
    delimiter: bytes | None = None,
    encoding: str | None = None,
) -> Iterator[CountingStream]:
    """Open a file's decompressed bytes. ``encoding`` is that of a file whose caller can pass one.

    Raises SourceError if the file is missing, empty, damaged, packed twice, UTF-16 without being
    that ``encoding``, or a pointer of Git LFS.
    """
    with source_errors(path):
        if path.is_dir():
            raise IsADirectoryError(path)
        stream = CountingStream(path, progress, delimiter)
        with stream:
            _check_start(path, encoding)
            yield stream


def check_whole(path: Path) -> None:
    """Raise SourceError if a packed file is damaged, which may tell only at its end."""
    with open_bytes(path) as stream:
        while stream.packed and stream.read(1 << 20):
            pass


def _check_start(path: Path, encoding: str | None) -> None:
    """Raise SourceError if the file is empty, packed twice, UTF-16, or a pointer of Git LFS to the
    real one."""
    with CountingStream(path, None) as stream:
        start = stream.read(len(_GIT_LFS))
    if not start:
        raise SourceError(f"{path}: the file is empty. Cure: write it again, or remove it.")
    if start == _GIT_LFS:
        raise SourceError(
            f"{path}: this is a pointer of Git LFS and not the file. Cure: fetch it with git lfs "
            "pull."
        )
    packing = packing_of(start)
    if packing is not None:
        raise SourceError(
            f"{path}: the file is packed twice, the second time as {packing}. Cure: unpack it once."
        )
    wide = _wide_encoding(start)
    if wide is not None and not (encoding or "").lower().replace("_", "-").startswith(wide[:6]):
        more = "" if encoding is None else f", or pass encoding={wide!r} (--encoding {wide})"
        raise SourceError(f"{path}: the file is {wide[:6].upper()}. Cure: save it as UTF-8{more}.")


def _wide_encoding(start: bytes) -> str | None:
    """The encoding of a text of 2 or 4 bytes a sign, by its first bytes; None for any other."""
    if start.startswith(_UTF32):
        return "utf-32"
    if start.startswith(_UTF16):
        return "utf-16"
    if len(start) > 4 and not start[1::2].strip(b"\0"):
        return "utf-16-le" if start[2] else "utf-32-le"
    if len(start) > 4 and not start[::2].strip(b"\0"):
        return "utf-16-be" if start[1] else "utf-32-be"
    return None


def too_long() -> str:
    """What is wrong with a row, line or object that is too long, and the cure."""
    return (
        f"it is longer than {RECORD.value():,} bytes. Cure: look for a quote or a bracket that is "
        f"never closed, or a line end that is missing; where it is right, {RECORD.cure()}."
    )


def text_lines(
    path: Path, encoding: str = "utf-8-sig", progress: Progress | None = None
) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a text file. Raises SourceError."""
    with open_bytes(path, progress) as stream:
        buffered = io.BufferedReader(stream, buffer_size=1 << 20)
        longest = RECORD.value()
        for number, raw in enumerate(iter(lambda: buffered.readline(longest + 1), b""), start=1):
            if len(raw) > longest:
                raise SourceError(f"{path}, row {number}: {too_long()}")
            try:
                line = raw.decode(encoding if number == 1 else encoding.removesuffix("-sig"))
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{path}, row {number}: byte 0x{raw[error.start]:02x} is not {encoding}. "
                    "Cure: give the file's encoding, or save it as UTF-8."
                ) from error
            yield number, line.rstrip("\r\n")
