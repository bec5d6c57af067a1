"""Folders, devices and settings of another place or version: right, or one clear error at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from kgrec import DeviceError, RatingConfig, Recommender, RecommenderConfig, TextConfig, connect
from kgrec.errors import ModelError, RequestError
from kgrec.extras import give_matplotlib_a_folder
from tests.recommender import catalogs


@pytest.mark.parametrize("place", ["config", "shape"])
def test_a_model_of_a_newer_version_says_so(saved: Path, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "newer"
    shutil.copytree(saved, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    part = manifest["config"]["model"] if place == "config" else manifest["shape"]
    part["brand_new"] = True
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match=r"of a newer kgrec.*brand_new.*upgrade") as error:
        Recommender.load(folder)
    assert "pydantic" not in str(error.value)


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        ("config", "head", "future_head", "model.head = 'future_head'"),
        ("config", "kg_layers", 99, "model.kg_layers = '99'"),
        ("config", "time_scales", "soon", "model.time_scales = 'soon'"),
        ("shape", "head", "future_head", "head = 'future_head'"),
    ],
)
def test_a_value_that_this_version_does_not_know_is_named(
    saved: Path, tmp_path: Path, part: str, name: str, value: object, words: str
) -> None:
    folder = tmp_path / "newer"
    shutil.copytree(saved, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    place = manifest["config"]["model"] if part == "config" else manifest["shape"]
    place[name] = value
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError) as error:
        Recommender.load(folder)
    assert f"it has {words}, which this version does not know; upgrade" in str(error.value)
    assert "pydantic" not in str(error.value)


@pytest.mark.parametrize("config", [{"model": {}}, {}, RatingConfig(), "default", 3])
def test_settings_of_another_kind_are_refused(config: object) -> None:
    with pytest.raises(RequestError, match=r"config is a .*give a kgrec\.RecommenderConfig"):
        Recommender(config)  # type: ignore[arg-type]


def test_resume_needs_a_checkpoint() -> None:
    with pytest.raises(RequestError, match="checkpoint="):
        Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog(), resume=True)


@pytest.mark.parametrize("device", ["mps", "foo", "", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_one_line(saved: Path, device: str) -> None:
    with pytest.raises(DeviceError) as error:
        Recommender.load(saved, device=device)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 300


@pytest.mark.slow
def test_a_search_continues_with_more_trials(tmp_path: Path) -> None:
    def tuned(count: int, resume: bool) -> list[dict[str, object]]:
        model = Recommender(catalogs.config(**catalogs.SHORT))
        model.fit(catalogs.catalog(), tune=count, checkpoint=tmp_path / "ck", resume=resume)
        return model.tuning

    two = tuned(2, resume=False)
    three = tuned(3, resume=True)
    assert three[:2] == two
    assert len(three) == 3


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", [None, "my notes", "[]", '{"tries": []}'])
def test_a_search_replaces_nothing_that_it_did_not_write(
    tmp_path: Path, content: str | None, resume: bool
) -> None:
    kept = tmp_path / "ck.tuning"
    mine = kept if content is None else kept / "tries.json"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text(content or "mine")
    model = Recommender(catalogs.config(**catalogs.SHORT))
    with pytest.raises(ModelError, match=r"ck\.tuning.* move it away"):
        model.fit(catalogs.catalog(), tune=1, checkpoint=tmp_path / "ck", resume=resume)
    assert mine.read_text() == (content or "mine")


@pytest.mark.slow
@pytest.mark.parametrize("tune", [None, 1])
def test_resuming_from_nothing_is_said(tmp_path: Path, tune: int | None) -> None:
    model = Recommender(catalogs.config(**catalogs.SHORT))
    folder = tmp_path / "ck"

    def fit(resume: bool) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(catalogs.catalog(), tune=tune, checkpoint=folder, resume=resume)
        return [str(one.message) for one in caught if "no checkpoint in" in str(one.message)]

    assert len(fit(resume=True)) == 1
    assert fit(resume=True) == fit(resume=False) == []


@pytest.mark.slow
def test_a_search_removes_only_its_own_files(tmp_path: Path) -> None:
    mine = tmp_path / "ck.tuning" / "current" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    beside = tmp_path / "ck.tuning" / "plan.txt"
    beside.write_text("precious")
    model = Recommender(catalogs.config(**catalogs.SHORT))
    with pytest.raises(ModelError, match=r"notes\.txt"):
        model.fit(catalogs.catalog(), tune=1, checkpoint=tmp_path / "ck")
    assert mine.read_text() == beside.read_text() == "precious"


def test_paths_in_settings_hold_in_every_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tuned").mkdir()
    config = RecommenderConfig(text=TextConfig(model="tuned", cache_dir="cache"))
    full = config.with_full_paths()
    assert (full.text.model, full.text.cache_dir) == (
        str(tmp_path / "tuned"),
        str(tmp_path / "cache"),
    )
    for name in ("default", "some/name-of-a-hub"):
        kept = RecommenderConfig(text=TextConfig(model=name))
        assert kept.with_full_paths() == kept


def test_the_home_is_expanded_in_a_stores_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with connect("~/deep/shop.kgl") as store:
        store.write(catalogs.catalog())
    assert (tmp_path / "deep" / "shop.kgl").is_file()


def test_matplotlib_gets_a_folder_only_where_the_home_is_read_only(tmp_path: Path) -> None:
    code = (
        "import os, sys; from kgrec.extras import give_matplotlib_a_folder as f; f();"
        "print(os.environ.get('MPLCONFIGDIR')); assert 'matplotlib' not in sys.modules"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    }

    def folder(home: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**kept, "HOME": home},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert folder(str(tmp_path)) == "None"
    given = folder("/dev/null/home")
    assert "kgrec-matplotlib-" in given
    assert not Path(given).exists()  # removed at the end of the process
    give_matplotlib_a_folder()
