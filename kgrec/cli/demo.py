"""``kgrec demo``: all steps on MovieLens-100K, from files to an explained recommendation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import DeviceOption, JsonOption, SeedOption
from kgrec.cli._output import print_frame, print_json
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import open_store
from kgrec.presentation import with_titles
from kgrec.progress import Progress

if TYPE_CHECKING:
    from kgrec import Recommender

NEXT_STEPS = """
Next, from this folder:
  kgrec recommend --model {model} --history 50,181,172 -k 5
  kgrec recommend --model {model} --user {user} --where genres=Comedy
  kgrec similar   --model {model} --item 50 -k 5
  kgrec search "a heist that goes wrong" --model {model} -k 5
  kgrec explain   --model {model} --user {user} --item {item}
  kgrec page      --model {model} --user 7 --html page-7.html
  kgrec evaluate ml-100k"""

SOURCES = (
    "Facts about films: DBpedia, CC BY-SA 3.0. Ratings and titles: MovieLens 100K (GroupLens)."
)


@app.command(epilog="Example: `kgrec demo --user 7`")
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Folder for everything it makes.")] = Path(
        "demo"
    ),
    user: Annotated[str, typer.Option("--user", "-u", help="The user to recommend to.")] = "1",
    seed: SeedOption = 0,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch MovieLens-100K with a knowledge graph, load it, train, recommend and explain.

    It ends with a page of the recommendations, their reasons and the graph, for a browser.
    """
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "movies.kgl"
    with progress_on_stderr() as progress:
        _load(store, progress)
        model = _train(store, folder / "model", seed, device, progress)
    frame = model.recommend([user], k=10)
    best = str(frame["item_id"].iloc[0])
    explanation = model.explain(user, best, k=5)
    picture = explanation.draw(folder / "explanation.png")
    page = model.page(user, folder / "page.html", foot=SOURCES)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        print_json(
            {
                "recommendations": with_titles(model.snapshot, frame).to_dict(orient="records"),
                "explanation": explanation.to_dict(),
                "picture": str(picture),
                "page": str(page),
                "seconds": seconds,
            }
        )
        return
    print_frame(
        with_titles(model.snapshot, frame), as_json=False, title=f"Recommended to user {user}"
    )
    show(f"\nWhy the first one:\n{explanation}\n\nThe same as a picture: {picture}")
    show(NEXT_STEPS.format(model=folder / "model", user=user, item=best))
    show(f"\nThe whole list, with its reasons and the graph to click through: {page.absolute()}")
    say(f"done in {seconds} s")


def _load(store: Path, progress: Progress) -> None:
    import loaders

    say("1/4 fetching MovieLens-100K")
    result = loaders.load(loaders.fetch("ml-100k"), progress=progress)
    say(f"2/4 writing the graph into {store}")
    with open_store(str(store), create=True) as graph:
        graph.write(result.catalog, progress=progress)


def _train(
    store: Path, folder: Path, seed: int, device: str | None, progress: Progress
) -> Recommender:
    from kgrec import FeedbackConfig, Recommender, RecommenderConfig

    say("3/4 training")
    feedback = FeedbackConfig(like=4, ratings={"<=2": -1, "3": 0.5})
    with open_store(str(store)) as graph:
        model = Recommender(RecommenderConfig(feedback=feedback))
        model.fit(graph, seed=seed, device=device, progress=progress)
        say(f"4/4 saving the model in {folder}")
        model.save(folder)
    return Recommender.load(folder)
