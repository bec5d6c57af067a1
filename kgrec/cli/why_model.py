"""``kgrec why-model``: what a fit chose, and on what evidence."""

from __future__ import annotations

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import JsonOption, ModelOption
from kgrec.cli._output import print_json


@app.command("why-model", epilog="Example: `kgrec why-model --model model`")
def why_model(model: ModelOption, as_json: JsonOption = False) -> None:
    """What the fit of a model chose, on what evidence, and what would change it.

    Each decision with the figures on validation rows of what was taken and of the best other
    option, whether chance alone may make the difference, and the setting that decides it.
    """
    from kgrec.model_card.why_model import why_model as reported

    found = reported(model)
    if as_json:
        print_json(found.to_dict())
        return
    for line in str(found).splitlines():
        show(line)
