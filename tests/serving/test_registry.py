"""The registry of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.errors import RequestError, ServiceError
from kgrec.serving.registry import Registry, Root


def _root(folder: Path, *names: str) -> Root:
    root = Root.open(folder / "root")
    for name in names:
        root.add(name, folder / name)
    return root


def test_a_new_root_has_no_model(tmp_path: Path) -> None:
    root = _root(tmp_path)
    assert root.read() == Registry()
    assert root.folder.stat().st_mode & 0o777 == 0o700


def test_activations_are_kept_with_who_and_why(tmp_path: Path) -> None:
    root = _root(tmp_path, "a", "b")
    root.activate("a", "ann", "first")
    root.activate("b", "bob", "better")
    registry = root.read()
    assert registry.active == "b"
    assert registry.previous == "a"
    assert [(one.before, one.name, one.who) for one in registry.history] == [
        (None, "a", "ann"),
        ("a", "b", "bob"),
    ]
    assert root.folder_of(registry.entry("a")) == tmp_path / "a"


def test_models_inside_the_root_move_with_it(tmp_path: Path) -> None:
    root = _root(tmp_path)
    root.add("mine", root.new_folder("mine"))
    (tmp_path / "root").rename(tmp_path / "moved")
    moved = Root.open(tmp_path / "moved")
    assert moved.folder_of(moved.read().entry("mine")) == tmp_path / "moved" / "models" / "mine"


def test_who_expects_another_model_changes_nothing(tmp_path: Path) -> None:
    root = _root(tmp_path, "a", "b")
    root.activate("a", "ann")
    with pytest.raises(RequestError, match="somebody changed it"):
        root.activate("b", "bob", "", "c")
    assert root.read().active == "a"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "a b", "a\0"])
def test_names_are_those_of_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="no name of a model"):
        _root(tmp_path).add(name, tmp_path)


def test_unknown_and_taken_names(tmp_path: Path) -> None:
    root = _root(tmp_path, "a")
    with pytest.raises(RequestError, match="there are: a"):
        root.activate("b", "ann")
    with pytest.raises(RequestError, match="another model"):
        root.add("a", tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 9, "models": [], "history": []}'])
def test_a_damaged_registry_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    root = _root(tmp_path, "a")
    root.registry_file.write_text(content)
    with pytest.raises(ServiceError, match="put back a copy"):
        root.add("b", tmp_path)
    assert root.registry_file.read_text() == content


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ServiceError, match="can't be made"):
        Root.open(tmp_path / "file")


def test_a_place_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    root = Root.open(tmp_path / "service")
    root.add("shop", root.folder / "models" / "shop")
    text = root.registry_file.read_text().replace("models/shop", "models/../../elsewhere")
    root.registry_file.write_text(text)
    with pytest.raises(ServiceError, match="leads out of"):
        root.folder_of(root.read().entry("shop"))


def test_old_folds_leave_and_nothing_that_is_in_use(tmp_path: Path) -> None:
    root = Root.open(tmp_path / "service")
    outside = tmp_path / "a"
    outside.mkdir()
    root.add("a", outside)
    for number in range(1, 7):
        root.new_folder(f"a-fold{number}").mkdir()
        root.add(f"a-fold{number}", root.new_folder(f"a-fold{number}"), "", number, made_from="a")
    root.new_folder("b-fold1").mkdir()
    root.add("b", outside)
    root.add("b-fold1", root.new_folder("b-fold1"), "", 1, made_from="b")
    root.activate("a-fold2", "me")
    root.activate("a-fold4", "me")
    assert root.drop_old_folds(2) == ["a-fold1", "a-fold3", "a-fold5"]
    assert [*root.read().models] == ["a", "a-fold2", "a-fold4", "a-fold6", "b", "b-fold1"]
    assert not root.new_folder("a-fold1").exists()
    assert root.new_folder("a-fold4").exists()
    assert outside.exists()
    assert root.read().previous == "a-fold2"
    assert root.drop_old_folds(9) == []
