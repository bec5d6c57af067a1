"""The device that a model computes on."""

from __future__ import annotations

import torch

from kgrec.errors import DeviceError
from kgrec.threads import settle_threads

settle_threads()  # torch is loaded now


def choose_device(device: str | None) -> torch.device:
    """The device with this name; by default an accelerator where there is one, else the processor.

    Raises
    ------
    DeviceError
        Where the device does not exist or can't be used.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DeviceError(f"device {device!r} can't be used ({reason:.200}); try 'cpu'.") from error
    if chosen.type == "meta":
        raise DeviceError(f"device {device!r} keeps no numbers; try 'cpu'.")
    return chosen
