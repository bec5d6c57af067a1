"""What a private fit promises and has spent, as values for model cards and logs."""

from __future__ import annotations

from typing import Any

from kgrec.config import PrivacyConfig
from kgrec.differential_privacy.choices import LATEST
from kgrec.differential_privacy.mechanism import noise_of


def privacy_statement(config: PrivacyConfig) -> dict[str, Any]:
    """epsilon, delta, the noise, and what was charged to them and what not; JSON values.

    A seed of the noise makes the promise void, and the statement says so.
    """
    return {
        "epsilon": config.epsilon,
        "delta": config.delta,
        "neighbours": "data with and without all events of one user",
        "noise": noise_of(config.epsilon, config.delta),
        "charged": f"one release: two matrices of choices from the latest {LATEST} events of each "
        "user, scaled to length 1 together",
        "not_charged": "facts, texts and attributes of items (public), fixed settings (nothing was "
        "chosen on validation rows), a reader's own history, which answers only that reader",
        "holds": config.noise_seed is None,
    }
