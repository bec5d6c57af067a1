"""What an attack reaches, with nothing held and with the suspicious items held; false alarms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks.attacks.profiles import Attack, fake_events
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig, Rules
from kgrec.config import Effort
from kgrec.graph.snapshot import Floats
from kgrec.poisoning import hold_rule, influence, suspicious_items

K: Final = 50
_CUTS: Final = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the events, until which the data is replayed


def with_events(catalog: Catalog, events: pd.DataFrame) -> Catalog:
    """The catalog with other interactions, and without reviews and queries."""
    return Catalog.from_frames(
        items=catalog.items, entities=catalog.entities, interactions=events, facts=catalog.facts
    )


def fitted(catalog: Catalog, effort: Effort, seed: int, *, user_cap: float | None) -> Recommender:
    """A model without texts."""
    config = RecommenderConfig.model_validate(
        {"model": {"use_text": False}, "training": {"user_cap": user_cap}}
    )
    return Recommender(config).fit(catalog, effort=effort, seed=seed)


@dataclass(frozen=True, eq=False)
class People:
    """The real users: what they have seen, and the test items of each."""

    users: list[str]
    seen: pd.DataFrame
    test: dict[str, set[str]]

    @staticmethod
    def of(events: pd.DataFrame) -> People:
        seen, test = (events[(events["split"] == "test") == held] for held in (False, True))
        grouped = test.groupby("user_id")["item_id"]
        wanted = {str(user): set(items) for user, items in grouped}
        return People(sorted(seen["user_id"].unique()), seen, wanted)

    def lists(self, model: Recommender) -> pd.DataFrame:
        """The first 50 places of everybody."""
        return model.recommend(self.users, k=K)

    def hit_rate(self, lists: pd.DataFrame, target: str) -> float:
        """The share of the users without an event of the target who find it in their lists."""
        had = set(self.seen.loc[self.seen["item_id"] == target, "user_id"])
        found = set(lists.loc[lists["item_id"] == target, "user_id"])
        return len(found) / (len(self.users) - len(had))

    def ndcg(self, lists: pd.DataFrame) -> float:
        """NDCG@10 of the test rows, over users who have some."""
        place = lists.groupby("user_id", sort=False).cumcount().to_numpy()
        first = place < 10
        users, items = lists["user_id"][first], lists["item_id"][first]
        hit = [item in self.test.get(user, ()) for user, item in zip(users, items, strict=True)]
        gain = pd.Series(hit / np.log2(place[first] + 2)).groupby(users.to_numpy()).sum()
        discount = np.cumsum(1 / np.log2(np.arange(2, 12)))
        ideal = {user: discount[min(len(some), 10) - 1] for user, some in self.test.items()}
        return float(np.mean([gain.get(user, 0.0) / best for user, best in ideal.items()]))


def auc(scores: Floats, positive: np.ndarray) -> float:
    """The chance that a positive has a higher score than another, ties half."""
    rank, count = rankdata(scores), int(positive.sum())
    above = rank[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(scores) - count)))


def detection(
    report: pd.DataFrame, events: pd.DataFrame, target: str, fakes: set[str]
) -> dict[str, Any]:
    """How well a report finds the target among items, and the fakes among users by the most
    suspicious of their items."""
    statistic = dict(zip(report["item_id"], report["statistic"], strict=True))
    items = events["item_id"].unique()
    of_item = np.array([statistic.get(item, -np.inf) for item in items])
    by_user = events["item_id"].map(statistic).fillna(-np.inf).groupby(events["user_id"]).max()
    others = report[report["item_id"] != target]
    return {
        "auc_items": auc(of_item, items == target),
        "auc_users": auc(by_user.to_numpy(), by_user.index.isin(fakes)),
        "statistic": statistic.get(target, float("nan")),
        "others_most": float(others["statistic"].max()),
        "flagged": bool(report.loc[report["item_id"] == target, "suspicious"].any()),
        "others_flagged": int(others["suspicious"].sum()),
    }


def attacked(
    catalog: Catalog, people: People, attack: Attack, effort: Effort, seed: int
) -> dict[str, Any]:
    """Fit with the fakes, and measure with nothing held and with the suspicious items held."""
    events = catalog.interactions
    fakes = fake_events(events, attack, np.random.default_rng(seed))
    whole = pd.concat([events, fakes], ignore_index=True)
    cap = RecommenderConfig().training.user_cap
    model = fitted(with_events(catalog, whole), effort, seed, user_cap=cap)
    report = suspicious_items(model.state)
    lists = people.lists(model)
    seen = whole[whole["split"] != "test"]
    names = set(fakes["user_id"])
    row = {
        "attack": attack.kind,
        "share": attack.share,
        "times": attack.times,
        "target": attack.target,
        "fakes": len(names),
        "hr@50": people.hit_rate(lists, attack.target),
        "ndcg@10": people.ndcg(lists),
        **detection(report, seen, attack.target, names),
    }
    everybody = suspicious_items(model.state, newest=1)
    row["auc_items_all_users"] = detection(everybody, seen, attack.target, names)["auc_items"]
    if report["suspicious"].any():
        model.rules = Rules.of(hold_rule(report, "benchmark"))
        lists = people.lists(model)
    return {
        **row,
        "hr@50_held": people.hit_rate(lists, attack.target),
        "ndcg@10_held": people.ndcg(lists),
    }


def clean(catalog: Catalog, people: People, effort: Effort, seed: int) -> dict[str, Any]:
    """NDCG@10 without fakes: with and without the cap, and with suspicious items held."""
    cap = RecommenderConfig().training.user_cap
    model = fitted(catalog, effort, seed, user_cap=cap)
    reach = influence(model.state)
    free = capped = people.ndcg(people.lists(model))
    if reach.capped:  # else the model without the cap is the same, to the bit
        free = people.ndcg(people.lists(fitted(catalog, effort, seed, user_cap=None)))
    report = suspicious_items(model.state)
    flagged, held = report["item_id"][report["suspicious"]].tolist(), capped
    if flagged:
        model.rules = Rules.of(hold_rule(report, "benchmark"))
        held = people.ndcg(people.lists(model))
    return {
        "user_cap": cap,
        "influence": asdict(reach),
        "ndcg@10_without_cap": free,
        "ndcg@10": capped,
        "ndcg@10_held": held,
        "flagged": flagged,
        "most": float(report["statistic"].max()),
        **_new_items(report, people.seen),
    }


def _new_items(report: pd.DataFrame, seen: pd.DataFrame) -> dict[str, Any]:
    """Newly released items, whose first event is in the newest tenth of the time, and how many of
    them are suspicious."""
    first = seen.groupby("item_id")["timestamp"].min()
    start, end = int(seen["timestamp"].min()), int(seen["timestamp"].max())
    new = set(first.index[first >= end - (end - start) / 10])
    flagged = report["suspicious"] & report["item_id"].isin(new)
    return {"new_items": len(new), "new_items_flagged": int(flagged.sum())}


def replayed(catalog: Catalog, cuts: int, effort: Effort, seed: int) -> dict[str, Any]:
    """Reports as they would have been earlier, each by a model of the events until then: new items
    and all items, and how many of them are suspicious."""
    events = catalog.interactions
    events = events[events["split"] != "test"]
    total = {"new_items": 0, "new_items_flagged": 0, "items": 0, "items_flagged": 0}
    for cut in _CUTS[:cuts]:
        until = events["timestamp"].quantile(cut)
        part = events[events["timestamp"] <= until]
        cap = RecommenderConfig().training.user_cap
        report = suspicious_items(
            fitted(with_events(catalog, part), effort, seed, user_cap=cap).state
        )
        found = _new_items(report, part)
        total["new_items"] += found["new_items"]
        total["new_items_flagged"] += found["new_items_flagged"]
        total["items"] += int(part["item_id"].nunique())
        total["items_flagged"] += int(report["suspicious"].sum())
    return {"dates": cuts, **total}
