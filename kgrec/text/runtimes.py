"""What runs a network's forward pass: PyTorch, or OpenVINO (an extra) with its operations fused.

OpenVINO's int8 keeps weights as int8 with one scale per GROUP inputs of each output, and each
token's activations with one scale per GROUP of its own, whatever else is in its batch.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_schema.errors import TextModelError

States = Callable[[Tensor, Tensor], Tensor]
"""Token ids and attention, int64 ``[B, L]``, to the last layer's states ``[B, L, d]``."""

GROUP = 32  # int8 values under one scale: 64 turns some vectors below cosine .999, and gains little
_LARGEST = 127.0


def torch_states(network: Any) -> States:
    return lambda ids, attention: network(input_ids=ids, attention_mask=attention).last_hidden_state


def has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None


def openvino_states(network: Any, *, int8: bool = False) -> States:
    """``network`` (float32, on the processor) compiled for this processor with as many threads as
    PyTorch has; with ``int8`` its linear layers multiply int8.

    Raises TextModelError where OpenVINO is not installed or can't run this network.
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
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if int8 else 0,
    }
    try:
        graph = _converted(network)
        if int8:
            _quantise(graph)
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
    except Exception as error:
        raise TextModelError(
            f"OpenVINO can't run this model ({type(error).__name__}: {str(error)[:200]}); "
            "use precision auto or fp32."
        ) from error
    lock = threading.Lock()  # a compiled model holds the memory of one request

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


def _converted(network: Any) -> Any:
    """An OpenVINO graph of any batch and length. openvino.convert_model would do the same, but
    reports each use to its makers."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    ids = torch.arange(1, 17).reshape(2, 8) % int(network.config.vocab_size)
    attention = torch.ones_like(ids)
    attention[0, -1] = 0  # without padding the network would leave its mask out
    inputs = {"input_ids": ids, "attention_mask": attention}
    frontend = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: tests hold that any shape gives PyTorch's
        decoder = TorchScriptPythonDecoder(_LastLayer(network).eval(), example_input=inputs)
    return frontend.convert(frontend.load(decoder))


def _quantise(graph: Any) -> None:
    """Replace the weights of linear layers by int8 and their scales."""
    for node in graph.get_ops():
        if node.get_type_name() != "MatMul" or not node.get_attributes().get("transpose_b"):
            continue
        source = node.input_value(1).get_node()
        if source.get_type_name() != "Constant" or source.data.ndim != 2:
            continue
        if source.data.shape[1] % GROUP == 0:
            node.input(1).replace_source_output(_int8(source.data).output(0))


def _int8(weight: np.ndarray) -> Any:
    """A graph of ``weight`` float32 ``[out, in]`` that keeps it as int8."""
    from openvino import opset13 as ops

    grouped = weight.reshape(len(weight), -1, GROUP)
    scale = np.maximum(np.abs(grouped).max(axis=2, keepdims=True), 1e-12) / _LARGEST
    stored = ops.constant(np.round(grouped / scale).astype(np.int8))
    scaled = ops.multiply(ops.convert(stored, "f32"), ops.constant(scale.astype(np.float32)))
    return ops.reshape(scaled, ops.constant(np.array(weight.shape)), False)
