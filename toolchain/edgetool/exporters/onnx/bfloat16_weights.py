"""Weights stored as bfloat16 behind a Cast to float32."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, make_constant
from edgetool.graph.edit import insert_node, nodes_of, remove_unused, set_input

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def to_bfloat16_weights(graph: Graph) -> list[str]:
    """Store, in place, the weights that are bfloat16 numbers to the bit as such."""
    for node in nodes_of(graph.graph, LAYERS):
        value, weights = node.inputs[1], constant_array(node.inputs[1])
        if value is None or weights is None or weights.dtype != np.float32:
            continue
        half = weights.astype(ml_dtypes.bfloat16)
        if not np.array_equal(half.astype(np.float32), weights):
            continue
        stored = make_constant(graph.graph, f"{value.name}_bfloat16", half)
        form = {"to": int(ir.DataType.FLOAT)}
        cast = insert_node(node, "Cast", [stored], form, name=f"{value.name}_float32", like=value)
        set_input(node, 1, cast)
    remove_unused(graph.graph)
    return ["weights are bfloat16, arithmetic, inputs and outputs float32"]
