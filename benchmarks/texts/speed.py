"""How many texts a second the encoder reads, beside sentence-transformers with its defaults.

Both read the same weights in one process with as many threads (set OMP_NUM_THREADS), in turns, on
texts drawn anew for every round. Texts are cut at 256 tokens first: there sentence-transformers
stops reading, while kgrec would read on in further chunks (the rows "whole texts").
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import torch

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from benchmarks.texts.review_rows import MUSIC, review_catalog
from kgrec.text import BertEncoder, clean_text, load_encoder
from kgrec.text.encoding.models import model_folder
from kgrec.text.encoding.precision import Precision, has_native_bf16
from kgrec.text.encoding.runtimes import has_openvino

PEER: Final = "sentence-transformers"
DEFAULT: Final = "auto"
WHOLE: Final = "whole texts"
TEXTS: Final = 256  # as many chunks as precision auto waits for
ROUNDS: Final = 3
MAX_LENGTH: Final = 256
Encode = Callable[[list[str]], np.ndarray]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    peer = _peer()
    encoders = load_encoders(asked.precisions or precisions())
    data = {name: measure(name, encoders, peer, asked.texts, asked.rounds) for name in asked.data}
    result = {
        "protocol": f"{asked.rounds} rounds, each of {asked.texts} texts drawn without replacement "
        f"(default_rng(round)), cut at {MAX_LENGTH} tokens; the ratio is the median of the rounds' "
        f"ratios; cosines are those of kgrec's own fp32, over all rounds' texts",
        "kgrec": summary(data),
        "data": data,
        "peer": f"{PEER} {version(PEER)}, defaults",
        "threads": torch.get_num_threads(),
    }
    rows = [
        {"data": name, "encoder": encoder, **figures}
        for name, table in data.items()
        for encoder, figures in table.items()
    ]
    report.finish("text-speed", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text speed", description="How fast the encoder reads."
    )
    parser.add_argument("--data", nargs="+", choices=list(_TEXTS), default=list(_TEXTS))
    parser.add_argument("--precisions", nargs="+", help="those to measure (all that run here)")
    parser.add_argument("--texts", type=int, default=TEXTS, help="texts a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often all take turns")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def precisions() -> list[Precision]:
    """Those that this machine runs natively, the default first."""
    found: list[Precision] = [DEFAULT, "fp32"]
    if has_openvino():
        found += ["openvino", "int8"]
    if has_native_bf16(torch.device("cpu")):
        found.append("bf16")
    return found


def load_encoders(names: Sequence[Precision]) -> dict[str, BertEncoder]:
    """kgrec's encoder in every precision; fp32, which the others are held against, is one."""
    wanted = dict.fromkeys([*names, "fp32"])
    return {
        name: load_encoder(device="cpu", precision=name, max_length=MAX_LENGTH) for name in wanted
    }


def _peer() -> Encode:
    from sentence_transformers import SentenceTransformer  # beside a store it may find no TLS room

    model = SentenceTransformer(str(model_folder()), device="cpu")
    return lambda texts: np.asarray(model.encode(texts))


def measure(
    name: str, encoders: dict[str, BertEncoder], peer: Encode, size: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """Figures of every encoder on the texts called ``name``, the peer's first."""
    texts = [text for text in map(clean_text, _TEXTS[name]()) if text]
    size = min(size, len(texts))
    ways: dict[str, Encode] = {PEER: peer, **{n: e.encode for n, e in encoders.items()}}
    seconds: dict[str, list[float]] = {way: [] for way in (*ways, WHOLE)}
    vectors: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    for turn in range(rounds + 1):  # the first, numbered 0, warms up
        print(f"{name}: round {turn} of {rounds}", file=sys.stderr, flush=True)
        chosen = np.random.default_rng(turn).choice(len(texts), size, replace=False)
        whole = [texts[row] for row in chosen]
        short = cut(encoders["fp32"], whole)
        for way, encode in ways.items():
            _timed(way, encode, short, turn, seconds, vectors)
        _timed(WHOLE, ways[DEFAULT if DEFAULT in ways else "fp32"], whole, turn, seconds, {})
    figures = {way: _figures(way, seconds, vectors, size) for way in seconds}
    for way, encoder in encoders.items():
        figures[way]["runtime"] = f"{encoder.runtime} {encoder.precision}"
    return figures


def _timed(
    way: str,
    encode: Encode,
    texts: list[str],
    turn: int,
    seconds: dict[str, list[float]],
    vectors: dict[str, list[np.ndarray]],
) -> None:
    started = time.perf_counter()
    found = encode(texts)
    if turn:
        seconds[way].append(time.perf_counter() - started)
        vectors.get(way, []).append(found)


def cut(encoder: BertEncoder, texts: list[str]) -> list[str]:
    """Each text up to the last character of its first chunk."""
    found = encoder._tokenizer(
        texts, truncation=True, max_length=encoder.max_length, return_offsets_mapping=True
    )
    ends = [max(end for _, end in offsets) for offsets in found["offset_mapping"]]
    return [text[:end] for text, end in zip(texts, ends, strict=True)]


def _figures(
    way: str, seconds: dict[str, list[float]], vectors: dict[str, list[np.ndarray]], size: int
) -> dict[str, Any]:
    times = np.array(seconds[way])
    figures: dict[str, Any] = {
        "texts_per_second": round(float(size / np.median(times)), 1),
        "throughput_ratio": round(float(np.median(np.array(seconds[PEER]) / times)), 3),
    }
    if way in vectors:
        exact, other = (_unit(np.concatenate(vectors[key])) for key in ("fp32", way))
        cosines = (exact * other).sum(axis=1)
        figures["cosine"] = round(float(cosines.min()), 6)
        figures["mean_cosine"] = round(float(cosines.mean()), 6)
    return figures


def _unit(vectors: np.ndarray) -> np.ndarray:
    doubles = vectors.astype(np.float64)
    return np.asarray(doubles / np.linalg.norm(doubles, axis=1, keepdims=True))


def summary(data: dict[str, dict[str, dict[str, Any]]]) -> dict[str, float]:
    """The default's and int8's lowest ratio and lowest cosine over the data."""
    found: dict[str, float] = {}
    for way, ending in ((DEFAULT, ""), ("int8", "_int8")):
        tables = [table[way] for table in data.values() if way in table]
        for key in ("throughput_ratio", "cosine") if tables else ():
            found[key + ending] = min(table[key] for table in tables)
    return found


def _plots() -> list[str]:
    return [str(plot) for plot in load_dataset("ml-1m-kg").catalog.items["plot"].dropna()]


def _reviews() -> list[str]:
    return [str(text) for text in review_catalog(MUSIC).reviews["text"]]


_TEXTS: Final[dict[str, Callable[[], list[str]]]] = {"plots": _plots, "reviews": _reviews}
