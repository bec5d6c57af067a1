"""Keeping the notices of other libraries from people who use kgrec."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def peft_warnings_hidden() -> Iterator[None]:
    """Hide the warnings of peft and its imports: none concerns a setting of kgrec."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def transformers_notices_hidden() -> Iterator[None]:
    """Let transformers print neither progress nor its report of loaded weights, which kgrec checks;
    its settings are then as before."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
