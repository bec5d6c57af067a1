from pathlib import Path

import pytest

from graph_schema import SourceError
from kgrec.cli._settings import read_config
from kgrec.config import RecommenderConfig


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[training]\nepochs = 3\n[text]\nmax_length = 64\n")
    config = read_config(file, text_cache=tmp_path / "cache")
    assert config.training.epochs == 3
    assert (config.text.max_length, config.text.cache_dir) == (64, str(tmp_path / "cache"))
    assert config.model == RecommenderConfig().model


def test_no_file_means_the_defaults() -> None:
    assert read_config(None) == RecommenderConfig()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[training]\nepochs = 0\nspeed = 2\n", r"(?s)training\.epochs.*training\.speed"),
        ("training = [", "no TOML file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(SourceError, match=message):
        read_config(file)
