"""No value of any option is an error in kgrec itself: exit codes are 0, 1 or 2, never 3.

The values are made from the commands' own options, so a new option is tried too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_type_hints

import pandas as pd
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from graph_schema.privacy.key import make_key
from kgrec.cli import app

pytestmark = pytest.mark.slow

COMMANDS: Final[dict[str, Any]] = get_command(app).commands  # type: ignore[attr-defined]
TEXTS: Final = (
    "",
    " ",
    "a\nb",
    '"',
    '"a\nb" , "',
    ",",
    " u0 ",
    "\udcff",
    "nul\0",
    "=",
    "x=",
    "year=..",
    "year=1..2..3",
    "year=99999999999999999999..",
    "nan",
    "[red]",
    "{0}%s",
    "-1",
    "x" * 5000,
)
NUMBERS: Final = ("-1", "0", "99999999999999999999", "9223372036854775807", "1.5", "nan", "x", "")
FILES: Final = (
    "",
    "missing/deep/file",
    "/dev/null",
    "/proc/nothing",
    "nul\0",
    "x" * 5000,
    "\udcff",
    "a\nb.png",
    "{folder}",
    "{folder}/folder.png",
    "{folder}/folder.html",
    "{folder}/folder.csv",
    "{folder}/wrong.toml",
    "{folder}/binary.csv",
)
# Left out: these may train or time a language model for every value.
# serve runs until it is stopped; keys and models have commands of their own (test_serving.py).
LONG: Final = {"demo", "doctor", "tune-text", "serve", "keys", "models"}
ENDLESS: Final = {("train", "--tune"): ("99999999999999999999", "9223372036854775807")}


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import loaders
    from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig

    tables = {file.stem: pd.read_csv(file) for file in folder.glob("*.csv")}
    tables["interactions"]["rating"] = 1 + tables["interactions"].index % 5

    config = RecommenderConfig(
        model=ModelConfig(use_text=False, embedding_size=8),
        training=TrainingConfig(epochs=1, refit=False),
    )
    place = tmp_path_factory.mktemp("odd") / "model"
    recommender = Recommender(config).fit(loaders.frames(**tables).catalog)
    recommender.fit_ratings(4.0).save(place)
    return place


@pytest.fixture
def used(model: Path, store: Path, tmp_path: Path) -> dict[str, Path]:
    """The places that the commands' arguments name, for one test alone."""
    shutil.copytree(model, tmp_path / "model")
    shutil.copy(store, tmp_path / "store.kgl")
    for name in ("folder.png", "folder.html", "folder.csv", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    (tmp_path / "binary.csv").write_bytes(b"\x00\xff\xfe" * 50)
    (tmp_path / "wrong.toml").write_text("[model]\nembedding_size = 'x'\n")
    settings = (
        "[model]\nuse_text = false\nembedding_size = 8\n[training]\nepochs = 1\nrefit = false\n"
    )
    (tmp_path / "settings.toml").write_text(settings)
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "n"\neffect = "never"\nitems = "i1"\n')
    (tmp_path / "pairs.csv").write_text("user_id,item_id\nu0,i1\n")
    (tmp_path / "log.csv").write_text(
        "list_id,user_id,item_id,position,probability,reward\na,u0,i1,1,0.5,1\n"
    )
    (tmp_path / "keys").mkdir()
    make_key(tmp_path / "keys" / "shop.key")
    (tmp_path / "things.csv").write_text("id,name,year\ni0,Item 0,1990\nx,Other,\n")
    return {
        "model": tmp_path / "model",
        "store": tmp_path / "store.kgl",
        "settings": tmp_path / "settings.toml",
        "pairs": tmp_path / "pairs.csv",
        "rules": tmp_path / "rules.toml",
        "key": tmp_path / "keys" / "shop.key",
        "log": tmp_path / "log.csv",
        "data": store.parent / "data",
        "folder": tmp_path,
    }


BASE: Final[dict[str, dict[str, str]]] = {
    "ask": {"--model": "{model}"},
    "recommend-users": {"--model": "{model}", "--item": "i0"},
    "remove": {"--store": "{store}", "--users": "nobody", "--ignore-missing": ""},
    "rules": {"action": "explain", "--model": "{model}", "--user": "u0"},
    "score": {"pairs": "{pairs}", "--model": "{model}"},
    "similar-users": {"--model": "{model}", "--user": "u0"},
    "update": {"data": "{data}", "--model": "{model}", "--out": "{folder}/updated"},
    "vectors": {"--model": "{model}", "--out": "{folder}/vectors.parquet"},
    "adapt": {"scenario": "gifts", "--model": "{model}", "--out": "{folder}/adapted"},
    "compress": {"model": "{model}", "out": "{folder}/small"},
    "suspicious": {"--model": "{model}"},
    "why-model": {"--model": "{model}"},
    "snapshot": {"source": "{data}", "folder": "{folder}/columns"},
    "erase": {"users": "nobody", "--store": "{store}", "--ignore-missing": ""},
    "evaluate": {"source": "{data}", "--config": "{settings}"},
    "explain": {"--model": "{model}", "--user": "u0", "--item": "i0"},
    "explore": {"--model": "{model}", "--node": "Item:i0"},
    "export": {"folder": "{folder}/exported", "--store": "{store}"},
    "fairness": {"--model": "{model}", "--explained": "1"},
    "judge": {"--model": "{model}", "--log": "{log}"},
    "leaks": {"--store": "{store}"},
    "link": {"--store": "{store}"},
    "load": {"source": "{data}", "--store": "{folder}/new.kgl"},
    "map": {"folder": "{data}"},
    "page": {"--model": "{model}", "--user": "u0", "--html": "{folder}/page.html", "-k": "2"},
    "card": {"--model": "{model}", "--no-metrics": ""},
    "pseudonyms": {"key": "{key}", "--users": "u0"},
    "predict": {"--model": "{model}", "--user": "u0", "--items": "i0"},
    "recognise": {"--model": "{model}", "--user": "u0"},
    "recommend": {"--model": "{model}", "--user": "u0"},
    "search": {"text": "comedy", "--model": "{model}", "--user": "u0"},
    "similar": {"--model": "{model}", "--item": "i0"},
    "train": {"--store": "{store}", "--model": "{folder}/trained", "--config": "{settings}"},
}
LINK: Final = ("--nodes", "--facts", "--entities", "--key", "--name-column", "--attribute")
# With these given as well, so that an option goes further than to "goes with".
BESIDE: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("load", "--anonymise"): {"--quasi": "age"},
    ("load", "--quasi"): {"--anonymise": "2"},
    ("load", "--names"): {"--scan-texts": ""},
    ("pseudonyms", "--out"): {"--users": "u0"},
    ("recommend", "--seed"): {"--explore": "0.1"},
    ("explain", "--candidates"): {"--without": ""},
    ("explain", "--where"): {"--why-not": ""},
    ("explain", "--of"): {"--words": "reviews"},
    ("explore", "--via"): {"--to": "Item:i3"},
    ("explore", "--avoid"): {"--to": "Item:i3"},
    ("explore", "--export"): {"--to": "Item:i3"},
    ("explore", "--scenario"): {"--importance": "relation", "--users": "2"},
    ("explore", "--context"): {"--importance": "relation", "--users": "2"},
    ("explore", "--candidates"): {"--importance": "relation", "--users": "2"},
    ("explore", "--where"): {"--importance": "relation", "--users": "2"},
    ("explore", "--seed"): {"--importance": "part", "--users": "2"},
    ("explore", "--users"): {"--importance": "part"},
    ("fairness", "--group"): {"--share": "0.3"},
    ("fairness", "--share"): {"--group": "tail"},
    ("rules", "--file"): {"action": "set", "--author": "Ada"},
    ("rules", "--store"): {"action": "check"},
    ("rules", "--rule"): {"action": "decide", "--item": "i0", "--author": "Ada", "--approve": ""},
    ("rules", "--item"): {"action": "decide", "--rule": "x", "--author": "Ada", "--approve": ""},
    ("rules", "--author"): {"action": "set", "--file": "{rules}"},
    ("rules", "--reason"): {"action": "set", "--file": "{rules}", "--author": "Ada"},
    ("rules", "--at"): {"action": "log"},
    ("search", "--chosen"): {"--log": "{store}"},
    **{("link", option): {"--to": "{folder}/things.csv"} for option in LINK},
}
FLAGS: Final = (
    "--without",
    "--why-not",
    "--ignore-missing",
    "--approve",
    "--scan-texts",
    "--no-metrics",
)
INSTEAD: Final = {  # an option that takes the place of others
    ("recommend", "--history"): ("--user",),
    ("recognise", "--history"): ("--user",),
    ("rules", "--history"): ("--user",),
    ("predict", "--pairs"): ("--user", "--items"),
    ("map", "--store"): ("folder",),
}


def types_of(command: str) -> dict[str, str]:
    """What the parameters of a command's function are annotated with, by name, as text."""
    functions = {
        (one.name or one.callback.__name__): one.callback
        for one in app.registered_commands
        if one.callback is not None
    }
    return {name: str(kind) for name, kind in get_type_hints(functions[command]).items()}


def cases(command: str) -> Iterator[tuple[str, str]]:
    """Every option and argument of a command that takes a value, with every odd value."""
    types = types_of(command)
    for parameter in COMMANDS[command].params:
        if getattr(parameter, "is_flag", False) or parameter.name not in types:
            continue
        name = parameter.name if parameter.param_type_name == "argument" else parameter.opts[0]
        kind = types[parameter.name]
        values = NUMBERS if "int" in kind or "float" in kind else TEXTS
        if "Path" in kind or name in ("--store", "source", "--log"):
            values = FILES
        if name in ("--store", "source", "--log"):
            values = (*values, "neo4j://", "bolt://nowhere.invalid:1", "http://x", "ml-100k/")
        left_out = ENDLESS.get((command, name), ())
        values = [value for value in values if value not in left_out]
        yield from ((name, value) for value in values if name.startswith("-") or value)


def run(command: str, name: str, value: str, used: dict[str, Path]) -> Any:
    given = {**BASE[command], **BESIDE.get((command, name), {}), name: value}
    for other in INSTEAD.get((command, name), ()):
        given.pop(other, None)
    if command == "explore" and "--importance" in given:
        given.pop("--node")
    line, arguments = [command], []
    for option, text in given.items():
        flag = option in FLAGS
        shown = text.format(**used) if "{" in text and text != "{0}%s" else text
        if option.startswith("-"):
            line += [option] if flag else [option, shown]
        else:
            arguments.append(shown)
    return CliRunner().invoke(app, [*line, "--", *arguments] if arguments else line)


def test_every_command_is_tried() -> None:
    assert set(BASE) == set(COMMANDS) - LONG


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - LONG))
def test_no_value_is_an_error_in_kgrec(
    command: str, used: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(used["folder"])
    wrong = []
    for name, value in cases(command):
        result = run(command, name, value, used)
        if result.exit_code not in (0, 1, 2) or "Traceback" in result.stderr:
            last = result.stderr.strip().splitlines()[-2:] or [repr(result.exception)]
            wrong.append(f"{name} {value[:40]!r}: {result.exit_code} {' | '.join(last)[:300]}")
    assert wrong == []
    assert (used["folder"] / "out" / "mine.txt").read_text() == "precious"
