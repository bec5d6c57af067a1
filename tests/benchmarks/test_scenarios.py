"""The benchmarks of markets and of few examples, whole, on two small generated markets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scenarios
from benchmarks.harness import report
from benchmarks.scenario_data import market_models
from benchmarks.scenario_data.few_shot import load_events
from benchmarks.scenario_data.markets import Market, gain, ndcg

pytestmark = pytest.mark.slow
USERS, ITEMS = 40, 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Users of a market buy what is near one of its six shelves; the markets' shelves differ."""
    target = tmp_path / "xmrec-markets"
    target.mkdir()
    for market, shift in (("de", 0), ("jp", 30)):
        rng = np.random.default_rng(shift)
        lines = ["userId itemId rate date"]
        for user in range(USERS):
            shelf = user % 6 * 20 + shift
            for day, step in enumerate(rng.permutation(20)[:6]):
                lines.append(f"{market}{user} i{(shelf + step) % ITEMS} 5.0 2019-01-{day + 1:02}")
        (target / f"{market}_5core.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "README.md").write_text("Two markets.")
    monkeypatch.setenv("KGREC_TEST_DATA", str(tmp_path))
    return tmp_path


def result(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_markets_beside_single_ones(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(market_models.SETTINGS, "narrow", {"training": {"epochs": 2}})
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    given = ["--data", "xmrec-markets", "--markets", "de,jp", "--settings", "narrow", "--save"]
    scenarios.main([*given, "--models", "adapter,fixed"])
    picture = tmp_path / "results" / "scenarios" / "markets.some.narrow.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    answer = result(capsys)
    models = {**answer["kgrec"]["by_head"], **answer["peers"]}  # type: ignore[dict-item, index]
    assert set(models) == {"none", "adapter", "fixed", "single", "popularity", "ease", "als"}
    assert set(answer["kgrec"]["by_head"]["fixed"]["de"]) > {"head_ndcg@10", "over_none"}  # type: ignore[index]
    for name, row in answer["transfer"].items():  # type: ignore[attr-defined]
        assert set(row) == {"de", "jp"}
        assert row[name] == models["single"][name]["ndcg@10"]
        assert row[name] > row["jp" if name == "de" else "de"], "shelves differ"
    for figures in models.values():
        assert set(figures) == {"de", "jp"}
        for one in figures.values():
            assert 0 <= one["ndcg@10"] <= one["sampled_ndcg@10"] <= 1
    assert models["ease"]["de"]["ndcg@10"] > models["popularity"]["de"]["ndcg@10"]
    gap = models["adapter"]["jp"]["over_single"]
    assert gap["low"] <= gap["mean"] <= gap["high"]


def test_the_controls_of_markets_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios.main(["--data", "xmrec-markets", "--markets", "de,jp", "--seeds", "0"])
    answer = result(capsys)
    assert answer["kgrec"] == {"by_head": {}}
    peers = answer["peers"]
    assert list(peers) == ["popularity", "ease", "als"]  # type: ignore[call-overload]
    for market in ("de", "jp"):
        assert peers["als"][market]["ndcg@10"] > peers["popularity"][market]["ndcg@10"]  # type: ignore[index]


def test_every_model_of_markets_has_settings() -> None:
    for name in market_models.MODELS:
        for settings in market_models.SETTINGS.values():
            assert market_models.config_of(name, settings).training.refit
    with pytest.raises(SystemExit, match="no model 'mole'"):
        scenarios.main(["--data", "xmrec-markets", "--models", "mole"])


def test_a_market_asks_for_the_last_row_among_its_items(folder: Path) -> None:
    catalog, events = load_events("xmrec-markets")
    market = Market.build(catalog, events[events["scenario"] == "de"], "de", 0)
    last = events[(events["scenario"] == "de") & (events["split"] == "test")]
    wanted = dict(zip(last["user_id"], last["item_id"], strict=True))
    assert [wanted[user] for user in market.users] == market.items[market.wanted].tolist()
    bought = events[events["scenario"] == "de"].groupby("user_id")["item_id"].apply(set)
    for user, negatives in zip(market.users, market.negatives, strict=True):
        assert len(set(negatives)) == 99
        assert not bought[user] & set(market.items[negatives])
    positions = np.tile(np.arange(len(market.items)), (len(market.users), 1))
    assert np.array_equal(ndcg(positions, market.wanted), gain(market.wanted))
    full, sampled, popularity = market.measured(positions)
    assert {"head", "tail"} <= set(popularity)
    assert (sampled >= full).all()
    positions[:, market.wanted] = len(market.items)  # as if all were bought before
    assert not market.measured(positions).sampled.any()


def test_few_examples_of_a_market_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--few-shot", "--leave-out", "jp", "--draws", "2", "--epochs", "2"]
    scenarios.main(given)
    answer = result(capsys)["kgrec"]["jp"]  # type: ignore[index]
    assert answer["others_bit_identical"]
    assert [row["examples"] for row in answer["by_examples"]] == [0, 5, 10, 20, 50]
    for row in answer["by_examples"]:
        assert all(0 <= row[name] <= 1 for name in ("adapted", "meta_trained", "without_prior"))
