"""``python -m benchmarks.trial PART``: methods that were tried and are in no model.

PART is fact_sentences (sentences of facts, encoded by the language model, for cold items), losses
(a contrastive loss, and weights of a policy gradient, in kgrec's own training) or doubly_robust
(joint learning of ratings and of their errors, on coat); further options are those of the part.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from benchmarks.harness import report

PARTS = ("fact_sentences", "losses", "doubly_robust")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trial",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("part", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    asked, others = parser.parse_known_args(arguments)
    importlib.import_module(f"benchmarks.trials.{asked.part}").main(others)


if __name__ == "__main__":
    report.run(main)
