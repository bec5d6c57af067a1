import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog, CatalogError
from kgrec.cli._splits import Protocol, with_split


def _catalog(**columns: list[object]) -> Catalog:
    rows = pd.DataFrame(
        {
            "user_id": ["u"] * 10 + ["v"] * 2,
            "item_id": [f"i{n}" for n in (3, 1, 9, 0, 2, 8, 7, 4, 6, 5)] + ["i1", "i2"],
        }
    ).assign(**columns)
    return Catalog.from_frames(interactions=rows)


TIMES: list[object] = [1000 + 10 * n for n in (3, 1, 9, 0, 2, 8, 7, 4, 6, 5, 1, 2)]


def _split(catalog: Catalog) -> dict[tuple[str, str], str]:
    frame = catalog.interactions
    pairs = zip(frame["user_id"], frame["item_id"], strict=True)
    return dict(zip(pairs, frame["split"], strict=True))


def test_a_given_column_is_taken_and_gaps_train(capsys: pytest.CaptureFixture[str]) -> None:
    fold: list[object] = ["train"] * 7 + ["valid", "test", None, "train", "test"]
    catalog, used = with_split(_catalog(fold=fold), Protocol.given, "fold", 0)
    assert used == "given"
    expected = ["train" if name is None else name for name in fold]
    assert list(catalog.interactions["split"]) == expected
    assert "1 interactions name no split" in capsys.readouterr().err
    assert "fold" in catalog.interactions.columns


def test_without_a_column_time_decides_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    catalog, used = with_split(_catalog(timestamp=TIMES), Protocol.given, "split", 0)
    assert used == "time"
    assert "notice" in capsys.readouterr().err
    split = _split(catalog)
    assert (split["u", "i9"], split["u", "i8"], split["u", "i7"]) == ("test", "valid", "train")


def test_without_times_chance_decides_by_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    first, used = with_split(_catalog(), Protocol.given, "split", 3)
    assert used == "random"
    assert "no timestamps" in capsys.readouterr().err
    again, _ = with_split(_catalog(), Protocol.given, "split", 3)
    assert _split(first) == _split(again)
    others = [_split(with_split(_catalog(), Protocol.random, "split", n)[0]) for n in range(5)]
    assert any(other != _split(first) for other in others)


def test_a_protocol_overrules_the_column() -> None:
    catalog = _catalog(timestamp=TIMES, split=["train"] * 12)
    held_out, used = with_split(catalog, Protocol.leave_last_out, "split", 0)
    assert used == "leave-last-out"
    assert _split(held_out)["u", "i9"] == "test"
    assert np.sum(held_out.interactions["split"] == "test") == 1  # v has two events only
    assert list(held_out.interactions.columns).count("split") == 1


def test_global_time_cuts_all_users_alike() -> None:
    catalog, _ = with_split(_catalog(timestamp=TIMES), Protocol.global_time, "split", 0)
    frame = catalog.interactions
    newest_trained = frame.loc[frame["split"] == "train", "timestamp"].max()
    assert newest_trained < frame.loc[frame["split"] == "test", "timestamp"].min()


def test_foreign_values_are_refused_with_the_cure() -> None:
    fold: list[object] = ["training"] * 10 + ["test"] * 2
    with pytest.raises(CatalogError, match=r"'training'.*--split-protocol"):
        with_split(_catalog(fold=fold), Protocol.given, "fold", 0)


def test_a_missing_time_does_not_cost_the_others_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    gaps = pd.array([*TIMES[:9], None, *TIMES[10:]], dtype="Int64")
    catalog, used = with_split(_catalog(timestamp=gaps), Protocol.given, "split", 0)
    assert used == "time"
    notices = capsys.readouterr().err
    assert "by time for each user" in notices
    assert "1 of 12 interactions have no time" in notices
    split = _split(catalog)
    assert (split["u", "i9"], split["u", "i8"], split["u", "i5"]) == ("test", "valid", "train")
