"""One spelling for float operators that can be written in several ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgetool.graph import (
    Graph,
    attribute,
    constant_array,
    dtype_of,
    make_constant,
    node_label,
    static_shape,
)
from edgetool.graph.edit import insert_node, nodes_of, remove_unused, replace_node
from edgetool.graph.shapes import infer_shapes
from edgetool.passes.contract import PassContext, PassResult, unchanged


def run(graph: Graph, context: PassContext) -> PassResult:
    """Mean over space is GlobalAveragePool, Max with 0 is Relu, division is multiplication …

    Constants are the second operand of Add and Mul. Sums of several values are chains of Add.
    """
    notes: list[str] = []
    while found := _rewrite_once(graph.graph):
        notes += found
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    infer_shapes(graph.model)
    return PassResult(graph, True, tuple(notes))


def _rewrite_once(graph: ir.Graph) -> list[str]:
    notes = []
    for node in nodes_of(graph, _RULES):
        label = node_label(node)
        became = _RULES[node.op_type](graph, node)
        if became:
            notes.append(f"{label} is {became}")
    return notes


def _mean(graph: ir.Graph, node: ir.Node) -> str:
    source = node.inputs[0]
    shape = None if source is None else static_shape(source)
    axes = _axes(node)
    if shape is None or axes is None or len(shape) < 3:
        return ""
    if sorted(axis % len(shape) for axis in axes) != list(range(2, len(shape))):
        return ""
    if attribute(node, "keepdims", 1):
        replace_node(node, "GlobalAveragePool", [source])
        return "GlobalAveragePool"
    pooled = insert_node(node, "GlobalAveragePool", [source], name=f"{node.name}_pool")
    target = make_constant(graph, f"{node.name}_shape", np.array(shape[:2], np.int64))
    replace_node(node, "Reshape", [pooled, target])
    return "GlobalAveragePool and Reshape"


def _axes(node: ir.Node) -> tuple[int, ...] | None:
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        found = constant_array(node.inputs[1])
        return None if found is None else tuple(int(axis) for axis in found.reshape(-1))
    axes: tuple[int, ...] | None = attribute(node, "axes")
    return axes


def _sum(graph: ir.Graph, node: ir.Node) -> str:
    values = list(node.inputs)
    if len(values) < 2:
        return ""
    total = values[0]
    for value in values[1:-1]:
        total = insert_node(node, "Add", [total, value], name=f"{node.name}_partial")
    replace_node(node, "Add", [total, values[-1]])
    return "Add"


def _maximum(graph: ir.Graph, node: ir.Node) -> str:
    return _bound(graph, node, 1)


def _minimum(graph: ir.Graph, node: ir.Node) -> str:
    return _bound(graph, node, 2)


def _bound(graph: ir.Graph, node: ir.Node, index: int) -> str:
    """Max or Min of a value and a scalar constant as a Clip with that one bound."""
    if len(node.inputs) != 2 or dtype_of(node.outputs[0]) != "float32":
        return ""
    first, second = node.inputs
    if constant_array(first) is not None:
        first, second = second, first
    limit = constant_array(second)
    if limit is None or limit.size != 1 or first is None:
        return ""
    if static_shape(first) != static_shape(node.outputs[0]):
        return ""
    bound = make_constant(graph, f"{node.name}_bound", limit.reshape(()))
    replace_node(node, "Clip", [first, None, bound] if index == 2 else [first, bound])
    return "Clip"


def _clip(graph: ir.Graph, node: ir.Node) -> str:
    """Clip of a Clip or Relu is one Clip; Clip from 0 up is Relu."""
    low, high = _limit(node, 1, -np.inf), _limit(node, 2, np.inf)
    if low is None or high is None:
        return ""
    if low == 0 and high == np.inf:
        replace_node(node, "Relu", [node.inputs[0]])
        return "Relu"
    source = node.inputs[0]
    before = None if source is None else source.producer()
    if before is None or before.domain != "" or before.op_type not in ("Clip", "Relu"):
        return ""
    inner = _limit(before, 1, -np.inf) if before.op_type == "Clip" else 0.0
    outer = _limit(before, 2, np.inf) if before.op_type == "Clip" else np.inf
    if inner is None or outer is None or max(low, inner) > min(high, outer):
        return ""
    bounds = [(max(low, inner), "low"), (min(high, outer), "high")]
    values = [
        make_constant(graph, f"{node.name}_{name}", np.array(bound, np.float32))
        if np.isfinite(bound)
        else None
        for bound, name in bounds
    ]
    replace_node(node, "Clip", [before.inputs[0], *values])
    return f"one Clip with {before.op_type}"


def _limit(node: ir.Node, index: int, default: float) -> float | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None:
        return default
    found = constant_array(value)
    return None if found is None or found.dtype != np.float32 else float(found.reshape(-1)[0])


def _division(graph: ir.Graph, node: ir.Node) -> str:
    divisor = constant_array(node.inputs[1])
    if divisor is None or divisor.dtype != np.float32 or not divisor.all():
        return ""
    inverse = (1.0 / divisor.astype(np.float64)).astype(np.float32)
    if not np.isfinite(inverse).all():
        return ""
    factor = make_constant(graph, f"{node.name}_factor", inverse)
    replace_node(node, "Mul", [node.inputs[0], factor])
    return "Mul"


def _commutative(graph: ir.Graph, node: ir.Node) -> str:
    first, second = node.inputs
    if constant_array(first) is None or constant_array(second) is not None:
        return ""
    replace_node(node, node.op_type, [second, first])
    return f"{node.op_type} with its constant second"


_RULES: dict[str, Callable[[ir.Graph, ir.Node], str]] = {
    "ReduceMean": _mean,
    "Sum": _sum,
    "Max": _maximum,
    "Min": _minimum,
    "Clip": _clip,
    "Div": _division,
    "Add": _commutative,
    "Mul": _commutative,
}
