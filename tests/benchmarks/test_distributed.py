"""The figures of a training by several processes, from the reports of its runs."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.distributed import _figures


def report(loss: float, *by_rank: tuple[float, int]) -> dict[str, Any]:
    """A report of two epochs, with processor seconds and bytes by rank."""
    return {
        "steps": 10,
        "first_loss": loss,
        "history": [{"loss": loss}, {"loss": loss / 2, "valid_ndcg@10": loss / 10}],
        "by_rank": [
            {
                "median_step_processor_seconds": seconds,
                "bytes_sent": sent,
                "processor_seconds": 9.0,
                "peak_gb": 1.0,
            }
            for seconds, sent in by_rank
        ],
    }


def test_costs_are_the_least_of_the_runs_and_differences_those_of_the_first() -> None:
    runs = {
        1: [report(4.0, (1.0, 0)), report(4.0, (0.9, 0))],
        2: [report(4.4, (0.7, 5), (0.8, 6)), report(4.4, (0.4, 30_000_000), (0.6, 20_000_000))],
    }
    figures = _figures(runs, 2)
    assert figures["efficiency"] == pytest.approx(0.9 / 1.0)
    assert figures["imbalance"] == pytest.approx(0.6 * 2 / 1.0)
    assert figures["first_loss_difference"] == pytest.approx(0.4)
    assert figures["loss_difference"] == pytest.approx(0.1)
    assert figures["ndcg_difference"] == pytest.approx(0.04)
