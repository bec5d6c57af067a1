"""Settings from TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from graph_schema.errors import SourceError

if TYPE_CHECKING:
    from graph_schema.settings import Settings
    from kgrec import RecommenderConfig

    _S = TypeVar("_S", bound=Settings)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings in a .toml file with the tables [model], [training], [text], "
        "[scenarios], [ratings], [feedback], [explain], [privacy].",
        exists=True,
        dir_okay=False,
    ),
]


def read_config(path: Path | None, text_cache: Path | None = None) -> RecommenderConfig:
    """The settings in ``path`` (the defaults if None), with the text cache in ``text_cache``.

    Raises SourceError that names every field that is unknown or wrong.
    """
    from kgrec import RecommenderConfig, TextConfig

    config = read_settings(path, RecommenderConfig)
    if text_cache is None:
        return config
    text = TextConfig(**{**config.text.model_dump(), "cache_dir": str(text_cache)})
    return config.model_copy(update={"text": text})


def read_settings(path: Path | None, kind: type[_S]) -> _S:
    """The settings of a kind in ``path`` (the defaults if None).

    Raises SourceError that names every field that is unknown or wrong.
    """
    from pydantic import ValidationError

    from graph_schema.settings import wrong_fields

    if path is None:
        return kind()
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path} is no TOML file ({error}); correct its syntax.") from error
    except ValidationError as error:
        lines = [f"- {line}" for line in wrong_fields(error)]
        raise SourceError(
            f"{path} has wrong settings:\n" + "\n".join(lines) + "\nCorrect these fields; "
            f"{kind.__module__.partition('.')[0]}.{kind.__name__} documents each."
        ) from error
