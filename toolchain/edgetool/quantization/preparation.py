"""Bringing a float graph into the form that quantization reads: types known, Gemm for dense."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import onnx_ir as ir
import onnx_ir.passes.common as common_passes

from edgetool.graph import Graph, attribute, constant_array, only_consumer


def prepare(graph: Graph) -> None:
    """Infer missing types and shapes, and turn MatMul + bias into Gemm."""
    if any(value.type is None or value.shape is None for n in graph.graph for value in n.outputs):
        common_passes.ShapeInferencePass()(graph.model)
    for node in list(graph.graph):
        if node.op_type == "MatMul":
            fuse_bias(graph.graph, node)


def fuse_bias(graph: ir.Graph, matmul: ir.Node) -> bool:
    """Turn MatMul (rows, K)·(K, N) and the Add of a constant (N,) behind it into one Gemm.

    A bias must be an int32 of the product, not an int8 operand of its own; only Gemm says so
    to every runtime. Returns: whether it was done.
    """
    add = only_consumer(matmul.outputs[0])
    weights = constant_array(matmul.inputs[1])
    rank = None if matmul.inputs[0] is None else matmul.inputs[0].shape
    if add is None or add.op_type != "Add" or weights is None or weights.ndim != 2:
        return False
    bias = next((v for v in add.inputs if v is not matmul.outputs[0]), None)
    if rank is None or len(rank) != 2 or not _is_bias(constant_array(bias), weights.shape[1]):
        return False
    gemm = ir.node(
        "Gemm", [matmul.inputs[0], matmul.inputs[1], bias], name=matmul.name, num_outputs=1
    )
    _replace(graph, matmul, add, gemm)
    return True


def _is_bias(array: npt.NDArray[Any] | None, channels: int) -> bool:
    return array is not None and array.ndim <= 2 and array.size == channels == array.shape[-1]


def _replace(graph: ir.Graph, matmul: ir.Node, add: ir.Node, gemm: ir.Node) -> None:
    old, new = add.outputs[0], gemm.outputs[0]
    new.type, new.shape, name = old.type, old.shape, old.name
    graph.insert_after(add, gemm)
    for use in list(old.uses()):
        use.node.replace_input_with(use.idx, new)
    for index, found in enumerate(graph.outputs):
        if found is old:
            graph.outputs[index] = new
    graph.remove([add, matmul], safe=True)
    new.name = name


def fold_gemm_factors(node: ir.Node) -> tuple[float, float]:
    """(alpha, beta) of a Gemm, which then become 1; the caller multiplies them in."""
    factors = (float(attribute(node, "alpha", 1.0)), float(attribute(node, "beta", 1.0)))
    for name in ("alpha", "beta"):
        if name in node.attributes:
            del node.attributes[name]
    return factors
