"""``kgrec explain`` with its other questions and its limits."""

from pathlib import Path

import pytest

from tests.cli.conftest import kgrec, kgrec_json

PAIR = ("-u", "u0", "-i")


@pytest.fixture(scope="module")
def items(model: Path) -> list[str]:
    """u0's list, best first."""
    rows = kgrec_json("recommend", "-m", model, "-u", "u0", "-k", "40", "--json")
    return [row["item_id"] for row in rows]


def test_what_would_change_the_list(model: Path, items: list[str]) -> None:
    answer = kgrec_json("explain", "-m", model, *PAIR, items[0], "--without", "-k", "2", "--json")
    assert (answer["k"], answer["rank"], answer["added"]) == (2, 1, False)
    assert answer["events"] or answer["reason"]
    answer = kgrec_json("explain", "-m", model, *PAIR, items[5], "--with", "-k", "2", "--json")
    assert (answer["rank"], answer["added"]) == (6, True)
    assert "rank 6" in kgrec("explain", "-m", model, *PAIR, items[5], "--with", "-k", "2").stdout


def test_why_not_and_compare(model: Path, items: list[str]) -> None:
    answer = kgrec("explain", "-m", model, *PAIR, items[20], "--why-not", "-k", "3").stdout
    assert "rank 21 of" in answer
    assert "the last of the 3 best" in answer
    both = kgrec_json("explain", "-m", model, *PAIR, items[0], "--compare", items[1], "--json")
    assert both["difference"] > 0
    assert [both[side]["item_id"] for side in "ab"] == items[:2]


def test_words(model: Path, items: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "words.svg"
    answer = kgrec_json(
        *("explain", "-m", model, *PAIR, items[0], "--words", "item", "--json"),
        *("--picture", picture),
    )
    assert answer["text_id"] == items[0]
    assert sum(word["contribution"] for word in answer["words"]) == pytest.approx(
        answer["score"] - answer["hidden"] - answer["left"]
    )
    assert picture.stat().st_size > 0


def test_limits_language_and_a_given_history(model: Path, items: list[str]) -> None:
    answer = kgrec("explain", "-m", model, *PAIR, items[0], "--language", "de").stdout
    assert "Sie haben" in answer
    shown = kgrec_json(
        *("explain", "-m", model, *PAIR, items[0], "--max-hops", "3", "--json"),
        *("--relations", "HAS_GENRE", "-k", "20"),
    )
    stored = [p for p in shown["paths"] if all(p["stored"])]
    assert {name for p in stored for name in p["relations"][1:]} <= {"HAS_GENRE"}
    typed = kgrec_json(
        *("explain", "-m", model, "-u", "guest", "-i", items[0], "--history", "i1,i2", "--json")
    )
    assert {p["nodes"][1]["id"] for p in typed["paths"]} <= {"i1", "i2"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--without", "--with"], 2, "give one of"),
        (["--why-not", "--picture", "x.png"], 2, "--picture goes"),
        (["--words", "item", "--without"], 2, "give one of"),
        (["--of", "r1"], 2, "--of goes with --words"),
        (["--words", "moon"], 2, "moon"),
        (["--max-hops", "0"], 1, "from 1 to 4"),
        (["--max-hops", "100"], 1, "from 1 to 4"),
        (["--relations", "NOPE"], 1, "unknown relation"),
        (["--via", "nowhere"], 1, "unknown node id"),
        (["--language", "xx"], 1, "unknown language"),
        (["--compare", "none"], 1, "'none' is not in the graph"),
    ],
)
def test_wrong_options(
    model: Path, items: list[str], options: list[str], code: int, message: str
) -> None:
    result = kgrec("explain", "-m", model, *PAIR, items[0], *options, expect=code)
    assert message in " ".join(result.stderr.split())
