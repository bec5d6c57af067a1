"""save() and load(): the same answers, all or nothing, and no trust in damaged folders."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from kgrec import Recommender, files
from kgrec.errors import ModelError
from kgrec.training import fit_item_weights
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = (
    "model.safetensors",
    "item_weights.safetensors",
    "held_scores.safetensors",
    "recogniser.safetensors",
    "recogniser.json",
    "texts.safetensors",
    "vocabulary.json",
    "users.parquet",
    "items.parquet",
    "decisions.json",
    "entities.parquet",
    "interactions.parquet",
    "facts.parquet",
    "reviews.parquet",
    "queries.parquet",
    "scenarios.parquet",
)


@pytest.fixture(scope="module")
def fitted(fitted: Recommender) -> Recommender:
    """The fitted recommender with item–item weights, which validation may leave out."""
    engine = fitted.state.engine
    found = fit_item_weights(engine.snapshot, graph=1.0, decay=4.0, device=engine.device)
    weighted = engine.with_weights(found[0].times(2.0))
    return Recommender.of(replace(fitted.state, engine=weighted))


@pytest.fixture(scope="module")
def saved(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A saved model to damage."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def test_what_is_loaded_answers_alike(fitted: Recommender, saved: Path) -> None:
    loaded = Recommender.load(saved)
    users = [f"u{n}" for n in range(catalogs.N_USERS)]
    for options in ({}, {"scenario": "web"}, {"exclude_seen": False}):
        one, other = (r.recommend(users, k=catalogs.N_ITEMS, **options) for r in (fitted, loaded))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    pd.testing.assert_frame_equal(fitted.similar("i1"), loaded.similar("i1"), check_exact=True)
    pd.testing.assert_frame_equal(fitted.search("circus"), loaded.search("circus"))
    assert str(fitted.explain("u1", "i5")) == str(loaded.explain("u1", "i5"))
    assert fitted.evaluate().metrics == loaded.evaluate().metrics
    assert (loaded.config, loaded.history) == (fitted.config, fitted.history)
    assert_same_snapshot(loaded.snapshot, fitted.snapshot)


def test_saving_what_was_loaded_writes_the_same_files(saved: Path, tmp_path: Path) -> None:
    Recommender.load(saved).save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name


def test_the_files_are_those_of_the_manifest_and_no_pickle(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    assert set(manifest["files"]) == set(FILES)
    assert {path.name for path in saved.iterdir()} == {*FILES, "manifest.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs the rights of files")
def test_only_the_owner_may_read_it(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in saved.iterdir()} == {0o600}


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_a_damaged_folder_is_refused_by_name(copy: Path, name: str, damage: str) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    if damage == "flipped":
        content[len(content) // 2 if name != "manifest.json" else 0] ^= 0xFF
        path.write_bytes(content)
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        Recommender.load(copy)


def test_no_folder_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a saved model"):
        Recommender.load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelError, match="is not a saved model"):
        Recommender.load(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "format version 99.*upgrade kgrec"),
        ({"version": 1}, r"format version 1, this kgrec reads 3 and 4; train and save it again"),
        ({"format": "someone-elses"}, "is not of a kgrec model"),
        ({"files": None}, "does not list the model's files"),
        ({"shape": {}}, "not a model of kgrec"),
        ({"config": {"unknown": 1}}, "of a newer kgrec, or was changed: it has unknown"),
    ],
)
def test_newer_foreign_and_broken_manifests_are_refused(
    copy: Path, change: dict[str, object], message: str
) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        Recommender.load(copy)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "{}"])
def test_a_manifest_of_another_shape_is_refused(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match="is not of a kgrec model"):
        Recommender.load(copy)


def test_a_folder_with_other_files_is_left_alone(fitted: Recommender, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match=r"holds thesis.tex, which no model of kgrec lists"):
        fitted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    fitted.save(tmp_path / "empty")
    Recommender.load(tmp_path / "empty")


def test_a_file_in_the_way_is_left_alone(fitted: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ModelError):
        fitted.save(path)
    assert path.read_text() == "mine"


def test_a_saved_model_is_replaced_as_a_whole(fresh: Recommender, copy: Path) -> None:
    fresh.update(catalogs.catalog(seed=1))
    fresh.save(copy)
    loaded = Recommender.load(copy)
    assert len(loaded.snapshot.interactions) == len(fresh.snapshot.interactions)
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_a_moved_model_is_not_answered_from_one_beside_it(fresh: Recommender, copy: Path) -> None:
    """Older versions left the old model as copy.old where they were cut off; so may its user."""
    old = copy.with_name("copy.old")
    copy.rename(old)
    with pytest.raises(ModelError, match=r"copy is missing.*Rename copy.old to copy"):
        Recommender.load(copy)
    fresh.save(copy)
    assert sorted(path.name for path in copy.parent.iterdir()) == ["copy", "copy.old"]
    Recommender.load(old)


def test_files_beside_and_inside_a_model_are_never_removed(fresh: Recommender, copy: Path) -> None:
    for name in ("copy.old", "copy.new"):
        copy.with_name(name).mkdir()
        (copy.with_name(name) / "notes.txt").write_text("mine")
    fresh.save(copy)
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"holds notes.txt, which no model of kgrec lists"):
        fresh.save(copy)
    assert (copy / "notes.txt").read_text() == "mine"
    assert (copy.with_name("copy.old") / "notes.txt").read_text() == "mine"
    assert (copy.with_name("copy.new") / "notes.txt").read_text() == "mine"


def test_a_save_that_the_disk_refuses_keeps_the_old_model(
    fresh: Recommender, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError(13, "refused")

    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(ModelError, match="can't save the model"):
        fresh.save(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


SCRIPT = """
import resource, signal, sys
from pathlib import Path
from kgrec import Recommender, files
from kgrec.errors import ModelError

folder = Path(sys.argv[1])
before = {path.name: path.read_bytes() for path in folder.iterdir()}
recommender = Recommender.load(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (100, len(before["model.safetensors"]) - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        recommender.save(folder)
    except ModelError as error:
        assert "can't save the model" in str(error) and "free some space" in str(error), error
    else:
        raise AssertionError("the write went through")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
print(Recommender.load(folder).recommend("u1", k=5).to_json())
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_model(fitted: Recommender, copy: Path) -> None:
    """The disk really refuses, first an early file and then the weights; and what is there then
    answers in another process, without any store, as the recommender that wrote it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(copy)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, expected = json.loads(done.stdout), json.loads(fitted.recommend("u1", k=5).to_json())
    assert answer["item_id"] == expected["item_id"]
    assert answer["score"] == pytest.approx(expected["score"], abs=1e-5)
