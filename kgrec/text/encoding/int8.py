"""Quantisation of an OpenVINO graph: its linear layers multiply int8.

Own code for accuracy: groups of 64 keep a cosine of .9992 to fp32 where torchao keeps .9947 and
ONNX Runtime .9853, whose vectors also depend on their batch (docs/text.md, "Speed"; nncf was not
measured).

Weights have one scale per output and group of inputs; activations have one scale per token and
group, whatever else is in the batch. A few input channels of a layer are far larger than the others
and would use up the range of int8: they are divided by a factor and their weights multiplied by it
(SmoothQuant: Xiao et al. 2023, with alpha .5). The factor comes from the root mean square of the
channel on a few texts, without padding; with the largest value, as in the paper, the error is a
fifth larger.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

_GROUPS = (64, 32)  # larger is faster, but with 96 one review of 768 had a cosine of .9989
_LARGEST = 127.0
_TINY = 1e-6
_Input = tuple[str, int]  # the name of a node of the graph, and the index of its output


def quantise(graph: Any, ids: np.ndarray, attention: np.ndarray) -> int:
    """Quantise ``graph`` (float32) in place; returns the number of activations of one scale.

    ``ids`` and ``attention``, int64 ``[B, L]``, are the texts on which inputs are measured. Layers
    whose number of inputs is not a multiple of the group stay in float32.
    """
    products = _linear(graph)
    group = _group(products)
    readers: dict[_Input, list[Any]] = defaultdict(list)
    for node in products:
        source = node.input_value(0)
        if _weight(node).shape[1] % group == 0:
            readers[source.get_node().get_friendly_name(), source.get_index()].append(node)
    sizes = _channel_rms(graph, list(readers), ids, attention)
    for same_input, layers in readers.items():
        _replace(layers, sizes[same_input], group)
    return group


def _linear(graph: Any) -> list[Any]:
    """The matrix products with constant weights float32 ``[out, in]``."""
    return [
        node
        for node in graph.get_ops()
        if node.get_type_name() == "MatMul"
        and node.get_attributes().get("transpose_b")
        and node.input_value(1).get_node().get_type_name() == "Constant"
        and _weight(node).ndim == 2
    ]


def _weight(node: Any) -> np.ndarray:
    return np.asarray(node.input_value(1).get_node().data)


def _group(layers: list[Any]) -> int:
    """The largest group size that divides the inputs of all layers, otherwise the smallest."""
    inputs = [_weight(node).shape[1] for node in layers]
    return next((size for size in _GROUPS if not any(n % size for n in inputs)), _GROUPS[-1])


def _channel_rms(
    graph: Any, inputs: list[_Input], ids: np.ndarray, attention: np.ndarray
) -> dict[_Input, np.ndarray]:
    """float32 ``[in]``: the root mean square of each channel of each input on these texts."""
    import openvino

    probe = graph.clone()
    nodes = {node.get_friendly_name(): node for node in probe.get_ops()}
    first = len(probe.outputs)
    probe.add_outputs([nodes[name].output(index) for name, index in inputs])
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(probe, "CPU", settings)
    found = compiled({"input_ids": ids, "attention_mask": attention})
    values = [found[first + row].reshape(*attention.shape, -1) for row in range(len(inputs))]
    tokens = attention.astype(bool)
    return {one: _rms(of[tokens]) for one, of in zip(inputs, values, strict=True)}


def _replace(layers: list[Any], sizes: np.ndarray, group: int) -> None:
    """Scale the input that all ``layers`` share, and store their weights as int8."""
    from openvino import opset13 as ops

    weights = _rms(np.concatenate([_weight(node) for node in layers]))
    scale = np.sqrt(np.maximum(sizes, _TINY) / np.maximum(weights, _TINY))
    scale = (scale / np.exp(np.log(scale).mean())).astype(np.float32)
    smooth = ops.multiply(layers[0].input_value(0), ops.constant(1 / scale))
    for node in layers:
        node.input(1).replace_source_output(_int8(_weight(node) * scale, group).output(0))
        node.input(0).replace_source_output(smooth.output(0))


def _rms(values: np.ndarray) -> np.ndarray:
    """The root mean square of each column."""
    return np.asarray(np.sqrt(np.square(values).mean(axis=0)))


def _int8(weight: np.ndarray, group: int) -> Any:
    """Graph nodes that store ``weight`` float32 ``[out, in]`` as int8 and scale it back."""
    from openvino import opset13 as ops

    grouped = weight.reshape(len(weight), -1, group)
    scale = np.maximum(np.abs(grouped).max(axis=2, keepdims=True), 1e-12) / _LARGEST
    stored = ops.constant(np.round(grouped / scale).astype(np.int8))
    scaled = ops.multiply(ops.convert(stored, "f32"), ops.constant(scale.astype(np.float32)))
    return ops.reshape(scaled, ops.constant(np.array(weight.shape)), False)
