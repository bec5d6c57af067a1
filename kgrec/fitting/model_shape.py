"""The shape of a model: its parts and sizes, from settings, plan and data."""

from __future__ import annotations

from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.features.blocks import wanted_parts
from kgrec.features.names import IDS, REVIEWS
from kgrec.features.scenario_features import feature_size
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.feedback import EventWeights
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.nn import HEADS, ModelShape
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training import Plan, own_items


def model_shape(
    config: RecommenderConfig,
    plan: Plan,
    train: GraphSnapshot,
    vocabulary: Vocabulary,
    tables: FeatureTables,
    texts: TextFeatures,
) -> ModelShape:
    """The parts of the model that the settings ask for and the data have, and their sizes.

    Raises TrainingError where no part is left.
    """
    wanted = config.model
    parts = wanted_parts(wanted, tables.rows)
    if not parts:
        raise TrainingError("every part of the model is switched off or has no data; enable one.")
    n_scenarios = len(vocabulary.scenarios)
    head: str = wanted.head
    if head == "auto":
        head = "adapter" if n_scenarios > 1 else "none"
    head = head if n_scenarios else "none"
    reads_features = HEADS[head].reads_scenario_features
    return ModelShape(
        embedding_size=plan.embedding_size,
        parts=parts,
        text_size=texts.size,
        kg_layers=wanted.kg_layers or 1,
        scales=plan.scales,
        temperature=plan.temperature,
        dropout=plan.dropout,
        id_dropout=wanted.id_dropout if len(parts) > 1 else 0.0,
        head=head,
        user_attributes=wanted.use_attributes and tables.user_tokens.nnz > 0,
        friends=tables.friends is not None,
        event_texts=wanted.use_text and len(texts.events) > 0,
        attention=REVIEWS in parts
        and wanted.use_attention
        and not (plan.sampled or config.text.robust_reviews),
        horizons=plan.temporal and config.training.later_share > 0,
        shrinkage=plan.shrinkage,
        fusion=wanted.use_fusion and head != "none",
        scenario_features=feature_size(texts.scenarios) if reads_features else 0,
        silent_parts=_silent(parts) if config.training.effort == "quick" else (),
        own_items=_scenarios_have_items(train, vocabulary, config),
        feedback=EventWeights.of(config.feedback),
        private=config.privacy is not None,
    )


def _silent(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The parts that a model in closed form does not read; items without ids have no other."""
    return tuple(part for part in parts if part != IDS) if IDS in parts else ()


def _scenarios_have_items(
    train: GraphSnapshot, vocabulary: Vocabulary, config: RecommenderConfig
) -> bool:
    """Whether each scenario chooses among its items alone; see ``own_items``."""
    found = own_items(
        train.interactions.item,
        scenario_codes(train.interactions.scenario, vocabulary),
        config.training.scenario_candidates,
        len(vocabulary.scenarios),
        len(train.items),
    )
    return found is not None
