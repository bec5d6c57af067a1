"""Controls for likes by scenario: a factorisation machine with graph features, a shared bottom."""

from benchmarks.controls.base import Control, ControlData, Settings, choose_control
from benchmarks.controls.fm import FactorisationMachine
from benchmarks.controls.shared_bottom import SharedBottom

CONTROLS: dict[str, tuple[type[Control], tuple[Settings, ...]]] = {
    "fm_kg": (FactorisationMachine, FactorisationMachine.options),
    "shared_bottom": (SharedBottom, SharedBottom.options),
}

__all__ = ["CONTROLS", "Control", "ControlData", "choose_control"]
