"""``kgrec load -`` and ``kgrec load --follow``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import kgrec as package
from graph_schema.errors import CatalogError, SourceError
from graph_schema.privacy.key import PseudonymKey
from kgrec import GraphStore
from kgrec.cli import app
from kgrec.cli._following import BadLines, Summary, follow, place_of_position
from kgrec.stores import EdgeType
from tests.cli.conftest import kgrec

INTERACTED = EdgeType("User", "INTERACTED", "Item")


def event(user: str, item: str, time: int, **others: object) -> str:
    return json.dumps({"user_id": user, "item_id": item, "timestamp": time, **others}) + "\n"


def stored(path: Path) -> list[tuple[str, str, int]]:
    with package.connect(path) as graph:
        rows = graph.read_edges(INTERACTED, ["timestamp"]).to_pylist()
    return sorted((row["source"], row["target"], row["timestamp"]) for row in rows)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[GraphStore]:
    with package.connect(tmp_path / "g.kgl") as graph:
        yield graph


def acts(*steps: Callable[[], object]) -> Callable[[float], None]:
    """What happens while nothing new is there: one step each time, then Ctrl-C."""
    left = list(steps)

    def wait(seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    return wait


@pytest.mark.parametrize(
    "text",
    [
        "user_id,item_id,timestamp\na,1,1100000000\nb,2,1100000001\n",
        event("a", "1", 1_100_000_000) + event("b", "2", 1_100_000_001),
    ],
)
def test_standard_input_by_its_content(tmp_path: Path, text: str) -> None:
    store = tmp_path / "g.kgl"
    arguments = ["load", "-", "--store", str(store)]
    done = CliRunner().invoke(app, arguments, input=text)
    assert done.exit_code == 0, done.stderr
    assert "standard input" in done.stderr
    assert stored(store) == [("a", "1", 1_100_000_000), ("b", "2", 1_100_000_001)]
    again = CliRunner().invoke(app, [*arguments, "--json"], input=text)
    assert json.loads(again.stdout)["difference"]["interactions"]["unchanged"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id,item_id,rating\na,1,much\n", "standard input, row 2, column rating: 'much'"),
        ('{"user_id": "a"\n', "standard input, row 1: this is no JSON"),
        ("", "standard input: the file is empty"),
    ],
)
def test_errors_name_standard_input(tmp_path: Path, text: str, message: str) -> None:
    store = tmp_path / "g.kgl"
    done = CliRunner().invoke(app, ["load", "-", "--store", str(store)], input=text)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not store.exists()


def test_events_are_written_as_they_come_and_once(
    graph: GraphStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, place = tmp_path / "events.jsonl", tmp_path / "position.json"
    file.write_text(event("a", "1", 10, rating=3) + event("a", "1", 10, event="x"))

    def append(text: str) -> Callable[[], object]:
        return lambda: file.open("a").write(text)

    half = event("c", "3", 30)
    wait = acts(
        append("nonsense\n" + event("a", "1", 10, rating=5) + half[:9]),
        append(half[9:] + event("c", "3", 30) + event("c", "3", 30, scenario="tv")),
    )
    first = follow(file, graph, place, wait=wait)
    assert first == Summary(lines=7, events=4, repeats=2, bad=1)
    assert "events.jsonl, row 3: this is no JSON" in capsys.readouterr().err
    rows = graph.read_edges(INTERACTED).to_pylist()
    assert len(rows) == 3
    assert {(row["source"], row["event"], row["rating"], row["scenario"]) for row in rows} == {
        ("a", None, 5.0, None),
        ("a", "x", None, None),
        ("c", None, None, "tv"),
    }
    append(event("d", "1", 40))()
    assert follow(file, graph, place, wait=acts()) == Summary(1, 1)
    everything = follow(file, graph, place, from_start=True, wait=acts())
    assert everything.lines == 8
    assert graph.row_counts()["interactions"] == 4


def test_an_end_between_the_store_and_the_position_repeats_nothing(
    graph: GraphStore, tmp_path: Path
) -> None:
    file, place = tmp_path / "events.jsonl", tmp_path / "position.json"
    file.write_text(event("a", "1", 10))
    follow(file, graph, place, wait=acts())
    before = place.read_bytes()
    file.open("a").write(event("a", "2", 20) + event("b", "2", 20))
    follow(file, graph, place, wait=acts())
    place.write_bytes(before)  # as if it had ended before the position was written
    assert follow(file, graph, place, wait=acts()) == Summary(2, 2)
    assert graph.row_counts()["interactions"] == 3


def test_an_empty_store_is_filled_from_the_start(
    graph: GraphStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, place = tmp_path / "events.jsonl", tmp_path / "position.json"
    file.write_text(event("a", "1", 10))
    follow(file, graph, place, wait=acts())
    with package.connect(tmp_path / "other.kgl") as other:
        assert follow(file, other, place, wait=acts()).events == 1
    assert "the store is empty, so" in capsys.readouterr().err


def test_a_bad_line_may_stop_it(graph: GraphStore, tmp_path: Path) -> None:
    file, place = tmp_path / "events.jsonl", tmp_path / "position.json"
    file.write_text(event("a", "1", 10) + '{"user_id": "a"}\n' + event("b", "2", 20))
    for _ in range(2):
        with pytest.raises(SourceError, match=r"row 2: there is no item_id.*--bad-lines skip"):
            follow(file, graph, place, bad_lines=BadLines.stop, wait=acts())
        assert graph.row_counts()["interactions"] == 1
    assert follow(file, graph, place, wait=acts()) == Summary(2, 1, 0, 1)


def test_the_position_is_beside_the_store_or_the_file(tmp_path: Path) -> None:
    file, store = tmp_path / "in" / "events.jsonl", str(tmp_path / "g.kgl")
    place = place_of_position(file, store, server=False)
    assert place.parent == tmp_path
    assert place.name.startswith("g.kgl.follow-")
    assert place != place_of_position(tmp_path / "b.jsonl", store, server=False)
    assert place_of_position(file, "bolt://host", server=True).parent == file.parent


def test_follow_takes_no_other_way_of_loading(tmp_path: Path) -> None:
    for options in (
        ["--replace"],
        ["--dry-run"],
        ["--format", "csv"],
        ["--no-header"],
        ["--delimiter", ";"],
        ["--language", "de"],
        ["--zero-labels", "keep"],
    ):
        wrong = kgrec("load", "a.jsonl", "--follow", "-s", tmp_path / "g.kgl", *options, expect=2)
        assert "--follow takes a file of JSON lines" in wrong.stderr
        assert options[0] in wrong.stderr
    for options in (["--from-start"], ["--position", "p"], ["--bad-lines", "stop"]):
        wrong = kgrec("load", tmp_path, "-s", tmp_path / "g.kgl", *options, expect=2)
        assert f"--follow is missing beside {options[0]}" in wrong.stderr
    kgrec("load", tmp_path / "none.jsonl", "--follow", "-s", tmp_path / "g.kgl", expect=1)


def test_a_table_is_not_followed(tmp_path: Path, graph: GraphStore) -> None:
    file = tmp_path / "events.csv"
    file.write_text("user_id,item_id\na,1\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"reads JSON lines.* says \.csv.*without --follow"):
        follow(file, graph, tmp_path / "position.json")


def test_messages_about_options_name_standard_input(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text("version = 1\n", encoding="utf-8")
    arguments = ["load", "-", "--store", str(tmp_path / "g.kgl"), "--mapping", str(mapping)]
    arguments += ["--format", "csv"]
    result = CliRunner().invoke(app, arguments, input="user_id,item_id\na,1\n")
    assert result.exit_code == 2
    assert "standard input has the format csv" in " ".join(result.output.replace("│", " ").split())


def test_a_key_gives_pseudonyms_and_without_it_no_event_is_taken(
    graph: GraphStore, tmp_path: Path
) -> None:
    file, place, key = tmp_path / "log.jsonl", tmp_path / "place.json", PseudonymKey(b"k" * 32)
    file.write_text(event("a", "1", 1_100_000_000))
    follow(file, graph, place, key=key, wait=acts())
    with file.open("a") as log:
        log.write(event("b", "2", 1_100_000_001))
    with pytest.raises(CatalogError, match=f"pseudonyms of the key {key.fingerprint}"):
        follow(file, graph, place, wait=acts())
    assert follow(file, graph, place, key=key, wait=acts()) == Summary(1, 1)
    users = sorted(row[0] for row in stored(tmp_path / "g.kgl"))
    assert users == sorted(key.pseudonyms(["a", "b"]))
