"""Fold multiplication by, and addition of, constants per channel into the layer before."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, node_label, only_consumer, static_shape
from edgetool.graph.edit import bypass, nodes_of, remove_unused
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.passes.linear_layers import linear_layer, per_channel, rescale


def run(graph: Graph, context: PassContext) -> PassResult:
    """Mul, Add and Sub of a constant behind a Conv, ConvTranspose or Gemm disappear."""
    notes = []
    for node in nodes_of(graph.graph, ("Mul", "Add", "Sub")):
        label = node_label(node)
        layer = _fold(graph.graph, node)
        if layer:
            notes.append(f"{label} folded into {layer}")
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _fold(graph: ir.Graph, node: ir.Node) -> str:
    source = node.inputs[0]
    if source is None or only_consumer(source) is None:
        return ""
    layer = linear_layer(source.producer())
    shape = static_shape(source)
    if layer is None or shape is None or shape != static_shape(node.outputs[0]):
        return ""
    numbers = per_channel(constant_array(node.inputs[1]), layer.outputs, len(shape))
    if numbers is None or not np.isfinite(numbers).all():
        return ""
    ones, zeros = np.ones(layer.outputs), np.zeros(layer.outputs)
    if node.op_type == "Mul":
        rescale(graph, layer, numbers, zeros)
    else:
        rescale(graph, layer, ones, numbers if node.op_type == "Add" else -numbers)
    bypass(node, source)
    return node_label(layer.node)
