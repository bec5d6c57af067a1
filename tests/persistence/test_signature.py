"""A saved model is what its maker wrote: signatures, links, files that were put there later."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from graph_schema.disk.files import digest
from graph_schema.disk.signature import KEY_FILE
from kgrec import Recommender
from kgrec.errors import ModelError
from kgrec.persistence.model_folder import read_clusters, read_manifest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs links and the rights of files")


def key_file(folder: Path, name: str = "key", text: str = "0123456789abcdef" * 4) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = key_file(tmp_path)
    monkeypatch.setenv(KEY_FILE, str(path))
    return path


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A model without a signature, to change."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def _changed(folder: Path, **fields: Any) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **fields}))


def _forged(folder: Path) -> None:
    """Another title in the items, and the checksum that fits: who can write one file can both."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "items.parquet")
    titles = ["forged"] * table.num_rows
    place = table.column_names.index("title")
    table = table.set_column(place, "title", [titles])
    pq.write_table(table, folder / "items.parquet")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    _changed(folder, files={**files, "items.parquet": digest(folder / "items.parquet")})


def test_a_signed_model_is_loaded_with_and_without_the_key(
    short: Recommender, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short.save(tmp_path / "model")
    users = short.snapshot.users.ids[:3].tolist()
    expected = short.recommend(users)
    assert Recommender.load(tmp_path / "model").recommend(users).equals(expected)
    assert pickle.loads(pickle.dumps(short.state)).config == short.config
    monkeypatch.delenv(KEY_FILE)
    assert Recommender.load(tmp_path / "model").recommend(users).equals(expected)
    assert key.read_bytes() not in (tmp_path / "model" / "manifest.json").read_bytes()


def test_a_changed_manifest_is_noticed_with_a_key_alone(
    short: Recommender, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short.save(tmp_path / "model")
    _forged(tmp_path / "model")
    with pytest.raises(ModelError, match=r"signature does not fit.*Copy the folder"):
        Recommender.load(tmp_path / "model")
    with pytest.raises(ModelError, match="signature does not fit"):
        read_manifest(tmp_path / "model")
    monkeypatch.delenv(KEY_FILE)
    titles = Recommender.load(tmp_path / "model").snapshot.items.attributes["title"]
    assert set(titles) == {"forged"}  # what the key is for


def test_a_model_without_a_signature_or_of_another_key_is_refused(
    short: Recommender, copy: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=f"is not signed, and {KEY_FILE} asks"):
        Recommender.load(copy)
    short.save(tmp_path / "model")
    monkeypatch.setenv(KEY_FILE, str(key_file(tmp_path, "other", "another key" * 4)))
    with pytest.raises(ModelError, match="another key signed it"):
        Recommender.load(tmp_path / "model")
    for odd in (7, None, ["x"], "é"):
        _changed(copy, signature=odd)
        with pytest.raises(ModelError):
            Recommender.load(copy)


@pytest.mark.parametrize("text", ["", "short", "x" * 5000])
def test_a_key_must_be_long(copy: Path, key: Path, text: str) -> None:
    key.write_text(text)
    with pytest.raises(ModelError, match="give 32 to 4096, made by chance: openssl rand"):
        Recommender.load(copy)


def test_a_key_that_others_may_read_is_refused(copy: Path, key: Path) -> None:
    key.chmod(0o640)
    with pytest.raises(ModelError, match=r"others may read.*chmod 600"):
        Recommender.load(copy)


@pytest.mark.parametrize("secret", ["s3cret-in-the-variable" * 3, "s3cret\0", "/"])
def test_what_the_variable_holds_is_never_shown(
    copy: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """It may be the key itself by mistake."""
    if "\0" not in secret:  # no variable can hold it
        monkeypatch.setenv(KEY_FILE, secret)
    else:
        monkeypatch.setattr(os, "environ", {**os.environ, KEY_FILE: secret})
    with pytest.raises(ModelError, match="names no file that can be read") as caught:
        Recommender.load(copy)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["items.parquet", "manifest.json", "rules.toml"])
def test_a_link_out_of_the_folder_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    if (copy / name).exists():
        (copy / name).rename(outside)
    else:
        outside.write_text("# no rules\n")
    (copy / name).symlink_to(outside)
    with pytest.raises(ModelError, match=rf"{name} is no file of the folder, but a link"):
        Recommender.load(copy)


def test_links_within_the_folder_and_to_it_are_followed(copy: Path, tmp_path: Path) -> None:
    """As volumes of containers have them."""
    (copy / "..data").mkdir()
    (copy / "items.parquet").rename(copy / "..data" / "items.parquet")
    (copy / "items.parquet").symlink_to(Path("..data") / "items.parquet")
    (tmp_path / "link").symlink_to(copy)
    Recommender.load(tmp_path / "link")


def test_a_pipe_is_refused_and_not_waited_for(copy: Path) -> None:
    (copy / "items.parquet").unlink()
    os.mkfifo(copy / "items.parquet")
    with pytest.raises(ModelError, match="or of another kind"):
        Recommender.load(copy)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../outside", "a\\b", ""])
def test_names_that_lead_out_of_the_folder_are_refused(
    copy: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "outside").write_text("x")
    files = json.loads((copy / "manifest.json").read_text())["files"]
    _changed(copy, files={**files, name: "0" * 64})
    with pytest.raises(ModelError, match="leads out of it"):
        Recommender.load(copy)


@pytest.mark.parametrize("name", ["ratings.json", "recogniser.json", "scenarios.parquet"])
def test_files_that_were_put_there_later_are_not_read(copy: Path, name: str) -> None:
    files = json.loads((copy / "manifest.json").read_text())["files"]
    stem = name.partition(".")[0]
    _changed(copy, files={one: sha for one, sha in files.items() if stem not in one})
    (copy / name).write_text("{}")
    with pytest.raises(ModelError, match="which its manifest does not list"):
        Recommender.load(copy)


def test_files_of_others_may_lie_there(copy: Path) -> None:
    (copy / "notes.json").write_text("{}")
    Recommender.load(copy)


@pytest.mark.parametrize("name", ["manifest.json", "vocabulary.json"])
def test_deep_json_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_text("[" * 200_000)
    if name != "manifest.json":
        files = json.loads((copy / "manifest.json").read_text())["files"]
        _changed(copy, files={**files, name: digest(copy / name)})
    with pytest.raises(ModelError, match="nested too deeply"):
        Recommender.load(copy)


def test_clusters_are_checked_too(copy: Path) -> None:
    (copy / "item_clusters.safetensors").write_bytes(b"x")
    files = json.loads((copy / "manifest.json").read_text())["files"]
    _changed(copy, files={**files, "item_clusters.safetensors": "0" * 64})
    with pytest.raises(ModelError, match="truncated or was changed"):
        read_clusters(copy)
