"""Float layers that multiply by constant weights: their channels, and how to rescale them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import attribute, constant_array, make_constant
from edgetool.graph.edit import set_input

LAYERS = ("Conv", "ConvTranspose", "Gemm")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LinearLayer:
    """A Conv (out, in/groups, …), ConvTranspose (in, out/groups, …) or Gemm with transB=1.

    weights: float32.   bias: float32 (out,) or None.   groups: 1 for Gemm.
    """

    node: ir.Node
    weights: Array
    bias: Array | None
    groups: int

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        if self.node.op_type == "ConvTranspose":
            return int(self.weights.shape[1]) * self.groups
        return int(self.weights.shape[0])

    def weights_per_output(self, factors: Array) -> Array:
        """The weights with each output channel multiplied by its factor, in float64."""
        tail = (1,) * (self.weights.ndim - 2)
        weights = self.weights.astype(np.float64)
        if self.node.op_type != "ConvTranspose":
            return weights * factors.reshape(-1, 1, *tail)
        grouped = weights.reshape(self.groups, -1, *self.weights.shape[1:])
        product = grouped * factors.reshape(self.groups, 1, -1, *tail)
        return product.reshape(self.weights.shape)


def linear_layer(node: ir.Node | None) -> LinearLayer | None:
    """The node as a LinearLayer when its weights and bias are float32 constants."""
    if node is None or node.domain != "" or node.op_type not in LAYERS:
        return None
    if node.op_type == "Gemm" and not _is_canonical_gemm(node):
        return None
    weights = constant_array(node.inputs[1])
    if weights is None or weights.dtype != np.float32 or weights.ndim < 2:
        return None
    bias = None
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = constant_array(node.inputs[2])
        if bias is None or bias.dtype != np.float32 or bias.ndim != 1:
            return None
    return LinearLayer(node, weights, bias, int(attribute(node, "group", 1)))


def rescale(graph: ir.Graph, layer: LinearLayer, factors: Array, shifts: Array) -> None:
    """Let the layer compute factors * (what it computes now) + shifts, one each per output.

    Computed in float64, rounded to float32 once.
    """
    present = np.zeros(layer.outputs) if layer.bias is None else layer.bias.astype(np.float64)
    set_weights(graph, layer, layer.weights_per_output(factors), present * factors + shifts)


def set_weights(graph: ir.Graph, layer: LinearLayer, weights: Array, bias: Array | None) -> None:
    """Give the layer other weights and bias; other users of the old constants keep them."""
    _set(graph, layer.node, 1, weights, "weights")
    if bias is not None:
        _set(graph, layer.node, 2, bias, "bias")


def per_channel(array: Array | None, channels: int, rank: int) -> Array | None:
    """The constant as one number per channel (axis 1 of rank dimensions), else None.

    Accepts scalars, (channels, 1, …) and (1, channels, 1, …).
    """
    if array is None or array.dtype != np.float32 or array.ndim > rank:
        return None
    full = array.reshape((1,) * (rank - array.ndim) + array.shape)
    if full.size == 1:
        return np.full(channels, full.reshape(-1)[0], np.float64)
    if full.shape[1] == channels and full.size == channels:
        return full.reshape(-1).astype(np.float64)
    return None


def _set(graph: ir.Graph, node: ir.Node, index: int, array: Array, suffix: str) -> None:
    present = node.inputs[index] if index < len(node.inputs) else None
    name = f"{node.name}_{suffix}" if present is None else str(present.name)
    set_input(node, index, make_constant(graph, name, array.astype(np.float32)))


def _is_canonical_gemm(node: ir.Node) -> bool:
    plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
    return plain and bool(attribute(node, "transB", 0)) and not attribute(node, "transA", 0)
