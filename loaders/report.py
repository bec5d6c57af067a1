"""What a loader read, kept and dropped, file by file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graph_schema.catalog import Catalog

# Called with (file being read, bytes read so far, bytes in all; 0 where the size is unknown).
Progress = Callable[[str, int, int], None]


@dataclass
class FileReport:
    """One file: rows read, rows kept, and rows dropped by reason; read == kept + dropped."""

    file: str
    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def kept(self) -> int:
        return self.read - sum(self.dropped.values())

    def drop(self, reason: str, count: int = 1) -> None:
        """Count rows that are left out."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def __str__(self) -> str:
        line = f"{self.file}: {self.read:,} rows read, {self.kept:,} kept"
        for reason, count in self.dropped.items():
            line += f"; {count:,} dropped: {reason}"
        return line + "".join(f"\n  note: {note}" for note in self.notes)


@dataclass
class LoadReport:
    """Every file of a load. ``print`` it, or read ``files``."""

    files: list[FileReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def file(self, name: str) -> FileReport:
        """The report of a file, new at the first call."""
        for report in self.files:
            if report.file == name:
                return report
        self.files.append(FileReport(name))
        return self.files[-1]

    @property
    def read(self) -> int:
        return sum(report.read for report in self.files)

    @property
    def kept(self) -> int:
        return sum(report.kept for report in self.files)

    @property
    def dropped(self) -> int:
        return self.read - self.kept

    def __str__(self) -> str:
        return "\n".join([*map(str, self.files), *(f"note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class LoadResult:
    """A valid catalog and the report of how it was read."""

    catalog: Catalog
    report: LoadReport
