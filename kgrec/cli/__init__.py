"""The command line: one module a command, which adds it to ``app``.

Modules of the command line import at their top only what is quick to load, so that ``kgrec --help``
is there at once; everything else is imported where a command runs.
"""

from kgrec.cli import (  # noqa: F401
    adapt,
    ask,
    card,
    compress,
    demo,
    doctor,
    erase,
    evaluate,
    experiment,
    explain,
    explore,
    export,
    fairness,
    judge,
    keys,
    leaks,
    link,
    load,
    map,
    models,
    page,
    predict,
    pseudonyms,
    recognise,
    recommend,
    recommend_users,
    remove,
    rules,
    score,
    search,
    serve,
    similar,
    similar_users,
    snapshot,
    suspicious,
    train,
    tune_text,
    update,
    vectors,
    why_model,
)
from kgrec.cli._app import app

__all__ = ["app"]
