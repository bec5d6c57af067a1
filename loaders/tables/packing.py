"""Packed files: gzip, xz, bzip2, Zstandard, and zip archives of one file. They are recognised by
their first bytes, whatever their names are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa

from graph_schema.errors import SourceError
from graph_schema.report import shown

PACKINGS: Final = (".gz", ".xz", ".bz2", ".zst", ".zip")  # ends of the names of packed files
_LISTED: Final = 5  # files of an archive that a message names
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OF_OFFICE: Final = ("[Content_Types].xml", "content.xml")  # .xlsx, .docx; .ods
_BAD_ZIP: Final = (zipfile.BadZipFile, struct.error, ValueError, EOFError, OverflowError)
_OTHERS: Final = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "RAR"}
_DAMAGE: Final = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException)


class DamagedPackError(Exception):
    """A packed file is cut off, or its bytes are wrong. ``packing`` is the name of its form."""

    def __init__(self, packing: str, error: Exception) -> None:
        super().__init__(str(error))
        self.packing = packing


class _Unpacked(io.RawIOBase):
    """The bytes of a packed file; errors of the form are raised as DamagedPackError."""

    def __init__(self, packing: str, file: BinaryIO) -> None:
        super().__init__()
        self._packing, self._file = packing, file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._file.read(size)
        except _DAMAGE as error:
            raise DamagedPackError(self._packing, error) from error
        except OSError as error:  # those of a disk have a number
            if error.errno is not None:
                raise
            raise DamagedPackError(self._packing, error) from error

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _zstandard(file: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))


_OPENERS: Final[tuple[tuple[bytes, str, Callable[[BinaryIO], BinaryIO]], ...]] = (
    (b"\x1f\x8b", "gzip", lambda file: cast(BinaryIO, gzip.GzipFile(fileobj=file))),
    (b"\xfd7zXZ\x00", "xz", lambda file: cast(BinaryIO, lzma.LZMAFile(file))),  # noqa: SIM115
    (b"BZh", "bzip2", lambda file: cast(BinaryIO, bz2.BZ2File(file))),
    (b"\x28\xb5\x2f\xfd", "Zstandard", _zstandard),
)
_BLOCK_OF_BZIP2: Final = (b"1AY&SY", b"\x17rE8P\x90")  # what follows "BZh9": a block, or the end


def unpacked(file: BinaryIO, path: Path) -> BinaryIO:
    """Return the unpacked bytes of an open file; the file itself where it is not packed.

    Raises SourceError for an archive that doesn't hold exactly one file of data, and for forms that
    can't be read; reading raises DamagedPackError.
    """
    start = file.read(10)
    file.seek(0)
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise SourceError(
                f"{path}: this is a {name} archive, which can't be read. Cure: unpack it, or pack "
                "it as .gz, .xz, .bz2, .zst or .zip."
            )
    if start.startswith(_ZIP):
        return _only_member(file, path)
    for magic, name, opened in _OPENERS:
        if start.startswith(magic) and (name != "bzip2" or start[4:] in _BLOCK_OF_BZIP2):
            return cast(BinaryIO, _Unpacked(name, opened(file)))
    return file


def packing_of(start: bytes) -> str | None:
    """The form of a packed file by its first bytes; None for any other file."""
    if start.startswith(_ZIP):
        return "zip"
    return next(
        (
            name
            for magic, name, _ in _OPENERS
            if start.startswith(magic) and (name != "bzip2" or start[4:10] in _BLOCK_OF_BZIP2)
        ),
        None,
    )


def _only_member(file: BinaryIO, path: Path) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(file)
        member = _member(archive, path)
        if member.flag_bits & 1:
            raise SourceError(
                f"{path}: {member.filename} is encrypted. Cure: unpack it with its password."
            )
        return cast(BinaryIO, _Unpacked("zip", cast(BinaryIO, archive.open(member))))
    except _BAD_ZIP as error:
        raise DamagedPackError("zip", error) from error
    except NotImplementedError as error:
        raise SourceError(
            f"{path}: the zip archive is packed in a way that can't be read ({error}). Cure: "
            "unpack it, and pack it again as usual (deflate)."
        ) from error


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The one file of data in an archive. Raises SourceError where there is none or several."""
    found = [one for one in archive.infolist() if _is_data(one)]
    if any(one.filename in _OF_OFFICE for one in found):
        raise SourceError(
            f"{path}: this is a workbook of Excel or a document, whatever its name is. Cure: write "
            "its table as .csv."
        )
    if len(found) == 1:
        return found[0]
    names = ", ".join(shown(one.filename) for one in found[:_LISTED])
    more = f" and {len(found) - _LISTED:,} more" if len(found) > _LISTED else ""
    content = f"{len(found)} files ({names}{more})" if found else "no file"
    raise SourceError(
        f"{path}: the zip archive holds {content}, where one table is wanted. Cure: unpack it, and "
        "give the folder or one of its files."
    )


def _is_data(member: zipfile.ZipInfo) -> bool:
    """Whether it is a file, and none of those that systems add (.DS_Store, __MACOSX/._a.csv)."""
    parts = member.filename.split("/")
    return not member.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")


def member_name(path: Path) -> str:
    """The name of the one file of data in a zip archive. Raises SourceError or DamagedPackError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _member(archive, path).filename.rsplit("/", 1)[-1]
    except _BAD_ZIP as error:
        raise DamagedPackError("zip", error) from error
