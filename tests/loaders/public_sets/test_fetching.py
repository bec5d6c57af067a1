"""Downloads of the demo's data: once, checked, repaired, and an error without a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

import loaders
from graph_schema import SourceError
from loaders.public_sets import wheels
from loaders.public_sets.named_facts import spoken

pytestmark = pytest.mark.slow


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip and uv use no network and no cache."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.mark.usefixtures("offline")
def test_a_complete_folder_needs_no_network(
    ml100k_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    shutil.copytree(ml100k_dir, tmp_path / "ml-100k")
    assert loaders.fetch("ml-100k-recbole") == tmp_path / "ml-100k"
    names = {path.suffix for path in loaders.fetch("ml-100k-recbole").iterdir()}
    assert names >= {".inter", ".user", ".item", ".kg", ".link"}
    folder = loaders.fetch("ml-100k")
    shutil.rmtree(tmp_path / "ml-100k")
    made = (folder / "items.csv").stat().st_mtime_ns
    assert loaders.fetch() == folder
    assert (folder / "items.csv").stat().st_mtime_ns == made


def test_every_named_fact_is_loaded(ml100k_dir: Path, ml100k: Path) -> None:
    result = loaders.load(ml100k)
    kept = {file.file: (file.read, file.kept) for file in result.report.files}
    assert kept["facts.csv.gz"] == (26_899, 26_899)
    assert kept["entities.csv.gz"] == (4_465, 4_465)
    catalog, published = result.catalog, loaders.load(ml100k_dir).catalog
    assert all(
        catalog.tables[name].equals(published.tables[name]) for name in ("users", "interactions")
    )
    assert catalog.items.drop(columns="title").equals(published.items.drop(columns="title"))
    assert set(catalog.facts["tail"]) == set(catalog.entities["entity_id"])
    assert catalog.entities["name"].notna().all()
    facts = catalog.facts.merge(catalog.entities, left_on="tail", right_on="entity_id")
    heathers = facts[(facts["head"] == "433") & (facts["relation"] == "STARRING")]
    assert set(heathers["name"]) == {"Winona Ryder", "Christian Slater"}
    assert "ShareAlike 3.0" in (ml100k / "NOTICE").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("published", "title"),
    [
        ("Usual Suspects, The", "The Usual Suspects"),
        ("Tin Drum, The (Blechtrommel, Die)", "The Tin Drum (Die Blechtrommel)"),
        ("Vie est belle, La (Life is Rosey)", "La Vie est belle (Life is Rosey)"),
        ("Eye of Vichy, The (Oeil de Vichy, L')", "The Eye of Vichy (L'Oeil de Vichy)"),
        ("Paris, France", "Paris, France"),
        ("Twelve Monkeys", "Twelve Monkeys"),
    ],
)
def test_articles_come_first(published: str, title: str) -> None:
    assert spoken(pa.chunked_array([[published]])).to_pylist() == [title]


@pytest.mark.parametrize("name", ["facts.csv.gz", "interactions.csv", ".digests.json"])
def test_a_changed_file_is_made_again(
    ml100k_dir: Path, ml100k: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    shutil.copytree(ml100k_dir, tmp_path / "ml-100k")
    shutil.copytree(ml100k, tmp_path / ml100k.name)
    file = tmp_path / ml100k.name / name
    whole = file.read_bytes()
    file.write_bytes(b"half")
    assert loaders.fetch() == tmp_path / ml100k.name
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_error_has_a_cure_and_no_file_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    with pytest.raises(SourceError, match=r"recbole==1\.2\.1 can't be downloaded.*KGREC_CACHE_DIR"):
        loaders.fetch("ml-100k")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("offline")
def test_a_damaged_folder_is_not_used(
    ml100k_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    shutil.copytree(ml100k_dir, tmp_path / "ml-100k")
    (tmp_path / "ml-100k" / "ml-100k.kg").write_bytes(b"half")
    with pytest.raises(SourceError, match="can't be downloaded"):
        loaders.fetch("ml-100k-recbole")


def test_a_foreign_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    (tmp_path / "recbole-1.2.1-py3-none-any.whl").write_bytes(b"not the wheel")
    with pytest.raises(SourceError, match=r"is not the published wheel.*Cure"):
        loaders.fetch("ml-100k")
    assert not (tmp_path / "ml-100k").exists()


def test_an_unknown_name() -> None:
    with pytest.raises(SourceError, match="'ml-2b' is not a known data set"):
        loaders.fetch("ml-2b")


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path / "own"))
    assert wheels.cache_root() == tmp_path / "own"
    monkeypatch.delenv("KGREC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert wheels.cache_root() == tmp_path / "kgrec"
