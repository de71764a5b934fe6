"""The one form of a fully connected layer: Gemm(x, weights (out, in), bias (out,), transB=1).

Only for two-dimensional inputs; MatMul on more dimensions, with the Add behind it, stays.
"""

from __future__ import annotations

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
from edgetool.graph.edit import nodes_of, remove_unused, replace_node, set_input
from edgetool.passes.contract import PassContext, PassResult, unchanged

FloatArray = npt.NDArray[np.float32]


def run(graph: Graph, context: PassContext) -> PassResult:
    """MatMul by a constant becomes Gemm, takes in the Add behind it; alpha and beta go."""
    notes = []
    for node in nodes_of(graph.graph, ("MatMul", "Gemm")):
        label = node_label(node)
        made = _from_matmul(graph.graph, node) if node.op_type == "MatMul" else node
        if made is not None:
            changed = _normalise(graph.graph, made) | _take_bias(graph.graph, made)
            if changed or made is not node:
                notes.append(f"{label} is Gemm with transB=1")
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _from_matmul(graph: ir.Graph, node: ir.Node) -> ir.Node | None:
    source, weights = node.inputs[0], _float_constant(node, 1)
    shape = None if source is None else static_shape(source)
    if weights is None or weights.ndim != 2 or shape is None or len(shape) != 2:
        return None
    return replace_node(node, "Gemm", list(node.inputs))


def _normalise(graph: ir.Graph, node: ir.Node) -> bool:
    """alpha = beta = 1, weights (out, in), bias of one dimension."""
    weights = _float_constant(node, 1)
    if weights is None or attribute(node, "transA", 0):
        return False
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    transposed = bool(attribute(node, "transB", 0))
    bias = _float_constant(node, 2)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    if has_bias and (bias is None or bias.size not in (1, weights.shape[0 if transposed else 1])):
        return False
    if transposed and alpha == beta == 1.0 and (bias is None or bias.ndim == 1):
        return False
    rows = weights if transposed else weights.T
    _set_constant(graph, node, 1, rows * np.float32(alpha))
    if bias is not None:
        full = np.broadcast_to(bias.reshape(-1), (rows.shape[0],))
        _set_constant(graph, node, 2, full * np.float32(beta))
    for name in ("alpha", "beta", "transA", "transB"):
        node.attributes.pop(name, None)
    node.attributes["transB"] = ir.AttrInt64("transB", 1)
    return True


def _take_bias(graph: ir.Graph, node: ir.Node) -> bool:
    """Fold an Add of one constant per output, if it is the only reader."""
    weights = _float_constant(node, 1)
    reader = only_consumer(node.outputs[0])
    if (
        weights is None
        or reader is None
        or reader.op_type != "Add"
        or not attribute(node, "transB")
    ):
        return False
    added = _float_constant(reader, 1)
    outputs = weights.shape[0]
    same_shape = static_shape(reader.outputs[0]) == static_shape(node.outputs[0])
    if added is None or added.size not in (1, outputs) or not same_shape:
        return False
    if added.size > 1 and added.shape[-1] != outputs:
        return False
    if len(node.inputs) > 2 and node.inputs[2] is not None and _float_constant(node, 2) is None:
        return False
    present = _float_constant(node, 2)
    bias = np.broadcast_to(added.reshape(-1), (outputs,))
    if present is not None:
        bias = bias + present
    _set_constant(graph, node, 2, bias)
    name = reader.name
    inputs = list(node.inputs)
    made = replace_node(reader, "Gemm", inputs, {"transB": 1})
    # The layer keeps the name of the MatMul, its output the name that the Add gave it.
    made.name, node.name = node.name, f"{name}_unused"
    return True


def _set_constant(graph: ir.Graph, node: ir.Node, index: int, array: FloatArray) -> None:
    present = node.inputs[index] if index < len(node.inputs) else None
    name = f"{node.name}_bias" if present is None else str(present.name)
    set_input(node, index, make_constant(graph, name, np.array(array, np.float32)))


def _float_constant(node: ir.Node, index: int) -> FloatArray | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    found = constant_array(value)
    return found if found is not None and found.dtype == np.float32 else None
