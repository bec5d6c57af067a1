"""MappingFile: a mapping read from a TOML or JSON file, with errors that name its fields."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ValidationError

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.settings import Settings, wrong_fields


class MappingFile(Settings):
    """The base class of mappings.

    ``models`` are the classes of its parts, whose fields errors suggest; ``cure`` says what the
    parts give.
    """

    models: ClassVar[tuple[type[BaseModel], ...]] = ()
    cure: ClassVar[str] = ""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a mapping from a .toml or .json file.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        mapping
            The mapping, checked by itself; whether it fits the data is checked when that is read.

        Raises
        ------
        SourceError
            If the file can't be read or a field is wrong; the error names every such field.
        """
        path = given_path(path, "the mapping's file")
        return cls.parse(_read_values(path), source=str(path))

    @classmethod
    def parse(cls, values: Any, *, source: str = "mapping") -> Self:
        """Make a mapping from plain values.

        Parameters
        ----------
        values : dict
            The fields, as a TOML or JSON file has them.
        source : str
            Where the values are from, for error messages.

        Returns
        -------
        mapping
            The mapping, checked by itself.

        Raises
        ------
        SourceError
            If a field is wrong; the error names every such field.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = "".join(f"\n- {line}" for line in wrong_fields(error, cls.models, "mapping"))
            raise SourceError(
                f"{source}: the mapping is wrong:{lines}\nCure: correct these fields; {cls.cure}."
            ) from error


def _read_values(path: Path) -> Any:
    """The plain values of a .toml or .json file. Raises SourceError."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SourceError(
            f"{path}: a mapping is a .toml or .json file. Cure: rename or convert it."
        )
    try:
        return reader(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file. Cure: check the path.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: the file is not UTF-8. Cure: save it as UTF-8.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{path}: the file can't be read ({error}). Cure: correct its syntax."
        ) from error
