"""The language model of a service: there before the first answer, and once for models alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kgrec import Recommender
from kgrec.config import TextConfig
from kgrec.serving.config import ServiceConfig
from kgrec.serving.registry import Root
from kgrec.serving.service import Service
from kgrec.serving.verbs.lists import warm
from tests.recommender import catalogs
from tests.text.tiny import write_bert


def test_no_answer_waits_for_the_language_model(tmp_path: Path) -> None:
    text = TextConfig(
        model=str(write_bert(tmp_path / "bert")), max_length=16, cache_dir=str(tmp_path / "cache")
    )
    config = catalogs.config({"use_text": True}).model_copy(update={"text": text})
    Recommender(config).fit(catalogs.catalog(), effort="quick").save(tmp_path / "model")
    root = Root.open(tmp_path / "service")
    for name in ("a", "b"):
        root.add(name, tmp_path / "model")
    root.activate("a", "test")
    service = Service(root, ServiceConfig(), warm)
    service.load()
    first = service.served
    assert first.model.state.indexes.searcher.reads_meaning
    assert first.model.state.reader.is_loaded

    async def change() -> None:
        await service.activate("b", "test")
        await service.stop()

    asyncio.run(change())
    second = service.served
    assert second.entry.name == "b"
    assert second.model.state.reader.encoder is first.model.state.reader.encoder
    before, after = (one.model.search("red town") for one in (first, second))
    assert before.equals(after)
