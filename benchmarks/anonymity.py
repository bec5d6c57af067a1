"""What hiding people costs: ``python -m benchmarks.anonymity``.

The attributes of ml-1m's users are made coarser until k of them have each combination; the package
pycanon, in an environment of its own (--python), counts the same k. With --fit models are trained
on the rows as they are, with pseudonyms, with coarser attributes, and without any.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import loaders
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, interval, run
from graph_schema import Catalog
from graph_schema.privacy.generalisation import AnonymityReport, anonymise
from graph_schema.privacy.key import PseudonymKey
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.evaluation import EvaluationReport, paired_bootstrap, user_time_split
from kgrec.graph.source import read_source

QUASI: Final = {  # by data set
    "ml-1m-kg": ("gender", "age", "occupation", "zip"),
    "ml-100k": ("gender", "age", "occupation", "zip_code"),
}
NDCG: Final = "ndcg@10"
FITTED: Final = 5  # k of the catalog that is fitted
_KEY: Final = PseudonymKey(bytes(range(32)))  # of this benchmark alone
_ORACLE: Final = """
import sys
import pandas as pd
from pycanon import anonymity
frame = pd.read_csv(sys.argv[1], dtype=str).fillna("")
print(anonymity.k_anonymity(frame, list(frame)))
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Generalise for every k, fit if asked to, and report."""
    asked = _parser().parse_args(arguments)
    catalog, quasi = _catalog(asked.data), QUASI[asked.data]
    rows = [_row(catalog, k, quasi, asked.python) for k in asked.k]
    result: dict[str, Any] = {
        "data": asked.data,
        "protocol": "all users of the data set; fits: split by time per user, test rows found "
        "from all earlier ones, all items ranked, without texts",
        "levels": rows,
    }
    if asked.fit:
        result["fits"] = _fits(catalog, quasi, asked.fit, asked.seed)
        result["seed"] = asked.seed
        rows = rows + [{"k": name, **one} for name, one in result["fits"].items()]
    finish(f"anonymity-{asked.data}", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anonymity")
    parser.add_argument("--data", default="ml-1m-kg", choices=[*QUASI], help="the data set")
    parser.add_argument("--k", type=int, nargs="+", default=[2, 5, 10, 25], help="users of a group")
    parser.add_argument("--python", help="the Python of an environment with pycanon")
    parser.add_argument("--fit", choices=["quick", "normal"], help="also train models")
    parser.add_argument("--seed", type=int, default=0, help="of the fits")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _catalog(data: str) -> Catalog:
    """A data set with a split."""
    if data != "ml-100k":
        return load_dataset(data).catalog
    whole = loaders.load(loaders.fetch("ml-100k")).catalog
    rows = read_source(whole, None)
    split = user_time_split(rows.interactions)
    ends = (rows.users.ids[rows.interactions.user], rows.items.ids[rows.interactions.item])
    of_pair = dict(zip(zip(*ends, strict=True), split, strict=True))
    frame = whole.interactions
    pairs = zip(frame["user_id"].astype(str), frame["item_id"].astype(str), strict=True)
    frame = frame.assign(split=[of_pair[pair] for pair in pairs])
    return Catalog.from_frames(**{**whole.tables, "interactions": frame})


def _row(catalog: Catalog, k: int, quasi: Sequence[str], python: str | None) -> dict[str, Any]:
    changed, report = anonymise(catalog, k, quasi)
    row = {
        "k": k,
        "smallest group": report.smallest_group,
        "unique before": report.unique_before,
        "below k before": report.small_before,
        "suppressed": report.suppressed / report.users,
        "loss": report.loss,
        **{one.column: one.level for one in report.columns},
    }
    return row if python is None else {**row, "pycanon": _counted(changed, report, python)}


def _counted(catalog: Catalog, report: AnonymityReport, python: str) -> int:
    """k as pycanon counts it."""
    users = catalog.frame("users")
    kept = [one.column for one in report.columns if one.column in users]
    with tempfile.TemporaryDirectory(prefix="kgrec-anonymity-") as scratch:
        file = Path(scratch) / "users.csv"
        users[kept].to_csv(file, index=False)
        command = [python, "-c", _ORACLE, str(file)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _fits(
    catalog: Catalog, quasi: Sequence[str], effort: str, seed: int
) -> dict[str, dict[str, Any]]:
    """NDCG@10 of each catalog, and its difference from that of the rows as they are."""
    coarser = anonymise(catalog, FITTED, quasi)[0]
    users = catalog.tables["users"]
    none = replace(catalog, tables={**catalog.tables, "users": users.select(["user_id"])})
    catalogs = {
        "as they are": catalog,
        "pseudonyms": pseudonymise(catalog, _KEY),
        f"pseudonyms, {FITTED}-anonymous": pseudonymise(coarser, _KEY),
        "no attributes": none,
    }
    reports = {name: _fitted(one, effort, seed) for name, one in catalogs.items()}
    whole = _by_user(reports["as they are"], catalog)
    found = {}
    for name, report in reports.items():
        change = paired_bootstrap(whole, _by_user(report, catalog))
        found[name] = {NDCG: report[NDCG], "change": change.mean, "interval": interval(change)}
    return found


def _fitted(catalog: Catalog, effort: Any, seed: int) -> EvaluationReport:
    config = RecommenderConfig(
        model=ModelConfig(use_text=False), training=TrainingConfig(effort=effort)
    )
    return Recommender(config).fit(catalog, seed=seed).evaluate(keep_users=True)


def _by_user(report: EvaluationReport, catalog: Catalog) -> Any:
    """NDCG@10 of the users in the order of the catalog, whatever they are called."""
    ids = catalog.tables["users"].column("user_id").to_pylist()
    names = dict(zip(_KEY.pseudonyms(ids), ids, strict=True))
    place = {one: row for row, one in enumerate(ids)}
    order = sorted(
        range(len(report.users)),
        key=lambda row: place[names.get(str(report.users[row]), str(report.users[row]))],
    )
    return report.per_user[NDCG][order]


if __name__ == "__main__":
    run(main)
