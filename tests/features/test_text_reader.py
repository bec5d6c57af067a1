"""A language model that is loaded once for several models that read texts alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.config import RecommenderConfig, TextConfig
from kgrec.features.texts import TextReader
from tests.text import tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(tiny.write_bert(tmp_path / "bert"))


def _reader(folder: Path, cache: Path, length: int = 16) -> TextReader:
    text = TextConfig(model=str(folder), max_length=length, cache_dir=str(cache))
    return TextReader(RecommenderConfig(text=text))


def test_a_reader_takes_the_model_that_another_has_loaded(folder: Path, tmp_path: Path) -> None:
    one, two = _reader(folder, tmp_path), _reader(folder, tmp_path)
    two.share(one)
    assert not two.is_loaded  # there was nothing to take
    vector = one.encode_query("the red cat")
    two.share(one)
    assert two.is_loaded
    assert two.encoder is one.encoder
    assert (two.encode_query("the red cat") == vector).all()


def test_a_reader_of_other_settings_or_files_loads_its_own(folder: Path, tmp_path: Path) -> None:
    one = _reader(folder, tmp_path)
    _ = one.encoder
    longer = _reader(folder, tmp_path, length=32)
    longer.share(one)
    assert not longer.is_loaded
    tiny.write_bert(folder, seed=1)
    changed = _reader(folder, tmp_path)
    changed.share(one)
    assert not changed.is_loaded
