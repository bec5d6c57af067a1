"""Why a model is as it is: what its fit chose, on what evidence, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from kgrec.fitting.evidence.decision import Decision, Subject
from kgrec.persistence.model_folder import read_decisions
from kgrec.recommender import Recommender

NOT_KEPT: Final = (
    "This model was fitted before evidence was kept; train it again to see what was compared."
)
_WEIGHTS_OFF: Final = "model.use_item_weights = false leaves the weights out"
# Each decision in words, and the setting that decides it.
_WORDS: Final[dict[Subject, tuple[str, str]]] = {
    "privacy": ("settings of a private model", "fit without [privacy]"),
    "feedback": ("what events say", "feedback.events, feedback.like, feedback.ratings"),
    "ratings": ("weights of ratings", "feedback.ratings"),
    "tuning": ("settings of the search", "--tune with more trials, or set them"),
    "plan": ("plan of the training", "training.examples, training.epochs, model.embedding_size, …"),
    "head": ("scenario head", "model.head; --effort thorough compares heads"),
    "layers": ("graph layers", "model.kg_layers; --effort thorough compares 1 and 2"),
    "examples": ("training examples", "training.examples"),
    "epoch": ("epoch", "training.epochs, training.patience"),
    "texts": ("texts in the network", "model.use_text"),
    "vectors": ("vectors of items", "--effort normal, which trains vectors"),
    "pooling": ("vectors of a history", "--effort normal, which trains vectors"),
    "pooling_later": ("the same, for what comes later", "--effort normal, which trains vectors"),
    "weights": ("item–item weights", "model.use_item_weights"),
    "weights_graph": ("the graph in the weights", _WEIGHTS_OFF),
    "weights_words": ("words of texts in the weights", "model.use_text = false reads none"),
    "weights_ridge": ("ridge of the weights", _WEIGHTS_OFF),
    "weights_strength": ("strength of the weights", _WEIGHTS_OFF),
    "weights_decay": ("recent events in the weights", _WEIGHTS_OFF),
    "weights_decay_later": ("the same, for what comes later", _WEIGHTS_OFF),
    "weights_by_scenario": ("weights of single scenarios", _WEIGHTS_OFF),
    "neighbours": ("items that an item is regressed on", "follows from the number of items"),
    "popularity": ("popularity of items", "follows from validation rows"),
    "context": ("weights of circumstances", "context.columns"),
    "repeats": ("weights of repeats", "context.repeats"),
    "refit": ("second training on all rows", "training.refit"),
}


@dataclass(frozen=True)
class Choice:
    """One decision in words: what was decided, what was chosen, on what evidence, and the setting
    that would change it."""

    subject: str
    decision: str
    chosen: str
    evidence: str
    change: str


@dataclass(frozen=True)
class ModelChoices:
    """What the fit of a model chose.

    Attributes
    ----------
    choices : tuple of Choice
        One for each decision; empty where none was kept.
    kept : bool
        Whether evidence was kept when the model was fitted.
    """

    choices: tuple[Choice, ...]
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.kept:
            return NOT_KEPT
        if not self.choices:
            return "Nothing was compared: the settings were given."
        lines = []
        for one in self.choices:
            lines += [
                f"{one.decision}: {one.chosen}",
                f"  why: {one.evidence}",
                f"  to change it: {one.change}",
            ]
        return "\n".join(lines)


def why_model(model: Recommender | Path | str) -> ModelChoices:
    """What the fit of a model chose, on what evidence, and what would change it.

    Parameters
    ----------
    model : Recommender or path
        A fitted recommender, or the folder of a saved one, of which nothing else is read.

    Returns
    -------
    ModelChoices
        Its text has a paragraph for each decision.

    Raises
    ------
    NotFittedError
        For a recommender that was not fitted.
    ModelError
        For a folder that can't be read.
    """
    if isinstance(model, Recommender):
        return choices_of(model.state.decisions)
    return choices_of(read_decisions(Path(model)))


def choices_of(decisions: Sequence[Decision] | None) -> ModelChoices:
    """Decisions in words; None: none were kept."""
    if decisions is None:
        return ModelChoices((), kept=False)
    found = [
        Choice(one.subject, _WORDS[one.subject][0], one.chosen, _evidence(one), _change(one))
        for one in decisions
    ]
    return ModelChoices(tuple(found), kept=True)


def _evidence(decision: Decision) -> str:
    """The figures, or the reason where nothing was compared."""
    parts = [_figures(decision)]
    if decision.reason == "data":
        parts.append("a rule that reads the data")
    elif decision.reason == "few":
        parts.append("too few validation rows to compare, so the first option")
    elif decision.reason == "set":
        parts.append("the settings say so")
    return "; ".join(part for part in (*parts, decision.note) if part)


def _figures(decision: Decision) -> str:
    taken, rival = decision.taken, decision.rival
    if taken is None or rival is None:
        return ""
    said = f"NDCG@10 {_number(taken.ndcg)} against {_number(rival.ndcg)} ({rival.name})"
    if decision.queries:
        said += f" over {decision.queries:,} validation queries"
    if decision.within_chance is not None:
        said += ", within chance" if decision.within_chance else ", beyond chance"
    return said


def _change(decision: Decision) -> str:
    setting = _WORDS[decision.subject][1]
    rival = decision.rival
    return setting if rival is None else f"{setting}; or validation rows on which another is better"


def _number(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
