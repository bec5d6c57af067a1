"""How time and memory grow with the graph: ``python -m benchmarks.scale``.

Generated graphs of several sizes are written into an embedded store, read as a snapshot and trained
on for a few epochs, with the same settings at every size, each size in processes of its own. With
``--via parquet`` they are written as Parquet instead, piece by piece, and never in memory as a
whole: ``kgrec snapshot`` makes a folder of columns, training maps it, and the saved model answers
and explains in another process.
The exponents are those of edges ** exponent, fitted over the sizes, and from the last but one to
the last: where there are fewer items than a step of training reads, a step costs less. One is
linear.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import kgrec
    from kgrec.graph import GraphSnapshot

Figures = dict[str, Any]

SIZES: Final = (1e5, 1e6, 1e7)
EMBEDDING_SIZE: Final = 64
EPOCHS: Final = 3
_GROWTH: Final = (
    "seconds_per_epoch",
    "processor_seconds_per_epoch",
    "snapshot_seconds",
    "snapshot_processor_seconds",
    "snapshot_peak_memory_gb",
    "write_seconds",
    "memory_gb",
)
_VIA: Final = {
    "store": ("write", "fit"),
    "parquet": ("write-parquet", "snapshot", "fit-folder", "answer"),
}
_MEMORY: Final = "1GB"  # of DuckDB


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size and report."""
    asked = _parser().parse_args(arguments)
    if asked.stage:
        print(json.dumps(_STAGES[asked.stage](asked)))
        return
    sizes = []
    for edges in asked.edges:
        with _place(asked.folder, int(edges)) as folder:
            sizes.append(_measure(int(edges), folder, asked))
        print(json.dumps(sizes[-1]), file=sys.stderr, flush=True)
    _report(sizes, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--edges", type=float, nargs="+", default=list(SIZES), metavar="N")
    parser.add_argument("--epochs", type=_epochs, default=EPOCHS, help="three or more")
    parser.add_argument("--embedding-size", type=int, default=EMBEDDING_SIZE)
    parser.add_argument("--sampling", choices=("sampled", "full", "auto"), default="sampled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--via", choices=sorted(_VIA), default="store")
    parser.add_argument("--memory", default=_MEMORY, help="of DuckDB, with --via parquet")
    parser.add_argument("--stages", nargs="+", choices=sorted(_STAGES), help="only these")
    parser.add_argument("--folder", type=Path, help="where the files are kept; else removed")
    parser.add_argument("--save", action="store_true", help="keep the result")
    parser.add_argument("--stage", choices=sorted(_STAGES), help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    return parser


@contextmanager
def _place(folder: Path | None, edges: int) -> Iterator[Path]:
    """The folder for the files of a size: one of its own in ``folder``, else a temporary one."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="kgrec-scale-") as temporary:
            yield Path(temporary)
        return
    own = folder / str(edges)
    own.mkdir(parents=True, exist_ok=True)
    yield own


def _epochs(text: str) -> int:
    epochs = int(text)
    if epochs < 3:
        raise argparse.ArgumentTypeError(
            "take three epochs or more: the first and last are special"
        )
    return epochs


def _measure(edges: int, folder: Path, asked: argparse.Namespace) -> Figures:
    """One size, each stage in a process of its own."""
    figures: Figures = {"edges": edges}
    for stage in asked.stages or _VIA[asked.via]:
        command = [sys.executable, "-m", "benchmarks.scale", "--stage", stage]
        command += ["--store", str(folder / "graph.kgl"), "--edges", str(edges)]
        command += ["--memory", asked.memory]
        command += ["--epochs", str(asked.epochs), "--seed", str(asked.seed)]
        command += ["--embedding-size", str(asked.embedding_size), "--sampling", asked.sampling]
        print(f"{edges:,} edges: {stage}", file=sys.stderr, flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"error: {stage} of {edges:,} edges ended with code {done.returncode} (see above; "
                "-9: out of memory). Cure: leave this size out with --edges."
            )
        figures.update(json.loads(done.stdout.splitlines()[-1]))
    return figures


def _write(asked: argparse.Namespace) -> Figures:
    """Generate a graph and write it into an embedded store."""
    from benchmarks.speed.generate import generate
    from kgrec.stores import EmbeddedStore

    catalog = generate(int(asked.edges[0]), asked.seed)
    rows = {name: catalog.tables[name].num_rows for name in ("users", "items", "entities")}
    edges = catalog.tables["interactions"].num_rows + catalog.tables["facts"].num_rows
    started = time.perf_counter()
    EmbeddedStore(asked.store).write(catalog)
    seconds = time.perf_counter() - started
    return {
        "edges": edges,
        **rows,
        "write_seconds": round(seconds, 3),
        "written_edges_per_second": round(edges / seconds),
        "write_peak_memory_gb": _peak(),
    }


def _write_parquet(asked: argparse.Namespace) -> Figures:
    """Generate a graph as Parquet files."""
    from benchmarks.speed.generate import write_parquet

    started = time.perf_counter()
    edges = write_parquet(int(asked.edges[0]), asked.store.with_name("data"), asked.seed)
    return {
        "edges": edges,
        "write_seconds": round(time.perf_counter() - started, 3),
        "write_peak_memory_gb": _peak(),
    }


def _snapshot(asked: argparse.Namespace) -> Figures:
    """Make a folder of columns of the Parquet files."""
    from kgrec.graph.mapped import open_snapshot
    from kgrec.graph.mapped.build import build_snapshot
    from kgrec.graph.source import catalog_snapshot
    from loaders.parts import FolderParts

    parts = FolderParts.find(asked.store.with_name("data"))
    assert parts is not None, "the Parquet files are missing"
    folder = asked.store.with_name("snapshot")
    started, processor = time.perf_counter(), time.process_time()
    build_snapshot(parts, folder, catalog_snapshot, memory=asked.memory)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = _peak()
    snapshot = open_snapshot(folder)
    edges = len(snapshot.interactions) + sum(map(len, snapshot.facts))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "users": len(snapshot.users),
        "items": len(snapshot.items),
        "entities": len(snapshot.entities),
        "snapshot_seconds": round(seconds, 3),
        "snapshot_processor_seconds": round(processor, 3),
        "snapshot_edges_per_second": round(edges / seconds),
        "snapshot_peak_memory_gb": peak,
        "bytes_per_edge": round(size / edges, 2),
    }


def _fit(asked: argparse.Namespace) -> Figures:
    """Read the store's snapshot and train on it."""
    from kgrec.graph import read_snapshot
    from kgrec.stores import EmbeddedStore

    model, imported = _model(asked), _peak()
    started = time.perf_counter()
    store = EmbeddedStore(asked.store)
    snapshot = read_snapshot(store)
    store.close()
    read = time.perf_counter() - started
    edges = len(snapshot.interactions) + sum(map(len, snapshot.facts))
    figures = {
        "snapshot_seconds": round(read, 3),
        "snapshot_edges_per_second": round(edges / read),
        "snapshot_peak_memory_gb": _peak(),
    }
    return {**figures, **_trained(model, snapshot, edges, imported, asked)}


def _fit_folder(asked: argparse.Namespace) -> Figures:
    """Train on the folder of columns, and save the model."""
    from kgrec.graph.mapped import open_snapshot

    model, imported = _model(asked), _peak()
    folder = asked.store.with_name("snapshot")
    snapshot = open_snapshot(folder)
    edges = len(snapshot.interactions) + sum(map(len, snapshot.facts))
    figures = _trained(model, snapshot, edges, imported, asked)
    started = time.perf_counter()
    model.save(asked.store.with_name("model"))
    return {
        **figures,
        "save_seconds": round(time.perf_counter() - started, 3),
        "saved_peak_memory_gb": _peak(),
    }


def _answer(asked: argparse.Namespace) -> Figures:
    """Load the saved model, recommend for some users and explain a recommendation."""
    import kgrec

    started = time.perf_counter()
    model = kgrec.Recommender.load(asked.store.with_name("model"), device="cpu")
    loaded = time.perf_counter() - started
    users = model.snapshot.users.ids[:100].tolist()
    started = time.perf_counter()
    lists = model.recommend(users, k=10)
    recommended = time.perf_counter() - started
    started = time.perf_counter()
    why = model.explain(users[0], str(lists["item_id"].iloc[0]))
    return {
        "load_seconds": round(loaded, 3),
        "recommend_100_seconds": round(recommended, 3),
        "explain_seconds": round(time.perf_counter() - started, 3),
        "explained_by_paths": len(why.paths),
        "answer_peak_memory_gb": _peak(),
    }


def _model(asked: argparse.Namespace) -> kgrec.Recommender:
    import kgrec

    return kgrec.Recommender(
        kgrec.RecommenderConfig(
            model=kgrec.ModelConfig(embedding_size=asked.embedding_size),
            training=kgrec.TrainingConfig(
                epochs=asked.epochs, valid_every=asked.epochs, sampling=asked.sampling, refit=False
            ),
        )
    )


def _trained(
    model: kgrec.Recommender,
    snapshot: GraphSnapshot,
    edges: int,
    imported: float,
    asked: argparse.Namespace,
) -> Figures:
    """Train a model on a snapshot; ``imported``: the GB of memory that packages take."""
    ends: list[float] = []  # processor seconds when an epoch was over
    started = time.perf_counter()
    model.fit(
        snapshot,
        seed=asked.seed,
        device="cpu",
        progress=lambda what, done, total: ends.append(time.process_time()),
    )
    fitted = time.perf_counter() - started
    # The first epoch also loads what PyTorch loads late, the last one's end is after validation.
    epoch = float(np.mean([record["seconds"] for record in model.history[1:]]))
    return {
        "seconds_per_epoch": round(epoch, 3),
        "processor_seconds_per_epoch": round(float(np.mean(np.diff(ends)[:-1])), 3),
        "edges_per_second_of_epoch": round(edges / epoch),
        "fit_seconds": round(fitted, 3),
        "losses": [round(record["loss"], 4) for record in model.history],
        "valid_ndcg@10": round(model.history[-1]["valid_ndcg@10"], 4),
        "peak_memory_gb": _peak(),
        "memory_gb": round(_peak() - imported, 3),
    }


_STAGES: Final[dict[str, Callable[[argparse.Namespace], Figures]]] = {
    "write": _write,
    "fit": _fit,
    "write-parquet": _write_parquet,
    "snapshot": _snapshot,
    "fit-folder": _fit_folder,
    "answer": _answer,
}


def _peak() -> float:
    """The most memory that this process has held, in GB."""
    from kgrec.cli.evaluate import peak_memory_gb

    return round(peak_memory_gb(), 3)


def exponents(sizes: Sequence[Figures]) -> dict[str, float]:
    """The power of the number of edges that each figure grows with, by least squares in logs."""
    edges = np.log([size["edges"] for size in sizes])
    if len(set(edges.tolist())) < 2:
        return {}
    return {
        name: round(float(np.polyfit(edges, [math.log(size[name]) for size in sizes], 1)[0]), 3)
        for name in _GROWTH
        if all(name in size for size in sizes)
    }


def _report(sizes: Sequence[Figures], asked: argparse.Namespace) -> None:
    from benchmarks.harness.report import finish

    growth, late = exponents(sizes), exponents(sizes[-2:])
    finish(
        "scale" if asked.via == "store" else "scale-parquet",
        {
            "data": "generated",
            "protocol": f"{asked.sampling} training, embedding size {asked.embedding_size}, "
            f"{asked.epochs} epochs, a process for each stage; memory_gb is the peak of "
            "reading and training above what the imported packages take",
            "kgrec": {f"{size['edges']:,} edges": size for size in sizes},
            "exponents": growth,
            "last_exponents": late,
            "peers": {},
            "fit_seconds": sizes[-1].get("fit_seconds"),
            "peak_memory_gb": sizes[-1].get("peak_memory_gb"),
            "seeds": [asked.seed],
        },
        _table(sizes, growth, late),
        asked.save,
    )


def _table(
    sizes: Sequence[Figures], growth: dict[str, float], late: dict[str, float]
) -> list[Figures]:
    """A row a figure, a column a size; "grows with" is the exponent, "in the end" that of the last
    two sizes."""
    return [
        {
            "figure": name,
            **{f"{size['edges']:,} edges": _plain(size[name]) for size in sizes},
            **({"grows with": growth.get(name), "in the end": late.get(name)} if growth else {}),
        }
        for name in sizes[0]
        if name != "edges"
    ]


def _plain(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
