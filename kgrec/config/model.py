"""Settings of the model, its training and the text encoder; unknown fields are refused.

``fit`` chooses a field that is None from the data (see ``kgrec.training.plan``).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from graph_schema.settings import Settings
from kgrec.config.context import ContextConfig
from kgrec.config.explain import ExplainConfig
from kgrec.config.feedback import FeedbackConfig
from kgrec.config.heads import Head
from kgrec.config.privacy import PrivacyConfig
from kgrec.config.ratings import RatingConfig
from kgrec.config.scenarios import ScenarioConfig

Ranking: TypeAlias = Literal["auto", "exact", "clusters"]


class TextConfig(Settings):
    """The language model for titles, descriptions, reviews and queries."""

    model: str = Field("default", description="'default', a local folder, or a hub name.")
    precision: Literal["auto", "fp32", "openvino", "bf16", "int8"] = Field(
        "auto",
        description="'auto', 'fp32' or 'bf16'; with the extra also 'openvino' (fp32) or 'int8'.",
    )
    max_length: int = Field(256, ge=8, description="Tokens per chunk; longer texts are chunked.")
    cache_dir: str | None = Field(None, description="Embedding cache; None: the user's cache dir.")
    robust_reviews: bool = Field(
        False,
        description="Pool an item's reviews by their geometric median, equal ones once, instead of "
        "their mean or attention: then a few hostile reviews have little effect.",
    )


class ModelConfig(Settings):
    """The hybrid model: the parts of item and user vectors."""

    embedding_size: int | None = Field(None, ge=2, description="Width d of every vector.")
    use_ids: bool = Field(True, description="Learn a vector per item with training interactions.")
    use_knowledge: bool = Field(True, description="Encode the knowledge-graph neighbourhood.")
    use_text: bool = Field(True, description="Encode texts with the language model.")
    use_attention: bool = Field(
        False, description="Pool an item's reviews by attention over their text, age and rating."
    )
    use_item_weights: bool = Field(
        True, description="Add item–item weights to the scores where they improve validation."
    )
    use_attributes: bool = Field(True, description="Use item and user attribute columns.")
    blind_to: tuple[str, ...] = Field(
        (),
        description="Attributes of users that no score reads, such as gender; rules, conditions "
        "and reports of fairness may still read them.",
    )
    use_vectors: bool = Field(
        True, description="Use vectors of the user's own (image, audio) where items have some."
    )
    kg_layers: int | None = Field(
        None,
        ge=1,
        le=3,
        description="Message-passing layers L; None: 1, and effort thorough compares 1 and 2.",
    )
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
        None, ge=0, description="The history of n events has the factor n / (n + shrinkage)."
    )
    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout on fused item vectors.")
    id_dropout: float = Field(0.1, ge=0, lt=1, description="Share of items trained without an id.")
    head: Head = Field(
        "auto",
        description="Scenario head; auto: adapter where there are two scenarios or more; effort "
        "thorough compares it with others. Without scenarios always none.",
    )
    use_fusion: bool = Field(
        True, description="Fuse a head's vectors with the shared ones by a learned gate."
    )


Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]  # a λ_k


Effort = Literal["quick", "normal", "thorough"]


class TrainingConfig(Settings):
    """Training of the model."""

    effort: Effort = Field(
        "normal",
        description="quick: a model in closed form, in seconds; normal: trained; thorough: trained "
        "longer and compared with more.",
    )
    epochs: int | None = Field(None, ge=1, description="Greatest number of passes over the users.")
    batch_size: int | None = Field(None, ge=1, description="Users per step.")
    accumulation: int = Field(
        1, ge=1, description="Parts in which a step over all items is computed, to save memory."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Number format of a step's products; bf16: mixed precision, if the device has "
        "it. Weights, gradients and scores are fp32.",
    )
    learning_rate: float | None = Field(None, gt=0, description="Peak of the one-cycle schedule.")
    reg: float = Field(0.0, ge=0, description="Weight decay (decoupled).")
    user_reg: float = Field(
        20.0, ge=0, description="Weight decay of the vectors of user attributes."
    )
    averaging: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="Decay per step of the weights' moving average, which is then used; 0: none.",
    )
    history_dropout: float | None = Field(
        None, ge=0, lt=1, description="Share of a history's events that are hidden."
    )
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
    target_decay: float = Field(
        3.0,
        gt=0,
        description="Decay of a target's weight with its distance from the cut, in events.",
    )
    target_reach: float = Field(
        0.1, ge=0, description="Share of the history's length that is added to target_decay."
    )
    max_targets: int = Field(100, ge=1, description="Greatest number of targets per user and step.")
    later_share: float = Field(
        0.15, ge=0, lt=1, description="Share of users whose targets lie further in the future."
    )
    user_weight: float | None = Field(
        None,
        ge=0,
        le=1,
        description="A user's weight is (sum of its target weights) ** user_weight.",
    )
    user_cap: float | None = Field(
        500.0,
        ge=1,
        allow_inf_nan=False,
        description="A user counts as at most so many events, in the item–item weights and as "
        "hidden events of an example; longer histories are scaled down. None: no limit.",
    )
    sampling: Literal["auto", "full", "sampled"] = Field(
        "auto", description="Items per step: all, or a sample; auto: all of up to 20,000."
    )
    negatives: int = Field(
        2048, ge=1, description="Items sampled per step, where steps are sampled."
    )
    fanout: int = Field(256, ge=1, description="Neighbours read per node, where steps are sampled.")
    step_events: int = Field(
        32_768, ge=1, description="Greatest number of events per step, where steps are sampled."
    )
    valid_every: int = Field(5, ge=1, description="Epochs between validations.")
    patience: int | None = Field(
        None, ge=1, description="Validations without improvement before training stops."
    )
    valid_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share held out to choose the epoch where no split is given."
    )
    refit: bool = Field(
        True,
        description="Train again on all rows after choosing the epoch by rows that fit held out.",
    )
    balancing: Literal[
        "none", "fixed", "uncertainty", "gradnorm", "pcgrad", "cagrad", "jacobian"
    ] = Field(
        "none",
        description="How scenarios' losses L_k are combined; none: every example counts equally.",
    )
    scenario_weights: dict[str, Share] = Field(
        {}, description="λ_k of a scenario's loss, 1 where none is given; needs balancing."
    )
    scenario_balance: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Users of scenario k are drawn ∝ (their number) ** this; 1: each once.",
    )
    scenario_dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of examples trained without their scenario."
    )
    scenario_candidates: Literal["auto", "all", "own"] = Field(
        "auto",
        description="Candidates of a scenario's examples: all items, or those with training "
        "rows in it; auto: own where scenarios share less than half of their items.",
    )
    losses: dict[str, Literal["softmax", "bce", "kl"]] = Field(
        {}, description="A scenario's own loss; softmax where none is given, kl needs a teacher."
    )
    teacher: str | None = Field(
        None, description="Folder of the saved recommender that 'kl' losses learn from."
    )
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        description="τ: this times the log of the items' prior is added to the logits in training.",
    )
    text_attack: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Train also on text vectors moved this far to raise the loss; 0: off.",
    )
    popularity_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="A target's weight is multiplied by (its item's events) ** -this.",
    )
    own_epochs: int = Field(
        0,
        ge=0,
        description="Epochs of fine-tuning each scenario's parameters after joint training, all "
        "others frozen; kept where the scenario's validation improves.",
    )
    meta_epochs: int = Field(
        0,
        ge=0,
        description="Epochs of meta-training, which learns initial values and step sizes for "
        "adapt(); 0: they follow from the mean and variance of the other scenarios.",
    )
    stop_by_scenario: bool = Field(
        False, description="Keep each scenario's parameters from its own best validation."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> TrainingConfig:
        if self.scenario_weights and self.balancing == "none":
            raise ValueError(
                "scenario_weights have no effect without balancing; set it to 'fixed'."
            )
        if self.balancing != "none" and self.accumulation > 1:
            raise ValueError("balancing needs whole steps; set accumulation to 1.")
        if self.text_attack and (self.balancing != "none" or self.accumulation > 1):
            raise ValueError("text_attack needs whole, unbalanced steps; leave the others out.")
        if "kl" in self.losses.values() and self.teacher is None:
            raise ValueError("a 'kl' loss learns from a teacher; name its folder in teacher.")
        return self


class RecommenderConfig(Settings):
    """All settings of a Recommender."""

    model: ModelConfig = Field(ModelConfig(), description="The model.")
    training: TrainingConfig = Field(TrainingConfig(), description="Its training.")
    text: TextConfig = Field(TextConfig(), description="The language model.")
    ratings: RatingConfig = Field(RatingConfig(), description="The rating model.")
    context: ContextConfig = Field(
        ContextConfig(), description="Circumstances of requests, and repeats."
    )
    scenarios: ScenarioConfig = Field(ScenarioConfig(), description="Sources of scenarios.")
    feedback: FeedbackConfig = Field(
        FeedbackConfig(), description="What kinds of events and ratings say."
    )
    explain: ExplainConfig = Field(
        ExplainConfig(), description="What explanations say about other people."
    )
    privacy: PrivacyConfig | None = Field(
        None, description="Differential privacy for users; None: without."
    )
    ranking: Ranking = Field(
        "auto",
        description="Items that a list is chosen from: 'exact' scores all; 'clusters' scores those "
        "found in the nearest clusters of items, and needs the extra ann; auto: clusters above "
        "100,000 items, where the extra is installed.",
    )

    @model_validator(mode="after")
    def _blind(self) -> RecommenderConfig:
        rule = self.scenarios.rule
        read = [("context.columns", name) for name in self.context.read]
        if rule is not None and rule.of_user:
            read.append(("scenarios.rule", rule.attribute))
        for setting, name in read:
            if name in self.model.blind_to:
                raise ValueError(
                    f"model.blind_to names {name!r}, and {setting} reads it; leave it out of one."
                )
        return self

    def with_full_paths(self) -> RecommenderConfig:
        """The settings with absolute paths of the language model's folder, the text cache and the
        teacher, so that they hold in every working folder."""
        text, training = self.text, self.training
        changed = {
            name: _full(value)
            for name, value in (("model", text.model), ("cache_dir", text.cache_dir))
            if value is not None and (name != "model" or _is_folder(value))
        }
        if training.teacher is not None:
            training = training.model_copy(update={"teacher": _full(training.teacher)})
        return self.model_copy(
            update={"text": text.model_copy(update=changed), "training": training}
        )


def _is_folder(model: str) -> bool:
    """Whether a language model is named by its folder."""
    return model != "default" and Path(model).expanduser().is_dir()


def _full(path: str) -> str:
    return os.path.abspath(Path(path).expanduser())
