"""Settings: one pydantic model per component, every field documented, unknown fields refused.

A field that is None is read off the data by ``fit`` (see ``kgrec.training.defaults``).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kgrec.config.heads import Head
from kgrec.config.ratings import RatingConfig
from kgrec.config.scenarios import ScenarioConfig


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextConfig(_Settings):
    """The language model that reads titles, descriptions, reviews and queries."""

    model: str = Field("default", description="'default', a local folder, or a hub name.")
    precision: Literal["auto", "fp32", "openvino", "bf16", "int8"] = Field(
        "auto",
        description="'auto', 'fp32' or 'bf16'; 'openvino' (fp32) or 'int8' with the extra.",
    )
    max_length: int = Field(256, ge=8, description="Tokens per chunk; longer texts are chunked.")
    cache_dir: str | None = Field(None, description="Embedding cache; None: the user's cache dir.")
    robust_reviews: bool = Field(
        False,
        description="Pool an item's reviews by their geometric median, equal ones once, and not by "
        "their mean nor by attention: a few hostile reviews then count for little.",
    )


class ModelConfig(_Settings):
    """The hybrid model: what an item and a user are made of."""

    embedding_size: int | None = Field(None, ge=2, description="Width d of every vector.")
    use_ids: bool = Field(True, description="Learn a vector per trained item.")
    use_knowledge: bool = Field(True, description="Encode the knowledge-graph neighbourhood.")
    use_text: bool = Field(True, description="Read texts with the language model.")
    use_attention: bool = Field(
        False, description="Weigh an item's reviews by what they say, their age and their rating."
    )
    use_item_weights: bool = Field(
        True, description="Let items speak for each other directly where validation gains by it."
    )
    use_attributes: bool = Field(True, description="Use item and user attribute columns.")
    use_vectors: bool = Field(
        True, description="Use vectors of the user's own (image, audio) where items have some."
    )
    kg_layers: int = Field(1, ge=1, le=3, description="Message-passing layers L.")
    time_scales: tuple[float, ...] = Field(
        (1.5, 4.0, 12.0, 50.0, math.inf),
        description="Decay of each history pool, in events; used where interactions have times.",
    )
    visit_scales: tuple[float, ...] = Field(
        (0.5, 2.0, 8.0),
        description="Decay of further pools, in visits: events of one timestamp are one visit.",
    )
    temperature: float | None = Field(None, gt=0, description="Softmax temperature on cosines.")
    shrinkage: float | None = Field(
        None, ge=0, description="A history of n events counts for n / (n + shrinkage)."
    )
    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout on fused item vectors.")
    id_dropout: float = Field(0.1, ge=0, lt=1, description="Share of items trained as if new.")
    head: Head = Field(
        "auto",
        description="Scenario head; auto: adapter where there are two scenarios or more. Without "
        "any scenario: none.",
    )
    use_fusion: bool = Field(
        True, description="Fuse a head's vectors with the shared ones by a learned gate."
    )


Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]  # a λ_k


class TrainingConfig(_Settings):
    """How the model is fitted."""

    epochs: int | None = Field(None, ge=1, description="Passes over the users, at most.")
    batch_size: int | None = Field(None, ge=1, description="Users per step.")
    accumulation: int = Field(
        1, ge=1, description="Parts that a step over all items is computed in, to save memory."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Numbers that a step multiplies; bf16: mixed precision, where the device has "
        "it. Weights, gradients and answers are fp32.",
    )
    learning_rate: float | None = Field(None, gt=0, description="Peak of the one-cycle schedule.")
    reg: float = Field(0.0, ge=0, description="Weight decay (decoupled).")
    user_reg: float = Field(20.0, ge=0, description="Weight decay of user attributes' vectors.")
    averaging: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="Decay per step of the weights' running average, which answers; 0: none.",
    )
    history_dropout: float | None = Field(None, ge=0, lt=1, description="Share of events hidden.")
    examples: Literal["auto", "masks"] = Field(
        "auto",
        description="auto: cut histories in time where validation follows; masks: hide events.",
    )
    late_cuts: float = Field(
        0.65,
        gt=0,
        description="Histories are cut at uniform ** late_cuts; below 1: rather late.",
    )
    early_cuts: float | None = Field(
        None, ge=0, lt=1, description="Share of users whose history is cut among its first events."
    )
    target_decay: float = Field(3.0, gt=0, description="Decay of a target's weight, in events ...")
    target_reach: float = Field(0.1, ge=0, description="... plus this share of the history.")
    max_targets: int = Field(100, ge=1, description="Targets per user and step, at most.")
    later_share: float = Field(
        0.15, ge=0, lt=1, description="Share of users trained on what comes later, not next."
    )
    user_weight: float | None = Field(
        None, ge=0, le=1, description="A user weighs (sum of target weights) ** user_weight."
    )
    sampling: Literal["auto", "full", "sampled"] = Field(
        "auto", description="Items per step: all, or a sample; auto: all of up to 20,000."
    )
    negatives: int = Field(2048, ge=1, description="Items drawn per step, where sampled.")
    fanout: int = Field(256, ge=1, description="Neighbours read of a node, where sampled.")
    step_events: int = Field(32_768, ge=1, description="Events per step at most, where sampled.")
    valid_every: int = Field(5, ge=1, description="Epochs between validations.")
    patience: int = Field(6, ge=1, description="Validations without a gain before stopping.")
    valid_share: float = Field(
        0.1, gt=0, lt=0.5, description="Held out to choose the epoch where no split is given."
    )
    refit: bool = Field(
        True, description="Train again on everything after choosing by rows that fit held out."
    )
    balancing: Literal[
        "none", "fixed", "uncertainty", "gradnorm", "pcgrad", "cagrad", "jacobian"
    ] = Field(
        "none",
        description="How scenarios' losses L_k make one step; none: every example counts alike.",
    )
    scenario_weights: dict[str, Share] = Field(
        {}, description="λ_k of a scenario's loss, 1 where none is given; not with 'none'."
    )
    scenario_balance: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Users of scenario k are drawn as often as (its users) ** this; 1: all once.",
    )
    scenario_dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of examples that are asked without their scenario."
    )
    scenario_candidates: Literal["auto", "all", "own"] = Field(
        "auto",
        description="Items that a scenario's examples choose among: all, or those with training "
        "rows in it; auto: own where scenarios share less than half of their items.",
    )
    losses: dict[str, Literal["softmax", "bce", "kl"]] = Field(
        {}, description="A scenario's own loss; softmax where none is given, kl needs a teacher."
    )
    teacher: str | None = Field(
        None, description="Folder of the saved recommender whose scores 'kl' learns from."
    )
    logit_adjustment: float = Field(
        0.0, ge=0, description="τ: times the log of the items' prior, added to training's logits."
    )
    text_attack: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Train on items' text vectors moved this far against the model, too; 0: don't.",
    )
    popularity_weight: float = Field(
        0.0, ge=0, le=1, description="A target weighs (its item's events) ** -this."
    )
    own_epochs: int = Field(
        0,
        ge=0,
        description="Epochs on each scenario's own rows after joint training, all else frozen; "
        "kept where the scenario's validation gains.",
    )
    meta_epochs: int = Field(
        0,
        ge=0,
        description="Epochs in which every scenario plays the newcomer once, so that adapt() "
        "knows where to start and how far to step; 0: it goes by the others' spread.",
    )
    stop_by_scenario: bool = Field(
        False, description="A scenario's own rows are those of its own best validation."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> TrainingConfig:
        if self.scenario_weights and self.balancing == "none":
            raise ValueError("scenario_weights say nothing without balancing; set it to 'fixed'.")
        if self.balancing != "none" and self.accumulation > 1:
            raise ValueError("balancing needs whole steps; set accumulation to 1.")
        if self.text_attack and (self.balancing != "none" or self.accumulation > 1):
            raise ValueError("text_attack needs whole, unbalanced steps; leave the others out.")
        if "kl" in self.losses.values() and self.teacher is None:
            raise ValueError("a 'kl' loss learns from a teacher; name its folder in teacher.")
        return self


class RecommenderConfig(_Settings):
    """All settings of a Recommender."""

    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    text: TextConfig = TextConfig()
    ratings: RatingConfig = RatingConfig()
    scenarios: ScenarioConfig = ScenarioConfig()
