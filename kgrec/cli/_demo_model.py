"""The model that ``kgrec serve --demo`` serves: MovieLens-100K, fitted at the first start."""

from __future__ import annotations

import shutil
from pathlib import Path

from kgrec.cli._progress import say


def demo_model() -> Path:
    """The folder of the model, in the user's cache; it is fitted where it isn't there yet, or was
    made by another version of kgrec.

    In closed form and without the language model, which takes seconds. Raises KgrecError.
    """
    import kgrec
    from kgrec.errors import ModelError
    from kgrec.persistence.model_folder import read_manifest
    from loaders.public_sets.wheels import cache_root

    folder = cache_root() / f"demo-{kgrec.__version__}" / "model"
    try:
        read_manifest(folder)
    except ModelError:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir(parents=True)
        _fit(folder)
    return folder


def _fit(folder: Path) -> None:
    import loaders
    from kgrec import FeedbackConfig, ModelConfig, Recommender, RecommenderConfig

    say("fetching MovieLens-100K")
    catalog = loaders.load(loaders.fetch("ml-100k")).catalog
    say("fitting a model, once")
    feedback = FeedbackConfig(like=4, ratings={"<=2": -1, "3": 0.5})
    config = RecommenderConfig(feedback=feedback, model=ModelConfig(use_text=False))
    Recommender(config).fit(catalog, effort="quick", seed=0).save(folder)
