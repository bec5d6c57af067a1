"""Settings of differential privacy."""

from __future__ import annotations

from pydantic import Field

from graph_schema.settings import Settings


class PrivacyConfig(Settings):
    """A fit with (epsilon, delta)-differential privacy for whole users; see
    docs/differential-privacy.md."""

    epsilon: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="How much one user may change the odds of any model: at most by e^epsilon.",
    )
    delta: float = Field(
        gt=0,
        lt=1,
        description="Probability at which epsilon need not hold; below one over the users.",
    )
    noise_seed: int | None = Field(
        None,
        ge=0,
        description="Seed of the noise, for tests alone: who knows it can take the noise away. "
        "None: the noise comes from the operating system and is kept nowhere.",
    )
