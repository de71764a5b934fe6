"""Layers that mix channels by constant weights, float or quantized, as one shape of problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import attribute, static_shape
from edgetool.graph.operands import Operand, read_operand

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ChannelLayer:
    """A Conv, ConvTranspose (one group), Gemm or MatMul (two dimensions) with constant weights.

    inputs, outputs: numbers of channels.   input_axis, output_axis: of the weights.
    padded_taps: bool (1, 1, taps): whether a tap of the kernel reads padding anywhere.
    bias: (outputs,) or None.
    """

    node: ir.Node
    weights: Operand
    bias: Operand | None
    inputs: int
    outputs: int
    groups: int
    input_axis: int
    output_axis: int
    padded_taps: Array

    @property
    def is_depthwise(self) -> bool:
        """One input channel a group; its outputs follow in order."""
        return self.groups == self.inputs and self.groups > 1

    def grouped_weights(self, weights: Array) -> Array:
        """Weights (or their integers) as (outputs, inputs of a group, taps)."""
        rows = np.moveaxis(weights, (self.output_axis, self.input_axis), (0, 1))
        return rows.reshape(*rows.shape[:2], -1)

    def per_weight(self, channels: Array) -> Array:
        """One number for each input channel as (outputs, inputs of a group, 1)."""
        grouped = channels.reshape(self.groups, -1)
        if self.groups == 1:  # a view: a dense layer's copy would be as large as its weights
            return np.broadcast_to(grouped, (self.outputs, self.inputs))[:, :, np.newaxis]
        return np.repeat(grouped, self.outputs // self.groups, axis=0)[:, :, np.newaxis]

    def weight_bytes(self) -> int:
        """Bytes of weights and bias as stored."""
        bias = 0 if self.bias is None else self.bias.stored.nbytes
        return int(self.weights.stored.nbytes + bias)

    def macs(self) -> int:
        """Multiply-accumulates of one inference, padding counted."""
        value = self.node.inputs[0] if self.node.op_type == "ConvTranspose" else None
        shape = static_shape(value or self.node.outputs[0]) or ()
        positions = int(np.prod(shape, dtype=np.int64)) // max(shape[1] if len(shape) > 1 else 1, 1)
        return positions * int(self.weights.stored.size)


def channel_layer(node: ir.Node) -> ChannelLayer | None:
    """The node as a ChannelLayer, None when it is none or its parameters are not constant."""
    if node.domain != "" or node.op_type not in _AXES or len(node.inputs) < 2:
        return None
    weights = read_operand(node, 1)
    source = None if node.inputs[0] is None else static_shape(node.inputs[0])
    if weights is None or weights.stored.ndim < 2 or source is None or len(source) < 2:
        return None
    axes = _AXES[node.op_type]
    if node.op_type == "Gemm" and attribute(node, "transB", 0):
        axes = (1, 0)
    layer = _build(node, weights, axes, source[1])
    return layer if layer is not None and _is_plain(layer, len(source)) else None


# Operator: (input axis, output axis) of its weights.
_AXES = {"Conv": (1, 0), "ConvTranspose": (0, 1), "Gemm": (0, 1), "MatMul": (0, 1)}


def _build(
    node: ir.Node, weights: Operand, axes: tuple[int, int], inputs: int
) -> ChannelLayer | None:
    groups = int(attribute(node, "group", 1))
    outputs = int(weights.stored.shape[axes[1]])
    bias = None
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = read_operand(node, 2)
        if bias is None or bias.stored.shape != (outputs,):
            return None
    if weights.stored.shape[axes[0]] * groups != inputs or outputs % groups:
        return None
    padded = _padded_taps(node, weights.stored.shape[2:])
    return ChannelLayer(node, weights, bias, inputs, outputs, groups, *axes, padded)


def _is_plain(layer: ChannelLayer, rank: int) -> bool:
    node = layer.node
    if node.op_type in ("Gemm", "MatMul"):
        scaled = attribute(node, "alpha", 1.0) != 1.0 or attribute(node, "beta", 1.0) != 1.0
        return rank == 2 and not scaled and not attribute(node, "transA", 0)
    return node.op_type == "Conv" or layer.groups == 1


def _padded_taps(node: ir.Node, kernel: tuple[int, ...]) -> Array:
    """Whether each tap of the kernel falls outside the input for some output position."""
    before = static_shape(node.inputs[0]) if node.inputs[0] is not None else None
    after = static_shape(node.outputs[0])
    explicit = attribute(node, "auto_pad", "NOTSET") in ("NOTSET", "VALID")
    if node.op_type == "ConvTranspose" or not explicit or before is None or after is None:
        return np.ones((1, 1, int(np.prod(kernel))), bool)
    rank = len(kernel)
    pads = attribute(node, "pads", (0,) * 2 * rank)
    strides = attribute(node, "strides", (1,) * rank)
    dilations = attribute(node, "dilations", (1,) * rank)
    padded = np.zeros(kernel, bool)
    for axis, size in enumerate(kernel):
        first = np.arange(size) * dilations[axis] - pads[axis]
        last = first + (after[axis + 2] - 1) * strides[axis]
        outside = (first < 0) | (last >= before[axis + 2])
        padded |= outside.reshape([-1 if index == axis else 1 for index in range(rank)])
    return padded.reshape(1, 1, -1)
