"""``kgrec serve``: recommendations over HTTP."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption
from kgrec.cli._progress import say
from kgrec.cli._settings import read_settings
from kgrec.cli._stores import served_store

if TYPE_CHECKING:
    from kgrec.serving.registry import Root

RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="KGREC_ROOT",
        help="Folder of the service: models, log of events, keys; else MODEL.service beside the "
        "model.",
    ),
]
ServedOption = Annotated[
    Path | None,
    typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder of a trained model."),
]


@app.command(
    epilog="Example: `kgrec serve --demo`, `kgrec serve --model model` · then open http://127.0.0.1:8000"
)
def serve(
    model: ServedOption = None,
    root: RootOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: a free one.", min=0, max=65_535)] = 8000,
    processes: Annotated[
        int,
        typer.Option(
            envvar="KGREC_PROCESSES",
            help="How many processes answer; each has the model in memory.",
            min=1,
        ),
    ] = 1,
    config: Annotated[
        Path | None,
        typer.Option(help="Limits in a .toml file.", exists=True, dir_okay=False),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            "-s",
            help="The graph's store: it gets every record, what others write there is followed, "
            "and /v1/cypher reads it.",
        ),
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Certificate for TLS (.pem).", exists=True, dir_okay=False)
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="Its private key (.pem).", exists=True, dir_okay=False)
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Serve a model of MovieLens-100K, which is made if need be."),
    ] = False,
) -> None:
    """Answer over HTTP: recommendations, explanations, events; with a page to look around.

    Without keys only this machine is served. Make keys with `kgrec keys add`.
    """
    from kgrec.serving.config import ServiceConfig
    from kgrec.serving.server import serve as run

    if (certificate is None) != (certificate_key is None):
        raise typer.BadParameter("give --certificate and --certificate-key together")
    if demo:
        model = _demo(model)
    folder = open_root(model, root)
    settings = read_settings(config, ServiceConfig)
    if model is not None:
        register(folder, model)
    opened = None if store is None else served_store(store, user=db_user, database=database)
    with nullcontext() if opened is None else closing(opened):
        run(
            folder,
            settings,
            host,
            port,
            processes=processes,
            certificate=certificate,
            key=certificate_key,
            store=opened,
            started=lambda address: say(f"serving {folder.folder} on {address}"),
        )


def _demo(model: Path | None) -> Path:
    """The folder of the demo's model. Raises BadParameter beside another model."""
    from kgrec.cli._demo_model import demo_model

    if model is not None:
        raise typer.BadParameter("give --demo or --model, not both")
    return demo_model()


def open_root(model: Path | None, root: Path | None) -> Root:
    """The folder of the service. Raises ServiceError."""
    from kgrec.serving.registry import Root

    if root is None and model is None:
        raise typer.BadParameter("give --model or --root")
    if root is None:
        assert model is not None
        root = model.absolute().with_name(model.absolute().name + ".service")
    return Root.open(root)


def register(root: Root, model: Path) -> None:
    """Register a model and let it answer, unless it is the one already, or one that was made of it.

    Raises ModelError where the folder is no model, RequestError, ServiceError.
    """
    from kgrec.persistence.model_folder import read_manifest
    from kgrec.serving.store_sync.graph_events import graph_has_until

    read_manifest(model)
    registry, place = root.read(), model.resolve()
    known = [e.name for e in registry.models.values() if root.folder_of(e).resolve() == place]
    if known and registry.active is not None:
        return
    name = known[0] if known else _free_name(place.name, set(registry.models))
    if not known:
        root.add(name, place, folded_until=graph_has_until(root, place))
    root.activate(name, "kgrec serve", f"given as {model}")


def _free_name(name: str, taken: set[str]) -> str:
    """A name for a model like that of its folder."""
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name)
    kept = kept.lstrip(".") or "model"
    names = (kept if number == 1 else f"{kept}-{number}" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)
