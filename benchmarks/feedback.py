"""Ratings as ratings, beside all of them as likes: ``python -m benchmarks.feedback DATA``.

Two models with the same rows, seed and candidates are asked the same question: which of the test
rows rated ``RELEVANT`` or more does a list of ten find? All rated rows are in the histories of
both, and none of a history's items is ranked. "today" counts every row alike; "feedback" has the
settings of ``SETTINGS``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from torch import Tensor

import loaders
from benchmarks.harness.datasets import data_folder, load_dataset
from benchmarks.harness.report import finish, interval, run
from benchmarks.scenario_data.few_shot import load_events
from graph_schema import Catalog
from graph_schema.errors import SourceError
from kgrec import Recommender, RecommenderConfig
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import EvaluationReport, evaluate_ranking, paired_bootstrap, random_split
from kgrec.graph.snapshot import Ints
from kgrec.graph.source import read_source
from kgrec.scoring.ranked_lists import score_request
from kgrec.scoring.scenario_codes import mask_other_items

RELEVANT: Final = 4.0
DRAWN_WITH: Final = 2026
TODAY, OURS = "today", "feedback"
PROTOCOLS: Final = {
    "ml-100k": "all 100,000 rows of MovieLens-100K, random 80/10/10 of each user's rows with seed "
    "2026; fit on train, chosen on valid; all items ranked",
    "ml-1m-kg": "split by time per user; fit on train, chosen on valid; all items ranked",
    "xmrec-markets": "per user and market the last row by date is test, the one before valid; fit "
    "on train, chosen on valid; all items of the market ranked",
}
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "ml-100k": {"like": RELEVANT},
    "ml-1m-kg": {"like": RELEVANT},
    "xmrec-markets": {"ratings": {"<=2": -1.0}},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit both models with every seed, rank, and report."""
    asked = _parser().parse_args(arguments)
    catalog = _LOADERS[asked.data]()
    settings = {TODAY: {}, OURS: SETTINGS[asked.data]}
    with tempfile.TemporaryDirectory(prefix="kgrec-feedback-") as scratch:
        found = {
            name: [_measured(catalog, given, seed, asked, Path(scratch)) for seed in asked.seeds]
            for name, given in settings.items()
        }
    _report(found, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feedback", description=__doc__)
    parser.add_argument("data", choices=tuple(PROTOCOLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--effort", choices=("quick", "normal"), default="normal")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _ml_100k() -> Catalog:
    """All rows of MovieLens-100K with its graph, each user's split at random. Raises SourceError
    where the wheel that has them can't be fetched."""
    whole = loaders.load(loaders.fetch("ml-100k-recbole")).catalog
    rows = read_source(whole, None)
    events, users, items = rows.interactions, rows.users.ids, rows.items.ids
    split = random_split(events, seed=DRAWN_WITH)
    frame = whole.interactions
    keys = list(zip(users[events.user], items[events.item], strict=True))
    of_pair = dict(zip(keys, split, strict=True))
    pairs = zip(frame["user_id"].astype(str), frame["item_id"].astype(str), strict=True)
    frame = frame.assign(split=[of_pair[pair] for pair in pairs])
    return Catalog.from_frames(**{**whole.tables, "interactions": frame})


def _ml_1m_kg() -> Catalog:
    return load_dataset("ml-1m-kg").catalog


def _xmrec() -> Catalog:
    if not (data_folder() / "xmrec-markets").is_dir():
        raise SourceError("xmrec-markets is not among the data. Cure: set KGREC_TEST_DATA.")
    catalog, events = load_events("xmrec-markets")
    return Catalog.from_frames(**{**catalog.tables, "interactions": events})


_LOADERS: Final[dict[str, Callable[[], Catalog]]] = {
    "ml-100k": _ml_100k,
    "ml-1m-kg": _ml_1m_kg,
    "xmrec-markets": _xmrec,
}


def _measured(
    catalog: Catalog,
    feedback: dict[str, Any],
    seed: int,
    asked: argparse.Namespace,
    texts: Path,
) -> dict[str, Any]:
    """Fit one model and rank."""
    config = RecommenderConfig.model_validate(
        {
            "feedback": feedback,
            "training": {"effort": asked.effort},
            "text": {"cache_dir": str(texts)},
        }
    )
    started = time.process_time()
    model = Recommender(config).fit(catalog, seed=seed, device=asked.device)
    seconds = time.process_time() - started
    liked, every = (_ranked(model, least) for least in (RELEVANT, -np.inf))
    return {
        "ndcg@10": liked["ndcg@10"],
        "recall@10": liked["recall@10"],
        "users": liked.per_user["ndcg@10"],
        "ndcg@10 of all rows": every["ndcg@10"],
        "processor_seconds": seconds,
        "chosen": model.state.config.feedback.model_dump(mode="json", exclude_defaults=True),
    }


def _ranked(model: Recommender, least: float) -> EvaluationReport:
    """All items ranked for users with a test row rated at least ``least``, validation rows in the
    history."""
    state = model.state
    engine, full = state.engine, state.full_snapshot
    rows, seen = full.interactions, state.snapshot.interactions
    held = rows.select(np.asarray(rows.split == "test") & (rows.rating >= least))

    def score(users: Ints) -> Tensor:
        request = state.resolver.of_users(users)
        scores = score_request(engine, request)
        return mask_other_items(scores, engine.scenario_items, request.histories.scenario)

    return evaluate_ranking(
        score,
        n_items=len(full.items),
        targets=pairs_to_csr(held.user, held.item, len(full.users)),
        seen=pairs_to_csr(seen.user, seen.item, len(full.users)),
        ks=(10,),
        keep_users=True,
    )


def _report(found: dict[str, list[dict[str, Any]]], asked: argparse.Namespace) -> None:
    users = {
        name: np.mean([one.pop("users") for one in runs], axis=0) for name, runs in found.items()
    }
    gain = paired_bootstrap(users[TODAY], users[OURS])
    means = {name: float(values.mean()) for name, values in users.items()}
    effort = "" if asked.effort == "normal" else f".{asked.effort}"
    finish(
        f"feedback-{asked.data}{effort}",
        {
            "data": asked.data,
            "protocol": f"{PROTOCOLS[asked.data]}; test rows rated {RELEVANT:g} or more are "
            "relevant, all rated rows are in the history; NDCG@10, mean over users",
            "settings": SETTINGS[asked.data],
            "effort": asked.effort,
            "seeds": asked.seeds,
            "kgrec": found,
            "gain": {
                **interval(gain),
                "users": gain.n_users,
                "relative": round(gain.mean / means[TODAY], 4),
            },
        },
        [{"model": name, "seed": seed, **_plain(one)} for name, runs in found.items()
         for seed, one in zip(asked.seeds, runs, strict=True)],
        asked.save,
    )  # fmt: skip


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name != "chosen"}


if __name__ == "__main__":
    run(main)
