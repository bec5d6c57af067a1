"""Hostile names, ids, values and relations in every output: text everywhere, code nowhere."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import kgrec.cli
from graph_schema.output.printable import escaped_inside, printable, printable_line
from graph_schema.output.spreadsheets import guarded, guarded_frame, unguarded, unguarded_frame
from kgrec import Recommender
from kgrec.cli import app
from kgrec.cli._tables import read_ids, write_table
from kgrec.explore import draw, export_graph, read_graph
from kgrec.visualization.bars import Bars, draw_bars
from kgrec.visualization.word_plot import draw_words, words_html
from tests.hostile.catalogs import COLUMN, MARK, TEXTS

REPOSITORY = Path(__file__).resolve().parents[2]
ALLOWED = "\n\t"
DIRECTIONS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def acting(text: str) -> set[str]:
    """The characters that a terminal obeys, or that nobody sees."""
    return {
        sign
        for sign in text
        if (unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") and sign not in ALLOWED)
        or sign in DIRECTIONS
        or 0xE0000 <= ord(sign) <= 0xE007F
    }


# --- the functions


@pytest.mark.parametrize("text", TEXTS)
def test_printable_texts_have_nothing_that_acts(text: str) -> None:
    shown = printable(text)
    assert not acting(shown)
    assert "\n" not in printable_line(text)
    assert printable(shown) == shown
    if not acting(text):
        assert shown == text


def test_words_of_arabic_and_hebrew_stay() -> None:
    for text in ("שלום\u200f!", "سلام\u200e 5", "zwj 👩\u200d🔬", "naïve 東京"):
        assert printable(text) == text


@pytest.mark.parametrize("text", TEXTS)
def test_json_has_the_same_values(text: str) -> None:
    written = escaped_inside(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(written) == {text: [text]}
    assert not acting(written)


@pytest.mark.parametrize("text", [*TEXTS, "'", "''=1", "=", "", "plain", "＝1+1", "'-5"])
def test_no_cell_is_a_formula_and_reading_gives_it_back(text: str) -> None:
    assert guarded(text)[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("value", ["-5", "+3.25", "-1e-05", 7, -2.5, None])
def test_numbers_stay_numbers(value: object) -> None:
    assert guarded(value) is value


# --- tables and files


def test_answers_as_csv_have_no_formulas(model: Recommender, user: str, tmp_path: Path) -> None:
    answer = model.recommend(user, k=30).assign(**{COLUMN: "=1+1", "=x": 1})
    path = tmp_path / "lists.csv"
    write_table([answer], path)
    raw = pd.read_csv(path, dtype=str, keep_default_na=False, header=None)
    cells = raw.to_numpy(dtype=object).ravel().tolist()
    assert not [cell for cell in cells if cell[:1] in "=@\t\r" and cell]
    assert not [cell for cell in cells if cell[:1] in ("+", "-") and not _is_number(cell)]
    assert read_ids(path, "item_id") == answer["item_id"].tolist()
    read = unguarded_frame(pd.read_csv(path, dtype={"item_id": str}, keep_default_na=False))
    assert read["item_id"].tolist() == answer["item_id"].tolist()
    assert [*read.columns] == [*answer.columns]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("end", [".parquet", ".jsonl"])
def test_answers_for_programs_are_exact(
    model: Recommender, user: str, tmp_path: Path, end: str
) -> None:
    answer = model.recommend(user, k=30)
    path = tmp_path / f"lists{end}"
    write_table([answer], path)
    read = pd.read_parquet(path) if end == ".parquet" else pd.read_json(path, lines=True)
    assert read["item_id"].tolist() == answer["item_id"].tolist()


def test_tables_keep_their_types_and_rows() -> None:
    frame = pd.DataFrame({"a": ["=1", None], "b": [-1.5, float("nan")], "c": [True, False]})
    frame.index = pd.Index([4, 9])
    pd.testing.assert_frame_equal(unguarded_frame(guarded_frame(frame)), frame)


# --- terminal

COMMANDS = (
    (0, "recommend", "--user", "USER", "-k", "20"),
    (0, "recommend", "--user", "USER", "-k", "20", "--json"),
    (0, "similar", "--item", "ITEM"),
    (0, "search", MARK),
    (0, "explain", "--user", "USER", "--item", "ITEM"),
    (0, "explain", "--user", "USER", "--item", "ITEM", "--json"),
    (0, "explore", "--node", "Item:ITEM"),
    (0, "explore", "--node", "Item:ITEM", "--json"),
    (0, "explore", "--node", "Item:ITEM", "--to", "User:USER"),
    (1, "recommend", "--user", "\x1b[2J\u202eno such user"),
    (1, "recommend", "--user", "USER", "--where", "\x1b]0;x\x07=1"),
    (2, "recommend", "--user", "USER", "-k", "\x1b[2Jmany"),
    (2, "recommend", "--\x1b[2Juser"),
    (2, "recommend", "\x1b[2J\u202emore", "--user", "USER"),
    (2, "\x1b[2Jno command"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: ascii(" ".join(command[1:])))
def test_nothing_acts_on_a_terminal(
    folder: Path, user: str, item: str, command: tuple[int | str, ...]
) -> None:
    code, *words = command
    words = [str(word).replace("USER", user).replace("ITEM", item) for word in words]
    place = ["--model", str(folder)]
    done = CliRunner().invoke(app, [*words, *place])
    assert done.exit_code == code, done.output
    assert not acting(done.output)
    assert (MARK if code == 0 else "rror") in done.output


def test_no_command_prints_but_by_show() -> None:
    """So that what a new command prints is harmless too."""
    found = []
    for file in Path(kgrec.cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "print",
                "sys.stdout.write",
                "sys.stderr.write",
                "typer.echo",
                "click.echo",
            ):
                found.append(f"{file.name}:{node.lineno}")
    assert [place.partition(":")[0] for place in found] == ["_console.py"]


# --- pages and notebooks


class Elements(HTMLParser):
    """The tags and attributes of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


def _pages(model: Recommender, user: str, item: str, folder: Path) -> dict[str, Path]:
    part = model.graph.subgraph([f"Item:{item}"])
    explanation = model.explain(user, item)
    return {
        "explain": explanation.to_html(folder / "explain.html", title=TEXTS[2]),
        "lists": Path(model.page(user, folder / "page.html", k=5)),
        "explore": draw(part, folder / "explore.html", title=TEXTS[2]),
    }


def test_pages_hold_no_code_of_others(
    model: Recommender, user: str, item: str, tmp_path: Path
) -> None:
    shapes = set()
    for name, page in _pages(model, user, item, tmp_path).items():
        text = page.read_text(encoding="utf-8")
        found = Elements(text)
        assert MARK in text, name
        assert "default-src 'none'" in found.policy, name
        assert not re.search(r"https?://|\*", found.policy), name
        assert "img" not in found.tags, name
        assert not [one for one, _ in found.attributes if one.startswith("on")], name
        assert not acting(text), (name, acting(text))
        shapes.add(len(found.scripts))
        head = text[: text.index("<script")]
        assert "<script>alert" not in head.lower()
    assert len(shapes) == 1  # no name has made one more


def test_notebooks_show_texts(model: Recommender, user: str, item: str) -> None:
    other = model.recommend(user, k=1)["item_id"].iloc[0]
    answers = (
        model.explain(user, item),
        model.counterfactual(user, item, max_events=1),
        model.compare(user, item, other),
        model.fairness(explained=0),
    )
    texts = [answer._repr_html_() for answer in answers]
    for text in (*texts, words_html(list(TEXTS), np.ones(len(TEXTS)))):
        tags = set(Elements(text).tags)
        assert not tags & {"script", "img", "a", "iframe", "svg"}, text
        assert not [name for name, _ in Elements(text).attributes if name.startswith("on")]
        assert not acting(text), text


# --- pictures, graph files and Cypher


def _bars(words: list[str]) -> Bars:
    numbers = {name: [0.5] * len(words) for name in words[:3] + words[18:20]}
    return Bars(words, numbers, numbers, words[18], "axis")


@pytest.mark.parametrize("end", ["png", "svg"])
def test_pictures_draw_names_as_text(
    model: Recommender, user: str, item: str, tmp_path: Path, end: str
) -> None:
    values = np.ones(len(TEXTS))
    part, words = model.graph.subgraph([f"Item:{item}"]), list(TEXTS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        pictures = [
            model.explain(user, item).draw(tmp_path / f"explain.{end}", title=TEXTS[18]),
            draw_words(words, values, tmp_path / f"words.{end}", title=words[18], note=words[0]),
            draw_bars(_bars(words), tmp_path / f"bars.{end}"),
            draw(part, tmp_path / f"explore.{end}", title=TEXTS[18]),
        ]
    for picture in pictures:
        assert Path(picture).stat().st_size > 1000
        if end == "svg":
            root = ET.fromstring(Path(picture).read_text(encoding="utf-8"))
            names = {element.tag.rpartition("}")[2] for element in root.iter()}
            assert not names & {"script", "a", "foreignObject", "image"}


@pytest.mark.parametrize("end", ["graphml", "json", "cypher"])
def test_graph_files_hold_the_names_and_nothing_that_acts(
    model: Recommender, item: str, tmp_path: Path, end: str
) -> None:
    part = model.graph.subgraph([f"Item:{item}"])
    path = export_graph(part, tmp_path / f"part.{end}")
    text = path.read_text(encoding="utf-8")
    assert MARK in text
    if end == "json":
        assert ("Item", item) in read_graph(path)
    if end == "graphml":
        assert len(read_graph(path)) == len(part)
    assert not acting(text) or end == "graphml"  # which keeps the texts of a program
