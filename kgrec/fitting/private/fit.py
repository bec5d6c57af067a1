"""The private fit: a model in closed form whose only source on people is one noisy release.

Nothing is chosen on validation rows: settings are fixed rules. Item–item weights answer what comes
next, vectors what comes later. What a model reads beside them (texts, attributes, scenarios,
circumstances) is left out, or of public data alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.config import FeedbackConfig, ModelConfig, RecommenderConfig, TrainingConfig
from kgrec.config.feedback import AUTO
from kgrec.differential_privacy.choices import Choices, Release
from kgrec.differential_privacy.estimate import Estimate
from kgrec.differential_privacy.pair_prior import Similarities
from kgrec.differential_privacy.public import public_part
from kgrec.errors import TrainingError
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.feedback import EventWeights
from kgrec.feedback.weights import without_negative
from kgrec.fitting.fit import FitOptions, Fitted
from kgrec.fitting.item_weight_choice import DECAY, ItemWeightSettings
from kgrec.fitting.model_shape import model_shape
from kgrec.fitting.validation import has_valid_split
from kgrec.graph import GraphSnapshot
from kgrec.nn import HybridModel, ItemWeights, TimeScales
from kgrec.progress import Progress
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.engine import Engine
from kgrec.threads import decomposing
from kgrec.training import DataSummary, Plan, make_plan
from kgrec.training.data.item_words import item_words
from kgrec.training.item_weights import touches

MOST_ITEMS = 10_000  # of which the matrices take about 6 GB
_LATER_SCALE = 64.0  # in events: how fast a history's events count less for what comes later
_TEMPERATURE = 1e-3  # so that, for what comes later, vectors outweigh item–item weights
_POPULARITY = 1e-3  # of an item's popularity in its score: it orders lists without a history

_IDS_ALONE = ModelConfig(
    use_text=False, use_knowledge=False, use_attributes=False, use_vectors=False, head="none"
)


def fit_privately(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    encode: Callable[[GraphSnapshot], TextFeatures],
    options: FitOptions,
) -> Fitted:
    """A model whose dependence on people is (epsilon, delta)-differentially private.

    ``visible`` is the graph without test rows; rows marked "valid" count as histories alone. Raises
    TrainingError for settings of a fit that is not private, and for too many items.
    """
    check_private(config, visible, options)
    assert config.privacy is not None
    public = public_part(visible)
    train = visible.without_splits(("valid",)) if has_valid_split(visible) else visible
    liked = without_negative(EventWeights.of(_feedback(config)), train).interactions
    _say(options.progress, "counting what users chose together", 0)
    release = Release.of(Choices.of(liked, len(train.users), len(train.items)), config.privacy)
    _say(options.progress, "taking noise out", 1)
    with decomposing(1):  # by one thread: others change the last digits
        estimate = Estimate.of(release, similarities(public, config.model))
    plan = _plan(estimate.query.shape[1])
    engine = _engine(visible, public, encode(public), estimate, plan, config, options.device)
    _say(options.progress, "done", 2)
    return Fitted(engine, plan, [], ItemWeightSettings(graph=1.0, strength=1.0))


def check_private(config: RecommenderConfig, visible: GraphSnapshot, options: FitOptions) -> None:
    """Raise TrainingError for what a private fit can't do."""
    if config.training.effort != "quick":
        raise TrainingError(
            f"effort {config.training.effort!r} trains on every user's events, which privacy does "
            "not allow; fit with effort='quick'."
        )
    for wrong, what in (
        (config.ratings.enabled, "a rating model (ratings.enabled)"),
        (bool(config.context.columns), "circumstances (context.columns)"),
        (config.scenarios.rule is not None, "scenarios (scenarios.rule)"),
        (config.ranking == "clusters", "clusters of items (ranking='clusters')"),
        (options.teacher is not None, "a teacher (training.teacher)"),
    ):
        if wrong:
            raise TrainingError(
                f"{what} would be learned from people's rows without noise; leave it out, or fit "
                "without privacy."
            )
    if not len(visible.interactions):
        raise TrainingError("there is no interaction to train on; load some, or check 'split'.")
    if len(visible.items) > MOST_ITEMS:
        raise TrainingError(
            f"{len(visible.items):,} items: a private fit takes at most {MOST_ITEMS:,}. Keep the "
            "items that matter, or fit without privacy."
        )


def similarities(public: GraphSnapshot, settings: ModelConfig) -> Similarities:
    """Cosines of items by facts, by the words of their texts and by attributes; zero where the
    ``settings`` leave a kind out."""
    n_items, columns = len(public.items), public.items.attributes
    facts = touches(public) if settings.use_knowledge else []
    words = [item_words(public)] if settings.use_text else []
    tokens = [AttributeTokens.build(columns).matrix(columns).T] if settings.use_attributes else []
    return Similarities(*(_cosines(rows, n_items) for rows in (facts, words, tokens)))


def _cosines(rows: Sequence[sp.csr_matrix], n_items: int) -> np.ndarray:
    """float32 ``[n, n]``: cosines of the columns of matrices ``[·, n]``, one above the other; zero
    on the diagonal."""
    total = np.zeros((n_items, n_items), dtype=np.float32)
    for matrix in rows:
        total += (matrix.T @ matrix).toarray()
    length = np.sqrt(np.maximum(np.diagonal(total), 1e-12))
    total /= np.outer(length, length)
    np.fill_diagonal(total, 0.0)
    return total


def _feedback(config: RecommenderConfig) -> FeedbackConfig:
    """The weights of events as they are set; nothing is read off the events."""
    feedback = config.feedback
    return feedback.model_copy(update={"like": None}) if feedback.like == AUTO else feedback


def _plan(size: int) -> Plan:
    """The plan of a model with vectors of ``size`` columns; it depends on no person's rows."""
    plan = make_plan(ModelConfig(), TrainingConfig(), DataSummary(True, 0, 0))
    return replace(
        plan,
        embedding_size=size,
        scales=TimeScales((_LATER_SCALE,)),
        temperature=_TEMPERATURE,
        dropout=0.0,
        shrinkage=0.0,
    )


def _engine(
    visible: GraphSnapshot,
    public: GraphSnapshot,
    texts: TextFeatures,
    estimate: Estimate,
    plan: Plan,
    config: RecommenderConfig,
    device: torch.device,
) -> Engine:
    """The engine over ``visible``, with the estimate as its parameters and all items known."""
    vocabulary = replace(build_vocabulary(public), items=public.items.ids)
    tables = build_tables(public, vocabulary, {}, texts.events)
    settings = RecommenderConfig(
        model=_IDS_ALONE,
        training=TrainingConfig(effort="quick"),
        feedback=_feedback(config),
        privacy=config.privacy,
    )
    shape = model_shape(settings, plan, public, vocabulary, tables, texts)
    with torch.random.fork_rng(devices=[]):
        model = HybridModel(vocabulary, shape).to(device)
    _fill(model, estimate)
    bound = BoundModel(model.eval(), vocabulary, visible, texts, device)
    return Engine.bind(bound, ItemWeights(sp.csr_matrix(estimate.weights), DECAY))


def _fill(model: HybridModel, estimate: Estimate) -> None:
    """Set all parameters: what comes next is left to the item–item weights."""
    bias = _POPULARITY * np.log1p(estimate.popularity)
    values = {
        "features.query_id": estimate.query,
        "features.candidate_id": estimate.candidate,
        "item_bias": bias.astype(np.float32),
    }
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.pool_gate[1] = 1.0  # of what comes later
        for name, value in values.items():
            model.get_parameter(name).copy_(torch.from_numpy(value))


def _say(progress: Progress | None, what: str, done: int) -> None:
    if progress is not None:
        progress(f"private fit: {what}", done, 2)
