"""Settings of fine-tuning a language model on a catalog's own texts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from graph_schema.settings import Settings

Method = Literal["lora", "adalora", "prefix", "ia3", "full"]
Objective = Literal["mlm", "contrastive", "recommend"]
PairKind = Literal["query", "review", "history"]
Change = Literal["delete", "mask", "substitute"]

LEARNING_RATES: dict[Method, float] = {
    "lora": 5e-4,
    "adalora": 2e-3,
    "prefix": 5e-3,
    "ia3": 5e-3,
    "full": 5e-5,
}


class TextTuning(Settings):
    """Settings of ``tune_text``: the trained parameters, objectives, texts and steps."""

    method: Method = Field(
        "lora",
        description="lora (Hu et al. 2022), adalora (Zhang et al. 2023), prefix (Li and Liang "
        "2021), ia3 (Liu et al. 2022), or full: every weight.",
    )
    rank: int = Field(8, ge=1, description="Rank of lora's and adalora's matrices.")
    scale: float = Field(
        2.0, gt=0, description="Factor of lora's and adalora's change (alpha / rank)."
    )
    dropout: float = Field(0.05, ge=0, lt=1, description="Dropout before lora's matrices.")
    prefix_tokens: int = Field(
        16, ge=1, description="Number of keys and values that prefix adds to each layer."
    )
    freeze: Literal["none", "embeddings", "gradual", "all"] = Field(
        "none",
        description="embeddings: they are not trained; gradual: the last layer first, then one "
        "part more at a time (Howard and Ruder 2018); all: only a prediction head is trained.",
    )
    frozen_layers: int = Field(0, ge=0, description="Number of first layers that are not trained.")
    objectives: tuple[Objective, ...] = Field(
        ("contrastive",),
        min_length=1,
        description="In this order. mlm: predict hidden words (Devlin et al. 2019); contrastive: "
        "separate the pairs of a batch (InfoNCE, van den Oord et al. 2018); recommend: the loss "
        "of a recommender on these texts, backpropagated (Gao et al. 2021).",
    )
    pairs: tuple[PairKind, ...] = Field(
        ("query", "review", "history"),
        min_length=1,
        description="Pairs of the contrastive objective: (query, clicked item), (review, item), "
        "(texts of a history, next item). Kinds that the data lacks are skipped.",
    )
    epochs: int = Field(3, ge=1, description="Most passes over the texts of one objective.")
    steps: int | None = Field(None, ge=1, description="Most steps of an epoch; None: all.")
    batch_size: int = Field(32, ge=2, description="Texts or pairs of one batch.")
    accumulation: int = Field(
        1, ge=1, description="Batches of one step; negatives come from the same batch."
    )
    learning_rate: float | None = Field(
        None, gt=0, description="Peak learning rate; None: that of the method."
    )
    warmup: float = Field(0.1, ge=0, le=1, description="Share of the steps before the peak.")
    reg: float = Field(0.01, ge=0, description="Weight decay (decoupled).")
    temperature: float = Field(
        0.05, gt=0, description="Temperature of the contrastive softmax on cosines."
    )
    masked: float = Field(0.15, gt=0, lt=1, description="Share of tokens that mlm hides.")
    max_length: int = Field(96, ge=8, description="Tokens of one text in training.")
    history_events: int = Field(
        3, ge=1, description="Number of latest events whose texts form a history."
    )
    valid_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of the items whose texts are the validation set for early stopping.",
    )
    patience: int = Field(
        1, ge=1, description="Epochs without a lower validation loss before stopping."
    )
    mixed_precision: Literal["auto", "off"] = Field(
        "auto", description="auto: bfloat16 where the device supports it natively."
    )
    augment: tuple[Change, ...] = Field(
        (),
        description="Augmentation of a pair's first text: delete words, mask spans, substitute "
        "words by the model's own predictions (after the objective mlm).",
    )
    augment_share: float = Field(0.1, gt=0, lt=1, description="Share of the words changed.")
    backfill: bool = Field(False, description="Describe items without text by their facts.")
    template: str | None = Field(
        None,
        description="Text of an item with few words, such as `{title}[ is a {category}]"
        "[ by {brand}]`; a part in brackets is left out where a field is missing.",
    )
    short: int = Field(3, ge=1, description="Texts with fewer words are replaced by the template.")

    @model_validator(mode="after")
    def _fits_together(self) -> TextTuning:
        if self.freeze == "all" and set(self.objectives) != {"mlm"}:
            raise ValueError("freeze 'all' trains the head of mlm only; use objectives ('mlm',).")
        if self.method == "prefix" and (self.frozen_layers or self.freeze == "gradual"):
            raise ValueError(
                "a prefix is one table for all layers; set frozen_layers 0 and freeze 'none'."
            )
        if self.method == "adalora" and self.freeze == "gradual":
            raise ValueError("adalora allocates rank among all layers; don't use freeze 'gradual'.")
        if "substitute" in self.augment and self.objectives[0] != "mlm":
            raise ValueError("substitute needs the head of mlm; put mlm first in objectives.")
        return self

    @property
    def peak(self) -> float:
        """The learning rate at its peak."""
        return self.learning_rate or LEARNING_RATES[self.method]
