"""What a private model refuses: answers that other people's rows would enter without noise."""

from __future__ import annotations

from kgrec.errors import RequestError


def check_not_private(private: bool, what: str) -> None:
    """Raise RequestError, which names the answer ``what``, where a model is ``private``."""
    if private:
        raise RequestError(
            f"{what} would be read from other people's rows, and this model was fitted with "
            "differential privacy (config.privacy); fit one without it for that."
        )
