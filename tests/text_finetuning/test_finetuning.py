"""Fine-tuning without the packages of its extra: refused before anything is read or written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kgrec
from kgrec.errors import MissingExtraError, RequestError


@pytest.mark.parametrize("method", ["lora", "adalora", "prefix", "ia3"])
def test_a_method_of_peft_without_peft_is_refused_first(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    settings = kgrec.TextTuning(method=method)
    with pytest.raises(MissingExtraError, match=r"pip install 'kgrec\[finetuning\]'"):
        kgrec.tune_text(kgrec.connect(tmp_path / "none.kgl"), tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"config": {"method": "lora"}}, {"recommender": {}}])
def test_settings_of_another_kind_are_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"is a dict; give a kgrec\.(TextTuning|Recommender)"):
        kgrec.tune_text(kgrec.connect(tmp_path / "none.kgl"), tmp_path / "out", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
