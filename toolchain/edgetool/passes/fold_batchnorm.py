"""Fold batch normalization into the layer before or behind; one alone becomes a depthwise Conv."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import (
    Graph,
    attribute,
    constant_array,
    make_constant,
    node_label,
    only_consumer,
    static_shape,
)
from edgetool.graph.edit import bypass, insert_node, nodes_of, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.passes.linear_layers import LinearLayer, linear_layer, rescale, set_weights

Array = npt.NDArray[Any]
Affine = tuple[Array, Array]


def run(graph: Graph, context: PassContext) -> PassResult:
    """Exact up to one rounding to float32 of weights and bias.

    Before a layer with padding it is folded only if its shift is 0: padded borders are not
    shifted. Alone on four dimensions it becomes a 1x1 depthwise Conv, else a Mul and an Add.
    """
    notes = []
    for node in nodes_of(graph.graph, ("BatchNormalization",)):
        affine = _affine(node)
        if affine is not None:
            label = node_label(node)
            notes.append(f"{label} {_fold(graph.graph, node, affine)}")
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _affine(node: ir.Node) -> Affine | None:
    """Factor and shift per channel in float64, None when a statistic is not constant."""
    if attribute(node, "training_mode", 0) or any(v.uses() for v in node.outputs[1:]):
        return None
    found = [constant_array(value) for value in node.inputs[1:5]]
    if len(found) != 4 or any(array is None for array in found):
        return None
    gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in found)
    deviation = np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    if not (deviation > 0).all():
        return None
    factor = gamma / deviation
    return factor, beta - mean * factor


def _fold(graph: ir.Graph, node: ir.Node, affine: Affine) -> str:
    source = node.inputs[0]
    if source is None:
        raise ValueError("a BatchNormalization has no input")
    layer = linear_layer(source.producer()) if only_consumer(source) is not None else None
    if layer is not None and layer.outputs == affine[0].size:
        rescale(graph, layer, *affine)
        bypass(node, source)
        return f"folded into {node_label(layer.node)}"
    behind = linear_layer(only_consumer(node.outputs[0]))
    if behind is not None and _fold_forward(graph, behind, affine):
        bypass(node, source)
        return f"folded into {node_label(behind.node)} behind it"
    return _stand_alone(graph, node, source, affine)


def _fold_forward(graph: ir.Graph, layer: LinearLayer, affine: Affine) -> bool:
    """Let the layer take what comes before the normalization."""
    factor, shift = affine
    if layer.node.op_type == "ConvTranspose":
        return False
    if shift.any() and not _is_unpadded(layer.node):
        return False
    outputs, inputs = layer.weights.shape[:2]
    if factor.size != inputs * layer.groups:
        return False
    rows = np.repeat(np.arange(layer.groups), outputs // layer.groups)
    tail = (1,) * (layer.weights.ndim - 2)
    factors = factor.reshape(layer.groups, inputs)[rows].reshape(outputs, inputs, *tail)
    shifts = shift.reshape(layer.groups, inputs)[rows].reshape(outputs, inputs, *tail)
    weights = layer.weights.astype(np.float64)
    added = (weights * shifts).reshape(outputs, -1).sum(axis=1)
    bias = added if layer.bias is None else layer.bias + added
    set_weights(graph, layer, weights * factors, bias)
    return True


def _is_unpadded(node: ir.Node) -> bool:
    return attribute(node, "auto_pad", "NOTSET") in ("NOTSET", "VALID") and not any(
        attribute(node, "pads", ())
    )


def _stand_alone(graph: ir.Graph, node: ir.Node, source: ir.Value, affine: Affine) -> str:
    shape = static_shape(source)
    rank = 4 if shape is None else len(shape)
    factor, shift = (array.astype(np.float32) for array in affine)
    channels = factor.size
    if rank == 4:
        weights = make_constant(graph, f"{node.name}_weights", factor.reshape(channels, 1, 1, 1))
        bias = make_constant(graph, f"{node.name}_bias", shift)
        form = {"group": channels, "kernel_shape": [1, 1]}
        replace_node(node, "Conv", [source, weights, bias], form)
        return "is a depthwise Conv of 1x1"
    dims = (channels, *(1,) * (rank - 2))
    factors = make_constant(graph, f"{node.name}_factor", factor.reshape(dims))
    shifts = make_constant(graph, f"{node.name}_shift", shift.reshape(dims))
    product = insert_node(
        node, "Mul", [source, factors], name=f"{node.name}_scaled", like=node.outputs[0]
    )
    replace_node(node, "Add", [product, shifts])
    return "is a Mul and an Add"
