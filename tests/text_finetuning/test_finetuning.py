"""Fine-tuning without the packages of its extra: refused before anything is read or written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kgrec
from kgrec.errors import MissingExtraError


@pytest.mark.parametrize("method", ["lora", "adalora", "prefix", "ia3"])
def test_a_method_of_peft_without_peft_is_refused_first(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    settings = kgrec.TextTuning(method=method)
    with pytest.raises(MissingExtraError, match=r"pip install 'kgrec\[finetuning\]'"):
        kgrec.tune_text(kgrec.connect(tmp_path / "none.kgl"), tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
