"""A shared bottom with a tower per scenario, as Scenario-Wise-Rec sets it up."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.controls.base import Control, ControlData, ControlRows, Settings

_SIZE, _BOTTOM, _TOWER = 16, (128, 64), 32


class SharedBottom(Control):
    """Embeddings of 16 numbers for user, item, user attributes, item attributes and the graph's
    entities, beside one another; a bottom that all scenarios share and a tower for each: Caruana,
    "Multitask Learning", 1997; Li et al., "Scenario-Wise Rec", 2024."""

    options: ClassVar[tuple[Settings, ...]] = tuple(
        {"dropout": dropout, "lr": 2e-3, "reg": reg}
        for dropout in (0.0, 0.2)
        for reg in (0.03, 0.3)
    )

    def __init__(self, data: ControlData, settings: Settings) -> None:
        super().__init__(data, settings)
        self.features = (data.user_tokens, data.item_tokens, data.knowledge)
        n_users, n_items = data.user_tokens.shape[0], data.item_tokens.shape[0]
        self.user = nn.Parameter(torch.randn(n_users, _SIZE) * 0.01)
        self.item = nn.Parameter(torch.randn(n_items, _SIZE) * 0.01)
        self.tokens = nn.ParameterList(
            [torch.randn(matrix.shape[1], _SIZE) * 0.01 for matrix in self.features]
        )
        first, second = _BOTTOM
        drop = float(settings["dropout"])
        self.bottom = nn.Sequential(
            *(nn.Linear(5 * _SIZE, first), nn.ReLU(), nn.Dropout(drop)),
            *(nn.Linear(first, second), nn.ReLU(), nn.Dropout(drop)),
        )
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(second, _TOWER), nn.ReLU(), nn.Linear(_TOWER, 1))
            for _ in range(data.n_scenarios)
        )

    def forward(self, rows: ControlRows) -> Tensor:
        result = [
            matrix @ tokens for matrix, tokens in zip(self.features, self.tokens, strict=True)
        ]
        of_users, of_items = (self.user, result[0]), (self.item, result[1], result[2])
        fields = [functional.embedding(rows.user, table) for table in of_users]
        fields += [functional.embedding(rows.item, table) for table in of_items]
        hidden = self.bottom(torch.cat(fields, dim=1))
        logits = torch.cat([tower(hidden) for tower in self.towers], dim=1)
        return logits.gather(1, rows.scenario.unsqueeze(1)).squeeze(1)
