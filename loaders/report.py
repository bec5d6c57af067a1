"""The result of a load: the catalog, and the rows read, kept and dropped of each file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graph_schema.catalog import Catalog

# Called with (file name, bytes read so far, bytes in total; 0 if the total is unknown).
Progress = Callable[[str, int, int], None]


@dataclass
class FileReport:
    """The rows of one file.

    Attributes
    ----------
    file : str
        The file's name.
    read : int
        The number of rows read. It equals the rows kept and the rows dropped.
    dropped : dict of str to int
        The number of rows dropped for each reason.
    notes : list of str
        Remarks about the content.
    """

    file: str
    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def kept(self) -> int:
        """The number of rows kept."""
        return self.read - sum(self.dropped.values())

    def drop(self, reason: str, count: int = 1) -> None:
        """Count rows that are dropped.

        Parameters
        ----------
        reason : str
            Why they are dropped.
        count : int
            Their number.
        """
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def __str__(self) -> str:
        line = f"{self.file}: {self.read:,} rows read, {self.kept:,} kept"
        for reason, count in self.dropped.items():
            line += f"; {count:,} dropped: {reason}"
        return line + "".join(f"\n  note: {note}" for note in self.notes)


@dataclass
class LoadReport:
    """The reports of all files of a load. ``print`` it, or read ``files`` and ``notes``."""

    files: list[FileReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def file(self, name: str) -> FileReport:
        """Return the report of a file; the first call for a name adds it.

        Parameters
        ----------
        name : str
            The file's name.

        Returns
        -------
        FileReport
            The report, which the caller fills.
        """
        for report in self.files:
            if report.file == name:
                return report
        self.files.append(FileReport(name))
        return self.files[-1]

    @property
    def read(self) -> int:
        """The number of rows read in all files."""
        return sum(report.read for report in self.files)

    @property
    def kept(self) -> int:
        """The number of rows kept in all files."""
        return sum(report.kept for report in self.files)

    @property
    def dropped(self) -> int:
        """The number of rows dropped in all files."""
        return self.read - self.kept

    def __str__(self) -> str:
        return "\n".join([*map(str, self.files), *(f"note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class LoadResult:
    """A valid ``catalog``, and the ``report`` of the files it was read from."""

    catalog: Catalog
    report: LoadReport
