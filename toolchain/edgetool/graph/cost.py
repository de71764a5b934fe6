"""What a graph costs before it is lowered: multiply-accumulates and bytes live at each node."""

from __future__ import annotations

import math

import onnx_ir as ir

from edgetool.graph.graph import Graph
from edgetool.graph.values import attribute, static_shape

# Operators whose multiplications cannot be told from shapes alone here.
_NOT_COUNTED = frozenset({"LSTM", "GRU", "RNN", "Einsum", "Attention", "DeformConv"})


def node_macs(node: ir.Node) -> int | None:
    """Multiply-accumulates of a node, 0 for one that has none, None where they are not known."""
    if node.domain not in ("", "ai.onnx") or node.op_type in _NOT_COUNTED:
        return None
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    first, second = (static_shape(value) if value else None for value in node.inputs[:2])
    output = static_shape(node.outputs[0])
    if first is None or second is None or output is None:
        return None
    if node.op_type == "Conv":
        return math.prod(output) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    transposed = node.op_type == "Gemm" and attribute(node, "transA", 0)
    return math.prod(output) * (first[0] if transposed else first[-1])


def live_values(graph: Graph) -> list[tuple[ir.Value, ...]]:
    """For each node in order, the activations that are live while it runs.

    A value lives from the node that makes it to the last that reads it; inputs from the start,
    outputs to the end.
    """
    nodes = list(graph.graph)
    first: dict[ir.Value, int] = {v: 0 for v in graph.graph.inputs if v.const_value is None}
    last: dict[ir.Value, int] = {}
    for step, node in enumerate(nodes):
        if node.op_type == "Constant":
            continue
        first |= dict.fromkeys(node.outputs, step)
        last |= {value: step for value in (*node.inputs, *node.outputs) if value in first}
    last |= dict.fromkeys(graph.graph.outputs, len(nodes) - 1)
    return [
        tuple(v for v, start in first.items() if start <= step <= last.get(v, -1))
        for step in range(len(nodes))
    ]
