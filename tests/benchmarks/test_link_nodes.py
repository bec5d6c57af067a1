import numpy as np
import pandas as pd

from benchmarks.link_nodes import (
    ROWS,
    Films,
    calibration,
    checked,
    figures,
    measured,
    misspelt,
    other_spelling,
    truth_of,
)
from tests.entity_linking.dumps import dump_frame, films


def small() -> Films:
    """Sixty films, of which the last ten are no truth of an item."""
    frame = dump_frame().set_axis(["item_id", "title", "year"], axis=1)
    others = pd.DataFrame({"item_id": ["e"], "title": ["Silent Harbour"], "year": [""]})
    return Films(films(), frame, others, {f"m{n}": f"q{n}" for n in range(50)})


def test_the_truth_is_the_film_with_the_same_facts() -> None:
    rows = [("1", "a"), ("1", "b"), ("2", "a"), ("3", "b"), ("4", "c")]
    demo = pd.DataFrame(rows, columns=["head", "tail"])
    whole = [("x", "r", "a"), ("x", "r", "b"), ("x", "r", "z"), ("y", "r", "a"), ("y2", "r", "b")]
    whole += [("y3", "r", "b"), ("w", "related_to_wikipage", "c")]
    frame = pd.DataFrame(whole, columns=["head", "relation", "tail"])
    assert truth_of(demo, frame) == {"1": "x", "2": "y"}


def test_names_are_written_otherwise() -> None:
    assert other_spelling("The Godfather: Part II", "1974") == "Godfather: Part 2, The (1974 film)"
    assert other_spelling("Amélie & Co", "2001") == "Amelie and Co (2001 film)"
    rng = np.random.default_rng(0)
    wrong = {misspelt("Casablanca", rng) for _ in range(50)}
    assert len(wrong) > 10
    assert all(len(name) in (9, 10) for name in wrong)
    assert misspelt("8½", rng) == "8½"


def test_what_is_not_known_is_counted_apart() -> None:
    found = pd.DataFrame(
        {
            "item_id": ["a", "b", "c", "d", "e"],
            "target_id": ["1", "3", "2", "9", "3"],
            "confidence": [0.95, 0.9, 0.85, 0.9, 0.1],
            "accept": [1, 1, 1, 1, 0],
        }
    )
    truth = {"a": "1", "b": "2", "e": "3"}
    row = figures(found, truth, pd.DataFrame({"item_id": ["1", "2", "9"]}))
    assert (row["right"], row["wrong"], row["unknown"], row["to_find"]) == (1, 2, 1, 2)
    assert (row["precision"], row["recall"]) == (0.3333, 0.5)
    assert calibration(checked(found, truth))[0] == {
        "from": 0.0, "n": 1, "confidence": 0.1, "right": 1.0,
    }  # fmt: skip


def test_every_row_can_be_measured() -> None:
    found = {what: measured(small(), what)[0] for what in ROWS}
    assert found["demo films"]["things"] == 50
    assert found["all films"]["right"] == 50
    assert found["all films"]["unknown"] == 10
    assert found["another spelling"]["precision"] == 1.0
    assert found["decoys, half of the films gone"]["to_find"] == 25
