"""``python -m benchmarks.text robustness``: typing errors and hostile reviews, with each defence.

Musical_Instruments, ranked by its reviews. Models are trained on the true reviews. Then all reviews
are mistyped, or items drawn at random get reviews that are to push them up, as ``update`` takes
them: nothing is trained again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.texts.noise import ATTACKS, hostile, mistyped
from benchmarks.texts.review_rows import MUSIC, PROTOCOL, review_catalog
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.config import TextConfig, TrainingConfig
from kgrec.evaluation import compare_reports
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.graph.source import read_source

_NAME: Final = "text-robustness"
_DRAWN_WITH: Final = 2026
_TARGETS: Final = 30  # items that are attacked, of those in the less popular half
_FAKES: Final = 5  # reviews for each
_SHARE: Final = 0.2  # of words mistyped
_K: Final = 10
_MODELS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "robust_reviews": {"text": {"robust_reviews": True}},
    "text_attack": {"training": {"text_attack": 0.3}},
    "both": {"text": {"robust_reviews": True}, "training": {"text_attack": 0.3}},
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text robustness", description=__doc__
    )
    parser.add_argument("--models", default=",".join(_MODELS), help="which of them")
    parser.add_argument("--max-length", type=int, default=64, help="tokens of a chunk")
    parser.add_argument("--epochs", type=int, help="of training, at most")
    parser.add_argument("--texts", help="folder of the cache of text vectors")
    parser.add_argument("--save", action="store_true", help="keep the result")
    asked = parser.parse_args(arguments)
    trial = Trial.draw(read_source(review_catalog(), None))
    rows: list[dict[str, Any]] = []
    for name in asked.models.split(","):
        changed = _MODELS[name]
        text = {"max_length": asked.max_length, "cache_dir": asked.texts}
        config = RecommenderConfig(
            text=TextConfig(**text, **changed.get("text", {})),
            training=TrainingConfig(epochs=asked.epochs, **changed.get("training", {})),
        )
        rows += [{"model": name, **row} for row in trial.measure(config)]
    result = {
        "data": f"{MUSIC}_5",
        "protocol": f"{PROTOCOL}; {_TARGETS} items of the less popular half (default_rng"
        f"({_DRAWN_WITH})) get {_FAKES} reviews each; {_SHARE:.0%} of words mistyped",
        "kgrec": {f"{row['model']} {row['texts']}": _figures(row) for row in rows},
    }
    report.finish(_NAME, result, rows, asked.save)


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("model", "texts")}


@dataclass(frozen=True, eq=False)
class Trial:
    """``whole`` is the data; ``targets`` int64 rows of the items that are attacked, and ``known``
    reviews of popular items, as attackers copy them."""

    whole: GraphSnapshot
    targets: Ints
    known: list[str]

    @staticmethod
    def draw(whole: GraphSnapshot) -> Trial:
        train = whole.restricted(("train",))
        counts = np.bincount(train.interactions.item, minlength=len(whole.items))
        order = np.argsort(-counts, kind="stable")
        rare = order[len(order) // 2 :]
        targets = np.random.default_rng(_DRAWN_WITH).choice(rare, _TARGETS, replace=False)
        liked = np.isin(train.reviews.item, order[:20])
        return Trial(whole, np.sort(targets), [str(text) for text in train.reviews.text[liked]])

    def measure(self, config: RecommenderConfig) -> list[dict[str, Any]]:
        """One row without, one with typing errors, one for each attack."""
        model = Recommender(config).fit(self.whole)
        clean, places = model.evaluate(keep_users=True), self.places(model)
        rows = [_row("as written", clean.metrics, places, None, places)]
        with TemporaryDirectory(prefix="kgrec-") as folder:
            model.save(Path(folder) / "model")
            for name, news in self.news().items():
                other = Recommender.load(Path(folder) / "model").update(news)
                found = other.evaluate(keep_users=True)
                change = str(compare_reports(clean, found, f"ndcg@{_K}"))
                rows.append(_row(name, found.metrics, self.places(other), change, places))
        return rows

    def news(self) -> dict[str, Catalog]:
        """What is written, by kind."""
        rng = np.random.default_rng(_DRAWN_WITH)
        reviews = self.whole.reviews
        typed = replace(
            reviews, text=np.array(mistyped(list(map(str, reviews.text)), _SHARE, rng), object)
        )
        found = {"typing errors": Catalog.from_frames(reviews=self._frame(typed))}
        ids = self.whole.items.ids[self.targets]
        for kind in ATTACKS:
            text = [text for _ in ids for text in hostile(kind, _FAKES, self.known, rng)]
            frame = pd.DataFrame({"item_id": np.repeat(ids, _FAKES), "text": text})
            frame["user_id"] = [f"fake{n % _FAKES}" for n in range(len(frame))]
            found[kind] = Catalog.from_frames(reviews=frame)
        return found

    def _frame(self, reviews: Any) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "review_id": reviews.id,
                "user_id": self.whole.users.ids[reviews.user],
                "item_id": self.whole.items.ids[reviews.item],
                "text": reviews.text,
                "rating": reviews.rating,
                "timestamp": reviews.timestamp,
            }
        )

    def places(self, model: Recommender) -> np.ndarray:
        """int64 ``[users, targets]``: how many items are above each target for each user, the
        user's own items counting among them."""
        engine = model.state.engine
        users = engine.snapshot.users.rows(self.whole.users.ids)
        items = engine.snapshot.items.rows(self.whole.items.ids[self.targets])
        scores = engine.score(engine.stored(users)).cpu().numpy()
        return np.stack([(scores > scores[:, [item]]).sum(axis=1) for item in items], axis=1)


def _row(
    texts: str,
    metrics: Any,
    places: np.ndarray,
    change: str | None,
    before: np.ndarray,
) -> dict[str, Any]:
    return {
        "texts": texts,
        f"ndcg@{_K}": round(float(metrics[f"ndcg@{_K}"]), 5),
        "change": change,
        "target_rank": round(float(places.mean()) + 1, 1),
        "places_gained": round(float((before - places).mean()), 1),
        f"target_in_top_{_K}": round(float((places < _K).mean()), 5),
    }
