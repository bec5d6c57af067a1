"""Settings of explanations."""

from __future__ import annotations

from pydantic import Field

from graph_schema.settings import Settings

FEWEST_PEOPLE = 5


class ExplainConfig(Settings):
    """What explanations say about people other than the one who asks."""

    fewest_people: int = Field(
        FEWEST_PEOPLE,
        ge=1,
        description="Other people are shown as a number of people where they are at least this "
        "many. What came through fewer is not attributed to a path.",
    )
