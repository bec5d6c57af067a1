"""``kgrec load --follow``: events that another program writes to a file, into a store."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from dataclasses import replace as with_values
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graph_schema.errors import SourceError
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import check_names, with_pseudonyms

if TYPE_CHECKING:
    import pyarrow as pa

    from graph_schema import Catalog
    from graph_schema.privacy.key import PseudonymKey
    from kgrec.stores import GraphStore
    from loaders.following import FollowedFile

_LINES: Final = 5_000  # written to the store at once
_SECONDS: Final = 1.0  # between two looks at the file
_SHOWN: Final = 5  # bad lines of one look that are named
_OTHERS: Final = (".csv", ".tsv", ".parquet", ".gz", ".xz", ".bz2", ".zst", ".zip")  # no JSON lines
_IDENTITY: Final = ("user_id", "item_id", "event", "timestamp")


class BadLines(StrEnum):
    """What ``--bad-lines`` does with lines that are no events."""

    skip = "skip"
    stop = "stop"


@dataclass
class Summary:
    """What was read until now.

    Attributes
    ----------
    lines, events, repeats, bad : int
        Lines read; distinct events written; lines that say the same event again; lines that are no
        event, and were passed over.
    """

    lines: int = 0
    events: int = 0
    repeats: int = 0
    bad: int = 0

    def add(self, other: Summary) -> None:
        """Add what was read in one step."""
        self.lines += other.lines
        self.events += other.events
        self.repeats += other.repeats
        self.bad += other.bad

    def __str__(self) -> str:
        names = {"repeats": "repeats of an event", "bad": "bad lines"}
        return ", ".join(f"{n:,} {names.get(name, name)}" for name, n in asdict(self).items())


def place_of_position(file: Path, store: str, *, server: bool) -> Path:
    """Where the position is kept: beside the file of a store, or beside the followed file where the
    store is on a server."""
    other = store if server else str(file.absolute())
    name = hashlib.sha256(other.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    home = file.absolute() if server else Path(store).absolute()
    return home.with_name(f"{home.name}.follow-{name}.json")


def _check_name(file: Path) -> None:
    """Raise SourceError for a file whose name says that it has no JSON lines, or is packed."""
    if file.suffix.lower() in _OTHERS:
        raise SourceError(
            f"{file}: --follow reads JSON lines, and the name of this file says {file.suffix}. "
            "Cure: load it as a whole, without --follow; or let the other program write JSON lines."
        )


def follow(
    file: Path,
    graph: GraphStore,
    place: Path,
    *,
    from_start: bool = False,
    bad_lines: BadLines = BadLines.skip,
    key: PseudonymKey | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Summary:
    """Write the events of a growing file into a store, until Ctrl-C.

    The position is written after the events: where it ends in between, the same events are written
    again, which changes nothing. With a ``key`` users get pseudonyms. Raises SourceError for a bad
    line where it is to ``stop`` there, CatalogError where the store names its users otherwise.
    """
    from loaders.following import FollowedFile, Position

    _check_name(file)
    known = None if from_start else Position.load(place)
    if known is not None and not any(graph.node_counts().values()):
        say(f"{graph.uri}: the store is empty, so {file} is read from its start.")
        known = None
    followed, summary = FollowedFile(file, known or Position()), Summary()
    say(f"following {file} from line {followed.position.line + 1:,}; Ctrl-C ends")
    with _ended_by_signals():
        try:
            while True:
                if not _step(followed, graph, place, summary, bad_lines, key):
                    wait(_SECONDS)
        except KeyboardInterrupt:
            return summary
        finally:
            followed.close()


def _step(
    followed: FollowedFile,
    graph: GraphStore,
    place: Path,
    summary: Summary,
    bad_lines: BadLines,
    key: PseudonymKey | None,
) -> bool:
    """Write what came since the last step; whether anything did."""
    from loaders.following import events_of

    lines = followed.read(_LINES)
    _say_all(followed)
    if not lines:
        return False
    found, stopped = events_of(lines, followed.path), ""
    if found.bad and bad_lines is BadLines.stop:
        first = min(found.bad)
        stopped = found.bad[first]
        followed.give_back([line for line in lines if line[0] >= first])
        lines = [line for line in lines if line[0] < first]
        found = events_of(lines, followed.path)
    events = repeats = 0
    if found.catalog is not None:
        catalog, repeats = _distinct(with_pseudonyms(found.catalog, key))
        if not summary.events:
            check_names(graph, catalog)
        graph.write(catalog)
        events = catalog.tables["interactions"].num_rows
    followed.position.save(place, followed.path)
    summary.add(Summary(len(lines), events, repeats, len(found.bad)))
    _say_bad(found.bad)
    if events:
        say(f"{events:,} events written, to line {followed.position.line:,}")
    if stopped:
        raise SourceError(
            f"{stopped} All lines before it were read. Cure: correct the line, or pass over such "
            "lines with --bad-lines skip."
        )
    return True


def _say_all(followed: FollowedFile) -> None:
    for note in followed.notes:
        say(note)
    followed.notes.clear()


def _say_bad(bad: dict[int, str]) -> None:
    for text in list(bad.values())[:_SHOWN]:
        say(f"passed over: {text}")
    if len(bad) > _SHOWN:
        say(f"passed over: {len(bad) - _SHOWN:,} more lines that are no events")


def _distinct(catalog: Catalog) -> tuple[Catalog, int]:
    """The catalog with one interaction for each user, item, event and time, as a store would merge
    them one after another, and how many said the same again."""
    table = catalog.tables["interactions"]
    merged = _last_of_each(table, [name for name in _IDENTITY if name in table.column_names])
    tables = {**catalog.tables, "interactions": merged}
    return with_values(catalog, tables=tables, rows={}), table.num_rows - merged.num_rows


def _last_of_each(table: pa.Table, keys: list[str]) -> pa.Table:
    """One row for each value of the keys: of every column the last value that is not absent."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from kgrec.stores.columns import one_chunk
    from kgrec.stores.merge import codes

    group = codes(table.select(keys))
    n = int(group.max(initial=-1)) + 1
    columns = {}
    for name in table.column_names:
        column = one_chunk(table[name])
        valid = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
        place = np.full(n, -1, dtype=np.int64)
        place[group[valid]] = valid
        columns[name] = column.take(pa.array(place, mask=place < 0))
    return pa.table(columns)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends as Ctrl-C does, as a service is ended by it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
