"""Settings of the rating model, which predicts likes and ratings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graph_schema.settings import Settings
from kgrec.config.heads import Head

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class RatingConfig(Settings):
    """The rating model: every rating of a user is predicted from all the others."""

    enabled: bool = Field(False, description="Whether fit() also fits the rating model.")
    like: float = Field(
        4.0, allow_inf_nan=False, description="A rating of at least this is a like."
    )
    embedding_size: int = Field(64, ge=2, description="Width d of every vector.")
    epochs: int = Field(8, ge=1, description="Greatest number of passes over the ratings.")
    learning_rate: float = Field(5e-3, gt=0, description="Peak of the one-cycle schedule.")
    reg: float = Field(0.3, ge=0, description="Weight decay (decoupled) of items' vectors.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout on user vectors.")
    id_dropout: float = Field(0.05, ge=0, lt=1, description="Share of items trained without an id.")
    rating_weight: float = Field(
        0.6,
        ge=0,
        description="Weight of the ratings' squared error, relative to the loss of likes.",
    )
    near_scales: tuple[Positive, ...] = Field(
        (30.0, 900.0),
        description="Decays, in seconds, of ratings near in time; used where times vary.",
    )
    near_events: int = Field(10, ge=1, description="Ratings on each side that count as near.")
    near_dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of the ratings trained without ratings near in time."
    )
    fewest: int = Field(
        2,
        ge=1,
        description="Fewest equal ratings of an item for which it has a vector of that rating.",
    )
    head: Head = Field(
        "auto",
        description="Scenario head; auto: the adapter on top of the shared model, for scenarios "
        "where it improves validation.",
    )
    losses: dict[str, Literal["both", "bce", "mse"]] = Field(
        {}, description="A scenario's own loss: of likes, of ratings, or both."
    )
    propensities: Literal["auto", "none"] = Field(
        "auto",
        description="Whether errors of predicted ratings are weighted by how unlikely the ratings "
        "were to be given; auto: where attributes and facts find the rated pairs (AUC of at least "
        ".6) and the weights reduce the weighted error of other ratings.",
    )
    scenario_weights: dict[str, Share] = Field(
        {}, description="λ_k of a scenario's loss, 1 where none is given."
    )
