"""Recognise x * relu6(x + 3) / 6 and x * hard_sigmoid(x) as HardSwish, in any grouping."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, attribute, constant_array, node_label
from edgetool.graph.edit import nodes_of, remove_unused, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged

HARDSWISH_OPSET = 14
_TOLERANCE = 1e-5


def run(graph: Graph, context: PassContext) -> PassResult:
    """Each match becomes one HardSwish; the graph's opset becomes 14 if it was older."""
    notes = []
    for node in nodes_of(graph.graph, ("Mul",)):
        source = _hardswish_input(node)
        if source is not None:
            notes.append(f"{node_label(node)} is HardSwish")
            replace_node(node, "HardSwish", [source])
    if not notes:
        return unchanged(graph)
    graph.graph.opset_imports[""] = max(graph.opset, HARDSWISH_OPSET)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _hardswish_input(node: ir.Node) -> ir.Value | None:
    """x when the node's result is x * clip(x + 3, 0, 6) * (1 / 6)."""
    factors, scale = _factors(node.outputs[0], 0)
    if len(factors) != 2:
        return None
    for value, gate in (factors, factors[::-1]):
        slope = _gate_slope(value, gate)
        if slope is not None and abs(slope * scale * 6 - 1) < _TOLERANCE:
            return value
    return None


def _factors(value: ir.Value, depth: int) -> tuple[list[ir.Value], float]:
    """The value as a product: variable factors, and the constant one."""
    node = value.producer()
    if node is None or node.op_type != "Mul" or depth > 2:
        return [value], 1.0
    variables: list[ir.Value] = []
    scale = 1.0
    for factor in node.inputs:
        number = _scalar(factor)
        if number is not None:
            scale *= number
        elif factor is not None:
            inner, inner_scale = _factors(factor, depth + 1)
            variables += inner
            scale *= inner_scale
    return variables, scale


def _gate_slope(source: ir.Value, gate: ir.Value) -> float | None:
    """s when gate is s * clip(source + 3, 0, 6), else None."""
    node = gate.producer()
    if node is None:
        return None
    if node.op_type == "HardSigmoid" and node.inputs[0] is source:
        alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
        is_it = abs(alpha * 6 - 1) < _TOLERANCE and abs(beta - 0.5) < _TOLERANCE
        return 1 / 6 if is_it else None
    if node.op_type != "Clip" or len(node.inputs) != 3 or node.inputs[0] is None:
        return None
    shifted = node.inputs[0].producer()
    if shifted is None or shifted.op_type != "Add" or shifted.inputs[0] is not source:
        return None
    numbers = (_scalar(shifted.inputs[1]), _scalar(node.inputs[1]), _scalar(node.inputs[2]))
    return 1.0 if numbers == (3.0, 0.0, 6.0) else None


def _scalar(value: ir.Value | None) -> float | None:
    found = constant_array(value)
    if found is None or found.size != 1 or found.dtype != np.float32:
        return None
    return float(found.reshape(-1)[0])
