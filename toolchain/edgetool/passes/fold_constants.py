"""Compute what does not depend on the model's inputs, once.

Constant and Shape nodes become initializers, nodes with constant inputs their results. A
DequantizeLinear is never folded: its integers are what a quantized model is made of.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, make_constant, static_shape
from edgetool.graph.check import has_subgraph
from edgetool.graph.edit import nodes_of, remove_unused
from edgetool.passes.contract import PassContext, PassResult, unchanged

MAX_RESULT_BYTES = 64 << 20
_KEPT = frozenset(
    {
        "DequantizeLinear",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
        "Dropout",
    }
)
Array = npt.NDArray[Any]


def run(graph: Graph, context: PassContext) -> PassResult:
    """Replace constant subgraphs by initializers. Results above 64 MiB are left alone."""
    counts: dict[str, int] = {}
    for node in nodes_of(graph.graph):
        if _fold(graph.graph, node, graph.opset):
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
    if not counts:
        return unchanged(graph)
    remove_unused(graph.graph)
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return PassResult(graph, True, (f"computed {listed}",))


def _fold(graph: ir.Graph, node: ir.Node, opset: int) -> bool:
    if node.op_type in _KEPT or has_subgraph(node) or _is_output_of(graph, node):
        return False
    results = _results(node, opset)
    if results is None:
        return False
    for value, array in zip(node.outputs, results, strict=True):
        if value.uses():
            # The value goes with its node, so the constant can have its name.
            name, value.name = str(value.name), None
            ir.convenience.replace_all_uses_with(value, make_constant(graph, name, array))
    graph.remove(node, safe=True)
    return True


def _is_output_of(graph: ir.Graph, node: ir.Node) -> bool:
    return any(value.is_graph_output() for value in node.outputs)


def _results(node: ir.Node, opset: int) -> list[Array] | None:
    """The outputs' contents, None when they are not known or too large."""
    if node.op_type == "Constant":
        return _constant_contents(node)
    if node.op_type in ("Shape", "Size"):
        return _shape_contents(node)
    inputs = [None if value is None else constant_array(value) for value in node.inputs]
    if any(a is None and v is not None for a, v in zip(inputs, node.inputs, strict=True)):
        return None
    return _evaluate(node, inputs, opset) if _is_bounded(node) else None


def _is_bounded(node: ir.Node) -> bool:
    for value in node.outputs:
        shape = static_shape(value)
        if shape is None or value.dtype is None:
            return False
        if math.prod(shape) * value.dtype.itemsize > MAX_RESULT_BYTES:
            return False
    return True


def _constant_contents(node: ir.Node) -> list[Array] | None:
    found = next(iter(node.attributes.values()), None)
    if found is None:
        return None
    if found.type == ir.AttributeType.TENSOR:
        return [np.asarray(found.as_tensor().numpy())]
    if found.type in (ir.AttributeType.INT, ir.AttributeType.INTS):
        return [np.array(found.value, np.int64)]
    if found.type in (ir.AttributeType.FLOAT, ir.AttributeType.FLOATS):
        return [np.array(found.value, np.float32)]
    return None


def _shape_contents(node: ir.Node) -> list[Array] | None:
    source = node.inputs[0]
    shape = None if source is None else static_shape(source)
    if shape is None:
        return None
    if node.op_type == "Size":
        return [np.array(math.prod(shape), np.int64)]
    start = node.attributes.get("start")
    end = node.attributes.get("end")
    first = 0 if start is None else start.as_int()
    last = len(shape) if end is None else end.as_int()
    return [np.array(shape[slice(first, last)], np.int64)]


def _evaluate(node: ir.Node, inputs: list[Array | None], opset: int) -> list[Array] | None:
    """Run one node in ONNX's reference implementation; None when it cannot."""
    from onnx.reference import ReferenceEvaluator

    names = ["" if array is None else f"input_{index}" for index, array in enumerate(inputs)]
    proto = ir.serde.serialize_node(node)
    del proto.input[:]
    proto.input.extend(names)
    graph = onnx.helper.make_graph(
        [proto],
        "node",
        [onnx.helper.make_empty_tensor_value_info(name) for name in names if name],
        [onnx.helper.make_empty_tensor_value_info(str(value.name)) for value in node.outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = ReferenceEvaluator(model).run(None, feeds)
    except Exception:
        # The node stays; whoever runs or lowers it reports what is wrong with it.
        return None
    return [np.asarray(array) for array in found]
