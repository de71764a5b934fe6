"""Round weights to bfloat16: the upper half of a float32, with its range and 8 bits of mantissa.

They stay float32 constants here; the exporter stores their upper halves.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from edgetool.graph import Graph, constant_array, make_constant
from edgetool.graph.edit import nodes_of, remove_unused, set_input
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.quantization.rounding import require_finite_weights

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def run(graph: Graph, context: PassContext) -> PassResult:
    """Round the float32 weights of LAYERS to the nearest bfloat16, halves to even.

    Raises: QuantizationError naming a tensor with weights that are not finite.
    """
    if graph.is_quantized():
        return unchanged(graph)
    count = 0
    for node in nodes_of(graph.graph, LAYERS):
        value, weights = node.inputs[1], constant_array(node.inputs[1])
        if value is None or weights is None or weights.dtype != np.float32:
            continue
        require_finite_weights(str(value.name), weights, None, layer=str(node.name))
        rounded = weights.astype(ml_dtypes.bfloat16).astype(np.float32)
        set_input(node, 1, make_constant(graph.graph, f"{value.name}_rounded", rounded))
        count += 1
    remove_unused(graph.graph)
    return PassResult(graph, count > 0, (f"weights of {count} layers rounded to bfloat16",))
