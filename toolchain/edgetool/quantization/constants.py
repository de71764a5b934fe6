"""Quantizing what a layer holds: weights, bias, constant operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.errors import ModelError
from edgetool.graph import attribute, constant_array, node_label
from edgetool.quantization.insertion import QdqWriter
from edgetool.quantization.layers import WEIGHTED, Layer
from edgetool.quantization.parameters import (
    ActivationParameters,
    Range,
    activation_parameters,
)
from edgetool.quantization.rounding import (
    bias_scale,
    least_weight_scale,
    quantize_bias,
    quantize_constant,
    quantize_weights,
    require_finite_weights,
)
from edgetool.quantization.scale_groups import Grouping, ScaleGroup

# Axis of the output channels; None quantizes per tensor, which is all that LiteRT's older
# fully connected kernels take.
OUTPUT_AXIS: Mapping[str, int | None] = {
    "Conv": 0,
    "ConvTranspose": 1,
    "Gemm": None,
    "MatMul": None,
}

Parameters = Mapping[ScaleGroup, ActivationParameters]


def quantize_constants(
    writer: QdqWriter, layer: Layer, grouping: Grouping, parameters: Parameters
) -> tuple[str, ...]:
    """Quantize all constants of a layer; returns notes on scales that a bias has raised."""
    if layer.node.op_type in WEIGHTED:
        return _quantize_weighted(writer, layer, parameters[grouping.group_of[layer.inputs[0]]])
    shared = None
    if layer.node.op_type == "Concat":
        shared = parameters[grouping.group_of[layer.outputs[0]]]
    for index in layer.constants:
        _quantize_operand(writer, layer.node, index, shared)
    return ()


def require_finite_constants(layers: Sequence[Layer]) -> None:
    """Refuse NaN and infinity in the layers' constants, before a pass over samples meets them.

    Raises: QuantizationError naming layer, tensor and index.
    """
    for layer in layers:
        weighted = layer.node.op_type in WEIGHTED
        for index in (1, 2) if weighted else layer.constants:
            if not weighted or index == 1 or has_bias(layer.node):
                _constant(layer.node, index)


def _quantize_operand(
    writer: QdqWriter, node: ir.Node, index: int, shared: ActivationParameters | None
) -> None:
    """A constant operand gets the parameters of its own range, or those it must share."""
    name, values = _constant(node, index)
    if shared is None:
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        shared = activation_parameters(Range(low, high), writer.symmetric, writer.bits)
    integers = quantize_constant(name, values, shared, writer.bits)
    scale = np.array(shared.scale, np.float32)
    writer.quantized_constant(node, index, integers, scale, shared.zero_point)


def _quantize_weighted(
    writer: QdqWriter, layer: Layer, entering: ActivationParameters
) -> tuple[str, ...]:
    node = layer.node
    bits = weight_bits(node, 4 if node.name in writer.narrow else writer.weight_bits)
    axis = OUTPUT_AXIS[node.op_type] if bits == 8 else narrow_axis(node)
    name, weights = _constant(node, 1)
    bias = _constant(node, 2)[1] if has_bias(node) else None
    # A grouped ConvTranspose has its weights (in, out / groups, …): groups share their scales.
    repeats = int(attribute(node, "group", 1)) if node.op_type == "ConvTranspose" else 1
    largest_bias = None if bias is None else np.abs(bias).reshape(repeats, -1).max(axis=0)
    least = least_weight_scale(entering.scale, largest_bias, axis)
    quantized = quantize_weights(name, weights, axis, least, bits)
    writer.quantized_constant(node, 1, quantized.values, quantized.scale, axis=axis)
    if bias is not None:
        scale = bias_scale(entering.scale, quantized.scale)
        scale = scale if axis is None else np.tile(scale, repeats)
        integers = quantize_bias(bias, scale)
        writer.quantized_constant(node, 2, integers, scale, axis=None if axis is None else 0)
    free = quantize_weights(name, weights, axis, bits=bits).scale
    return _raised_note(node, free, quantized.scale)


def weight_bits(node: ir.Node, wanted: int) -> int:
    """Bits of a layer's weights: wanted, but 8 where no runtime takes fewer."""
    return 8 if node.op_type == "ConvTranspose" else wanted


def narrow_axis(node: ir.Node) -> int:
    """Axis of the output channels, which 4-bit weights need to be scaled apart."""
    if node.op_type == "Conv":
        return 0
    is_transposed = node.op_type == "Gemm" and bool(attribute(node, "transB", 0))
    return 0 if is_transposed else 1


def has_bias(node: ir.Node) -> bool:
    """Whether a weighted node has its optional third input."""
    return len(node.inputs) > 2 and node.inputs[2] is not None


def _constant(node: ir.Node, index: int) -> tuple[str, npt.NDArray[Any]]:
    """(name, finite contents) of a constant input."""
    value = node.inputs[index]
    array = constant_array(value)
    if value is None or array is None:
        raise ModelError(f"layer {node_label(node)}: input {index} must be constant")
    name = value.name or f"input {index} of {node_label(node)}"
    what = "bias values" if index == 2 and node.op_type in WEIGHTED else "weights"
    require_finite_weights(name, array, None, what, node_label(node))
    return name, array


def _raised_note(
    node: ir.Node, free: npt.NDArray[np.float32], used: npt.NDArray[np.float32]
) -> tuple[str, ...]:
    raised = np.flatnonzero(used.reshape(-1) > free.reshape(-1))
    if not raised.size:
        return ()
    factor = float((used.reshape(-1)[raised] / free.reshape(-1)[raised]).max())
    shown = ", ".join(str(channel) for channel in raised[:8])
    more = f" and {raised.size - 8} more" if raised.size > 8 else ""
    where = f" of channels {shown}{more}" if free.ndim else ""
    return (
        f"{node_label(node)}: weight scale{where} raised (up to {factor:.3g} times) so that the"
        " bias fits int32",
    )
