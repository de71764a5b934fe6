"""What a quantized layer gives where its sum is the same whatever comes in.

ONNX Runtime rounds such a sum once, LiteRT and the generated C as the reference executor does.
Where they disagree the executor decides: it defines the result (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import constant_array
from edgetool.graph.operands import activation_scale
from edgetool.passes.channel_layers import channel_layer
from edgetool.program.arithmetic import (
    multiply_double_rounding,
    multiply_real,
    quantize_multipliers,
    round_half_away,
)

Array = npt.NDArray[Any]

_LARGEST = float(2**31 - 1)


def constant_results(
    quantize: ir.Node, sums_of: Callable[[ir.Value], tuple[Array, Array]], scale: float, zero: int
) -> Array | None:
    """The integers that a QuantizeLinear gives, float64 (channels,), NaN where they vary.

    sums_of: (low, high) of a layer's output, before activation, in real values.
    None where no layer of integers stands before the QuantizeLinear.
    """
    root, activations = _layer_before(quantize)
    layer = None if root is None else channel_layer(root)
    if root is None or layer is None or layer.weights.scale is None:
        return None
    input_scale = activation_scale(root.inputs[0])
    if input_scale is None:
        return None
    low, high = sums_of(root.outputs[0])
    steps = np.float64(input_scale) * np.asarray(layer.weights.scale, np.float64)
    steps = np.broadcast_to(steps, low.shape)
    sums = np.rint(np.where(low == high, low / steps, np.nan))
    known = np.isfinite(sums) & (np.abs(sums) <= _LARGEST)
    whole = np.where(known, sums, 0).astype(np.int64)
    results = _rounded(root.op_type, whole, steps / np.float64(scale)) + zero
    for activation in activations:
        results = _clamped(results, activation, scale, zero)
    return np.where(known, results, np.nan)


def _layer_before(quantize: ir.Node) -> tuple[ir.Node | None, list[ir.Node]]:
    """The node whose output is quantized, and the activations between, first to last."""
    activations: list[ir.Node] = []
    value = quantize.inputs[0]
    node = None if value is None else value.producer()
    while node is not None and node.op_type in ("Relu", "Clip"):
        activations.insert(0, node)
        value = node.inputs[0]
        node = None if value is None else value.producer()
    return node, activations


def _rounded(op_type: str, sums: Array, factors: Array) -> Array:
    """Sums in output steps, as program.accumulators does for this kind of layer."""
    if op_type in ("Gemm", "MatMul"):
        return multiply_real(sums, factors)
    return multiply_double_rounding(sums, *quantize_multipliers(factors))


def _clamped(results: Array, activation: ir.Node, scale: float, zero: int) -> Array:
    bounds: list[float | None] = [0.0, None] if activation.op_type == "Relu" else [None, None]
    for index, value in enumerate(activation.inputs[1:3]):
        found = constant_array(value)
        bounds[index] = None if found is None else float(found.reshape(-1)[0])
    low, high = (None if b is None else _bound(b, scale) + zero for b in bounds)
    return results if low is None and high is None else np.clip(results, low, high)


def _bound(real: float, scale: float) -> int:
    """Source: LiteRT CalculateActivationRangeQuantized."""
    return round_half_away(float(np.float32(real) / np.float32(scale)))
