"""Optional packages: what is missing is named with its extra, and every extra exists."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from kgrec.errors import KgrecError, MissingExtraError
from kgrec.extras import require

ROOT = Path(__file__).resolve().parents[1]
_NAMED_EXTRA = re.compile(r"require\(\s*\"[\w.]+\",\s*extra=\"(\w+)\"|kgrec\[(\w+)\]")


def test_an_installed_module_is_imported() -> None:
    assert require("json.decoder", extra="any").__name__ == "json.decoder"


@pytest.mark.parametrize("module", ["not_installed", "not_installed.part"])
def test_a_missing_package_is_named_with_its_extra(module: str) -> None:
    cure = r"package not_installed is not installed; run pip install 'kgrec\[some\]'"
    with pytest.raises(MissingExtraError, match=cure) as caught:
        require(module, extra="some")
    assert isinstance(caught.value, KgrecError)
    assert isinstance(caught.value, ImportError)


def test_a_hidden_package_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"kgrec\[finetuning\]"):
        require("peft", extra="finetuning")


def test_the_missing_dependency_of_an_installed_package_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("import not_installed_either\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_installed_either") as caught:
        require("broken_package", extra="some")
    assert not isinstance(caught.value, MissingExtraError)


def test_every_extra_that_the_code_names_is_in_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = {
        name
        for file in (ROOT / "kgrec").rglob("*.py")
        for pair in _NAMED_EXTRA.findall(file.read_text(encoding="utf-8"))
        for name in pair
        if name
    } - {"EXTRA"}
    assert {"finetuning", "openvino"} <= named
    assert named <= set(extras)
