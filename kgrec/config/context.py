"""Settings of the context of requests, and of repeated consumption."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from graph_schema.frames import RESERVED_COLUMNS, SPECS
from graph_schema.settings import Settings

_KNOWN = {*(column.name for column in SPECS["interactions"].columns)}
_KNOWN |= set(RESERVED_COLUMNS["interactions"])


class ContextConfig(Settings):
    """Circumstances of an event that requests may tell of, and repeats; see docs/context.md."""

    columns: tuple[str, ...] = Field(
        (),
        description="Columns of interactions with the circumstances of an event, such as daytime.",
    )
    count: str | None = Field(
        None,
        description="Column of interactions with how often each was repeated; None: each is one.",
    )
    repeats: Literal["auto", "off"] = Field(
        "auto",
        description="auto: where users choose items again, their own counts are a term of the "
        "score of items that they have, which lists with exclude_seen=False use.",
    )

    @field_validator("columns")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("a column is named twice; name each once.")
        return names

    @model_validator(mode="after")
    def _others(self) -> ContextConfig:
        known = sorted(_KNOWN.intersection(self.read))
        if known:
            raise ValueError(
                f"{known[0]!r} is no column of circumstances; name columns beside those that kgrec "
                "reads itself (a scenario has settings of its own)."
            )
        if self.count in self.columns:
            raise ValueError("count is also one of columns; leave it out of columns.")
        return self

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read."""
        return self.columns if self.count is None else (*self.columns, self.count)
