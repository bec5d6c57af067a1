"""``kgrec doctor``: check that this machine has everything that kgrec needs."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from graph_schema.errors import KgrecError
from graph_schema.output.printable import printable_line
from kgrec.cli._app import FAILED, app
from kgrec.cli._console import show
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, MappingOption
from kgrec.cli._output import print_json
from kgrec.cli._stores import open_store

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # the ones that decide how fast texts go


@dataclass(frozen=True)
class Check:
    """The result of one check: ``ok`` is False only where something won't work."""

    name: str
    ok: bool
    detail: str


@app.command(epilog="Example: `kgrec doctor --store neo4j://localhost:7687`")
def doctor(
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", envvar="KGREC_STORE", help="Also look at this store."),
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="Also say how this model finds its lists.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check Python, packages, processor, text model and its speed, the cache and the stores.

    With `--mapping` also whether the graph is as the mapping says: labels, types, keys, directions,
    times, each with counts and a cure. Exit code 1 if anything that kgrec needs is missing.
    """
    checks = [_guard("python", _python), *_packages(), _guard("processor", _processor)]
    checks += [_guard("threads", _threads), _guard("accelerator", _accelerator)]
    checks += [_guard("text model", _text_model)]
    if checks[-1].ok:
        checks.append(_guard("text speed", _text_speed))
    checks += [_guard("cache", _cache), _guard("embedded store", _embedded)]
    if store is not None:
        checks.append(_guard("store", lambda: _store(store, db_user, database, mapping)))
        if mapping is not None:
            checks += _mapping(store, db_user, database, mapping)
    elif mapping is not None:
        checks.append(_guard("mapping", lambda: _mapping_alone(mapping)))
    if model is not None:
        checks.append(_guard("lists", lambda: _lists(model)))
        checks.append(_guard("erased people", lambda: _erased(model)))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            said = printable_line(check.detail)
            show(f"{'ok ' if check.ok else 'BAD'}  {check.name:<{width}}  {said}")
    if not all(check.ok for check in checks):
        raise typer.Exit(FAILED)


def _guard(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (KgrecError, OSError, ImportError) as error:
        return Check(name, False, str(error))


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages() -> list[Check]:
    needs = [line for line in requires("kgrec") or [] if "extra ==" not in line]
    names = [re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0] for line in needs]
    return [_package(name) for name in names]


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, f"missing: install it with pip install {name}")


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in lines.items()}
    present = [flag for flag in FLAGS if flag in fields.get("flags", "").split()]
    name = fields.get("model name", platform.processor() or "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{name}, {os.cpu_count()} cores, {memory:.0f} GB, {' '.join(present) or 'no fast flags'}"
    )


def _threads() -> str:
    """Raises RequestError for a wrong KGREC_THREADS."""
    import torch

    from kgrec.threads import processors, settle_threads, waiting

    settle_threads()
    found = processors()
    quota = "no CPU quota" if found.quota is None else f"a CPU quota of {found.quota:g} cores"
    return (
        f"{torch.get_num_threads()}, where {found.usable} of {found.cores} cores may be used and "
        f"there is {quota}; while they wait: {waiting()}"
    )


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(
            torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count())
        )
    return "none: everything runs on the processor"


def _embedded() -> str:
    """Start the process that holds an embedded store's graph."""
    from kgrec.stores import EmbeddedStore

    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="kgrec-") as folder,
        EmbeddedStore(Path(folder) / "new.kgl") as graph,
    ):
        graph.schema_version()
    return f"its process answers after {time.perf_counter() - started:.1f} s"


def _store(store: str, user: str | None, database: str | None, mapping: Path | None) -> str:
    with open_store(store, user=user, database=database, mapping=mapping) as graph:
        nodes = graph.node_counts()
        edges = sum(edge.count for edge in graph.edge_types())
        schema = graph.schema_version()
    counted = ", ".join(f"{count:,} {label}" for label, count in nodes.items())
    return f"{counted or 'no nodes'}, {edges:,} edges, schema {schema}"


def _mapping(store: str, user: str | None, database: str | None, mapping: Path) -> list[Check]:
    """A line for each problem; one line where the whole graph can be read."""
    from kgrec.graph import read_snapshot

    try:
        with open_store(store, user=user, database=database, mapping=mapping) as graph:
            found = graph.problems(values=True)
            if found:
                return [Check("mapping", False, one) for one in found]
            snapshot = read_snapshot(graph)
    except KgrecError as error:
        return [Check("mapping", False, str(error))]
    events = len(snapshot.interactions)
    users, items = len(snapshot.users), len(snapshot.items)
    return [Check("mapping", True, f"{users:,} users, {items:,} items, {events:,} interactions")]


def _mapping_alone(mapping: Path) -> str:
    from graph_schema import GraphMapping

    GraphMapping.load(mapping)
    return f"{mapping} can be read; give --store to compare it with a graph"


def _lists(model: Path) -> str:
    """Raises ModelError for a folder that is no model."""
    from kgrec.persistence.model_folder import read_clusters

    clusters = read_clusters(model)
    if clusters is None:
        return "all items are scored"
    if find_spec("faiss") is None:
        return "all items are scored, as faiss is not installed: pip install 'kgrec[ann]'"
    return clusters.described()


def _erased(model: Path) -> str:
    """What of a model was trained with people since erased. Raises ModelError, ErasureError."""
    from kgrec.persistence.model_folder import erased_of

    return str(erased_of(model) or "nobody was erased")


def _text_model() -> str:
    """Fetches the default model if it isn't here yet, as the first training would."""
    from kgrec.text.encoding.models import DEFAULT_NAME, model_folder

    return f"{DEFAULT_NAME}, checksum right, in {model_folder()}"


def _text_speed() -> str:
    """What precision "auto" chooses here, and how fast it is by a timing of a second or two."""
    from kgrec.text import load_encoder
    from kgrec.text.encoding.encoder import SAMPLE
    from kgrec.text.encoding.precision import texts_per_second
    from kgrec.text.encoding.runtimes import has_openvino

    encoder = load_encoder()
    rate = texts_per_second(encoder.encode, SAMPLE)
    speed = f"{encoder.precision} by {encoder.runtime}: {rate:,.1f} texts a second"
    timed = encoder.precision == "fp32" and encoder.device.type == "cpu" and has_openvino()
    return speed + (", before openvino is timed, when many come at once" if timed else "")


def _cache() -> str:
    from kgrec.text import EmbeddingCache

    stats = EmbeddingCache().stats()
    size = f"{stats.bytes / 1e6:,.1f} of at most {stats.max_bytes / 1e6:,.0f} MB"
    return f"{stats.vectors:,} text vectors, {size}, in {stats.folder}"
