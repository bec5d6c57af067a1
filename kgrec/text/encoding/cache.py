"""Text vectors on disk, so that no text is encoded twice by the same model.

One folder per encoder, named by its fingerprint, holds shards of at most SHARD_ROWS vectors:
safetensors files with the sha256 of each text (sorted), the vectors and a checksum of both. A shard
is written under a temporary name, renamed, and never changed afterwards: any number of processes
can read and write without a lock, and a killed process leaves only complete shards.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from graph_schema.disk.files import put_file
from graph_schema.disk.scratch import remove_scratch
from kgrec.errors import reason
from kgrec.progress import Progress
from kgrec.text.cleaning import clean_text
from kgrec.text.encoding.encoder import TextEncoder
from loaders.public_sets.wheels import cache_root

SHARD_ROWS = 32_768
MAX_SHARDS = 16  # of one encoder; more are merged, so that a look-up opens few files
MAX_LOADED = 8  # shards kept in memory: 50 MB each at most for 384 dimensions
MAX_BYTES = 2 * 1024**3
_KEY_BYTES = 32


@dataclass(frozen=True)
class CacheStats:
    """Size of the cache; ``vectors`` is the number of rows of all encoders together."""

    folder: Path
    encoders: int
    shards: int
    vectors: int
    bytes: int
    max_bytes: int


@dataclass(frozen=True, eq=False)
class _Shard:
    keys: np.ndarray  # uint8 [n, 32], sorted
    vectors: np.ndarray  # float32 [n, dim]


class EmbeddingCache:
    """Vectors by text, for any number of encoders, in one folder of at most ``max_bytes``.

    Above that size the least recently used shards are removed.
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = Path(folder) if folder else cache_root() / "embeddings"
        self.max_bytes = max_bytes
        self._loaded: dict[Path, _Shard] = {}

    def get(
        self, fingerprint: str, texts: Sequence[str], dim: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look up ``texts``: ``vectors`` float32 ``[n, dim]`` (0 where not found), ``found`` bool
        ``[n]``."""
        keys = text_keys(texts)
        vectors = np.zeros((len(texts), dim), dtype=np.float32)
        found = np.zeros(len(texts), dtype=bool)
        for file, shard in self._shards(fingerprint, dim):
            rows, places = _match(shard.keys, keys, np.flatnonzero(~found))
            if len(rows):  # only a shard with a hit counts as used
                with contextlib.suppress(OSError):
                    os.utime(file)
            vectors[rows] = shard.vectors[places]
            found[rows] = True
            if found.all():
                break
        return vectors, found

    def put(self, fingerprint: str, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Store the vectors ``[n, dim]`` of ``texts``; storing them twice changes nothing."""
        keys, first = np.unique(text_keys(texts), axis=0, return_index=True)
        rows = vectors[first].astype(np.float32, copy=False)
        folder = self._encoder_folder(fingerprint)
        for start in range(0, len(keys), SHARD_ROWS):
            _write(folder, keys[start : start + SHARD_ROWS], rows[start : start + SHARD_ROWS])
        self._merge(folder, rows.shape[1])
        self._shrink()

    def forget(self, texts: Sequence[str]) -> int:
        """Remove the vectors of ``texts``, of all encoders; returns how many there were.

        A shard that has any of them is replaced by one without. A process that merges shards at
        the same time may keep some. Raises OSError.
        """
        gone = {key.tobytes() for key in text_keys([clean_text(text) for text in texts])}
        removed = 0
        for folder in self.folder.glob("*/"):
            remove_scratch(folder)
        for file in sorted(self.folder.glob("*/*.safetensors")):
            shard = _read(file)
            if shard is None:
                continue
            leaves = np.array([key.tobytes() in gone for key in shard.keys], dtype=bool)
            if not leaves.any():
                continue
            if not leaves.all():
                _write(file.parent, shard.keys[~leaves], shard.vectors[~leaves])
            self._loaded.pop(file, None)
            file.unlink(missing_ok=True)
            removed += int(leaves.sum())
        return removed

    def stats(self) -> CacheStats:
        """Count what is in the folder now."""
        files = list(self.folder.glob("*/*.safetensors"))
        return CacheStats(
            folder=self.folder,
            encoders=len({file.parent for file in files}),
            shards=len(files),
            vectors=sum(_count(file) for file in files),
            bytes=sum(_size(file) for file in files),
            max_bytes=self.max_bytes,
        )

    def _encoder_folder(self, fingerprint: str) -> Path:
        return self.folder / fingerprint[:32]

    def _shards(self, fingerprint: str, dim: int) -> Iterator[tuple[Path, _Shard]]:
        for file in sorted(self._encoder_folder(fingerprint).glob("*.safetensors")):
            shard = self._loaded.get(file) or _read(file, dim)
            if shard is None:
                continue
            self._loaded[file] = shard
            while len(self._loaded) > MAX_LOADED:
                self._loaded.pop(next(iter(self._loaded)))
            yield file, shard

    def _merge(self, folder: Path, dim: int) -> None:
        """Merge the small shards of an encoder when it has more than MAX_SHARDS."""
        files = sorted(folder.glob("*.safetensors"))
        if len(files) <= MAX_SHARDS:
            return
        small = [(file, shard) for file in files if (shard := _read(file, dim)) is not None]
        small = [(file, shard) for file, shard in small if len(shard.keys) < SHARD_ROWS // 2]
        if len(small) < 2:
            return
        keys, first = np.unique(
            np.concatenate([shard.keys for _, shard in small]), axis=0, return_index=True
        )
        rows = np.concatenate([shard.vectors for _, shard in small])[first]
        written = {
            _write(folder, keys[start : start + SHARD_ROWS], rows[start : start + SHARD_ROWS])
            for start in range(0, len(keys), SHARD_ROWS)
        }
        for file in {file for file, _ in small} - written:
            self._loaded.pop(file, None)
            file.unlink(missing_ok=True)

    def _shrink(self) -> None:
        """Remove the oldest shards above ``max_bytes``."""
        files = sorted(self.folder.glob("*/*.safetensors"), key=_touched)
        total = sum(_size(file) for file in files)
        while total > self.max_bytes and len(files) > 1:
            oldest = files.pop(0)
            total -= _size(oldest)
            self._loaded.pop(oldest, None)
            oldest.unlink(missing_ok=True)


class CachedEncoder:
    """A TextEncoder that reads vectors from an EmbeddingCache and encodes only texts not in it.

    New vectors are stored every ``save_every`` texts, so an interrupted run keeps its work.
    """

    def __init__(
        self, encoder: TextEncoder, cache: EmbeddingCache | None = None, save_every: int = 1024
    ) -> None:
        self.encoder = encoder
        self.cache = cache or EmbeddingCache()
        self.save_every = save_every

    @property
    def dim(self) -> int:
        return self.encoder.dim

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """float32 ``[n, dim]``, equal to the encoder's own; ``progress`` counts distinct new
        texts."""
        cleaned = [clean_text(text) for text in texts]
        distinct = list(dict.fromkeys(text for text in cleaned if text))
        vectors, found = self.cache.get(self.fingerprint, distinct, self.dim)
        missing = np.flatnonzero(~found)
        for start in range(0, len(missing), self.save_every):
            rows = missing[start : start + self.save_every]
            fresh = [distinct[row] for row in rows]
            vectors[rows] = self.encoder.encode(fresh)
            self._store(fresh, vectors[rows])
            if progress is not None:
                progress("texts encoded", start + len(rows), len(missing))
        place = {text: row for row, text in enumerate(distinct)}
        table = np.vstack([vectors, np.zeros((1, self.dim), dtype=np.float32)])
        return np.asarray(table[[place.get(text, len(distinct)) for text in cleaned]])

    def _store(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Store new vectors; a cache that can't be written gives a warning, not an error."""
        try:
            self.cache.put(self.fingerprint, texts, vectors)
        except OSError as error:
            warnings.warn(
                f"text vectors can't be stored in {self.cache.folder} ({reason(error)}); the texts "
                "will be encoded again next time. Set KGREC_CACHE_DIR to a folder that can be "
                "written.",
                stacklevel=3,
            )


def text_keys(texts: Sequence[str]) -> np.ndarray:
    """uint8 ``[n, 32]``: the sha256 of each text."""
    joined = b"".join(hashlib.sha256(t.encode("utf-8", "surrogatepass")).digest() for t in texts)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, _KEY_BYTES)


def _prefix(keys: np.ndarray) -> np.ndarray:
    """The first 8 bytes as big-endian numbers, which sort in the order of the keys."""
    return np.ascontiguousarray(keys[:, :8]).view(">u8").ravel()


def _match(
    stored: np.ndarray, wanted: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ``rows`` of ``wanted`` that are in ``stored``, and their rows there."""
    if not len(stored) or not len(rows):
        return rows[:0], rows[:0]
    places = np.searchsorted(_prefix(stored), _prefix(wanted[rows]))
    places = np.minimum(places, len(stored) - 1)
    # Two keys with the same prefix cost a second encoding, never a wrong vector.
    same = (stored[places] == wanted[rows]).all(axis=1)
    return rows[same], places[same]


def _checksum(keys: np.ndarray, vectors: np.ndarray) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(keys).data)
    digest.update(np.ascontiguousarray(vectors).data)
    return digest.hexdigest()


def _write(folder: Path, keys: np.ndarray, vectors: np.ndarray) -> Path:
    """Write a shard to a file named by its content: writing it twice gives one file."""
    checksum = _checksum(keys, vectors)
    target = folder / f"{checksum[:32]}.safetensors"
    tensors = {"keys": np.ascontiguousarray(keys), "vectors": np.ascontiguousarray(vectors)}
    try:
        put_file(
            target,
            lambda name: save_file(tensors, name, metadata={"sha256": checksum}),
            private=True,  # vectors of what people wrote
        )
    except SafetensorError as error:
        raise OSError(str(error)) from error
    return target


def _read(file: Path, dim: int | None = None) -> _Shard | None:
    """Read a shard, of ``dim`` columns where given; None where the file is gone or damaged. A
    damaged file is removed."""
    try:
        with safe_open(file, framework="numpy") as stored:
            keys, vectors = stored.get_tensor("keys"), stored.get_tensor("vectors")
            checksum = (stored.metadata() or {}).get("sha256")
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError):
        file.unlink(missing_ok=True)
        return None
    shape = (len(keys), vectors.shape[-1] if dim is None else dim)
    if checksum != _checksum(keys, vectors) or vectors.shape != shape:
        file.unlink(missing_ok=True)
        return None
    return _Shard(keys, vectors)


def _count(file: Path) -> int:
    try:
        with safe_open(file, framework="numpy") as stored:
            return int(stored.get_slice("keys").get_shape()[0])
    except (SafetensorError, OSError):
        return 0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _touched(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
