"""One form for what only changes shapes and for padding: Reshape, and explicit pads."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, attribute, make_constant, node_label, static_shape
from edgetool.graph.edit import nodes_of, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged

_WINDOWED = ("Conv", "MaxPool", "AveragePool")


def run(graph: Graph, context: PassContext) -> PassResult:
    """Squeeze and Unsqueeze become Reshape (Flatten stays); auto_pad becomes pads."""
    notes = [note for node in nodes_of(graph.graph) for note in _rewrite(graph.graph, node)]
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _rewrite(graph: ir.Graph, node: ir.Node) -> list[str]:
    if node.op_type in ("Squeeze", "Unsqueeze"):
        shape = static_shape(node.outputs[0])
        if shape is None:
            return []
        target = make_constant(graph, f"{node.name}_shape", np.array(shape, np.int64))
        note = f"{node_label(node)} is a Reshape"
        replace_node(node, "Reshape", [node.inputs[0], target])
        return [note]
    if node.op_type in _WINDOWED and attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return _write_pads(node)
    return []


def _write_pads(node: ir.Node) -> list[str]:
    kernel = _kernel(node)
    before, after = _spatial(node.inputs[0]), _spatial(node.outputs[0])
    if kernel is None or before is None or after is None:
        return []
    rank = len(kernel)
    mode = attribute(node, "auto_pad")
    strides = attribute(node, "strides", (1,) * rank)
    dilations = attribute(node, "dilations", (1,) * rank)
    begins, ends = [], []
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((after[axis] - 1) * strides[axis] + reach - before[axis], 0)
        total = 0 if mode == "VALID" else total
        larger, smaller = total - total // 2, total // 2
        begins.append(larger if mode == "SAME_LOWER" else smaller)
        ends.append(smaller if mode == "SAME_LOWER" else larger)
    node.attributes.pop("auto_pad")
    node.attributes["pads"] = ir.AttrInt64s("pads", begins + ends)
    return [f"{node_label(node)} has pads {begins + ends} instead of {mode}"]


def _kernel(node: ir.Node) -> tuple[int, ...] | None:
    if node.op_type != "Conv":
        return tuple(attribute(node, "kernel_shape"))
    return _spatial(node.inputs[1])


def _spatial(value: ir.Value | None) -> tuple[int, ...] | None:
    shape = None if value is None else static_shape(value)
    return None if shape is None else shape[2:]
