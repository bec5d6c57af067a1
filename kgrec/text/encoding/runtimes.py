"""Runtimes of a network's forward pass: PyTorch, or OpenVINO (an extra) with fused operations."""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graph_schema.errors import TextModelError
from kgrec.text.encoding.int8 import quantise

States = Callable[[Tensor, Tensor], Tensor]
"""From token ids and attention, int64 ``[B, L]``, to the last layer's states ``[B, L, d]``."""


def torch_states(network: Any) -> States:
    """``network`` run by PyTorch."""
    return lambda ids, attention: network(input_ids=ids, attention_mask=attention).last_hidden_state


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def openvino_states(network: Any, int8_by: tuple[Tensor, Tensor] | None = None) -> States:
    """``network`` (float32, on the processor) compiled by OpenVINO, with PyTorch's number of
    threads.

    With ``int8_by`` its linear layers multiply int8; the scales are measured on these token ids and
    attention, int64 ``[B, L]``. Raises TextModelError where OpenVINO is not installed or can't run
    this network.
    """
    if not has_openvino():
        raise TextModelError(
            "OpenVINO is not installed: pip install 'kgrec[openvino]', or use precision auto."
        )
    import openvino

    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    try:
        graph = _openvino_graph(network)
        if int8_by is not None:
            group = quantise(graph, *(tensor.numpy() for tensor in int8_by))
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = group
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
    except Exception as error:
        raise TextModelError(
            f"OpenVINO can't run this model ({type(error).__name__}: {str(error)[:200]}); "
            "use precision auto or fp32."
        ) from error
    lock = threading.Lock()  # a compiled model has the buffers of one request

    def states(ids: Tensor, attention: Tensor) -> Tensor:
        with lock:
            found = compiled({"input_ids": ids.numpy(), "attention_mask": attention.numpy()})
        return torch.from_numpy(found[0])

    return states


class _LastLayer(torch.nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.states = torch_states(network)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.states(input_ids, attention_mask)


def _openvino_graph(network: Any) -> Any:
    """The network as an OpenVINO graph for any batch size and length.

    ``openvino.convert_model`` does the same and sends a usage report each time.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    ids = torch.arange(1, 17).reshape(2, 8) % int(network.config.vocab_size)
    attention = torch.ones_like(ids)
    attention[0, -1] = 0  # without padding the traced network would ignore its mask
    inputs = {"input_ids": ids, "attention_mask": attention}
    frontend = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing; tests compare other shapes with PyTorch
        decoder = TorchScriptPythonDecoder(_LastLayer(network).eval(), example_input=inputs)
    return frontend.convert(frontend.load(decoder))
