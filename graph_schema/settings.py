"""The base class of all settings: frozen, and a wrong field is one RequestError that names it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from graph_schema.errors import RequestError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


_S = TypeVar("_S", bound="Settings")


class _Checked(ModelMetaclass):
    """What makes settings from keywords. ``model_validate`` and pickle do not come this way."""

    def __call__(cls, *arguments: Any, **values: Any) -> Any:
        """Raises RequestError that names every wrong field."""
        try:
            return super().__call__(*arguments, **values)
        except ValidationError as error:
            lines = "; ".join(wrong_fields(error))
            raise RequestError(
                f"{cls.__name__} has wrong settings: {lines}. Correct them; {_package(cls)}."
                f"{cls.__name__} documents each field."
            ) from error


class Settings(BaseModel, metaclass=_Checked):
    """Settings that can't be changed; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def given_settings(value: object, kind: type[_S], name: str) -> _S:
    """``value``, or the defaults for None. Raises RequestError for what is no such settings."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise RequestError(
            f"{name} is a {type(value).__name__}; give a {_package(kind)}.{kind.__name__}, whose "
            "fields are keywords, or None."
        )
    return value


def _package(kind: type) -> str:
    return kind.__module__.split(".")[0]


def wrong_fields(
    error: ValidationError, models: Iterable[type[BaseModel]] = (), whole: str = "settings"
) -> list[str]:
    """A line for each field: its name, and what is wrong with it.

    A field that there isn't is named with the nearest one of ``models``; ``whole`` is what all of
    them together are called.
    """
    known = sorted({name for model in models for name in model.model_fields})
    problems = error.errors(include_url=False, include_input=False)
    return [
        f"{'.'.join(map(str, one['loc'])) or whole}: {_message(one, known)}" for one in problems
    ]


def _message(problem: ErrorDetails, known: list[str]) -> str:
    if problem["type"] != "extra_forbidden" or not known:
        return problem["msg"].removeprefix("Value error, ").removesuffix(".")
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    return "there is no such field" + (f"; the nearest is {near[0]}" if near else "")
