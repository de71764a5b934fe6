"""What TensorRT asks of a QDQ model: symmetric activations, biases in float."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.errors import QuantizationError
from edgetool.graph import Graph, constant_array, make_constant
from edgetool.graph.edit import nodes_of, remove_unused
from edgetool.graph.operands import read_operand


def require_symmetric(graph: Graph) -> None:
    """Raises: QuantizationError naming the first tensor with a zero point other than 0."""
    for node in nodes_of(graph.graph, ("QuantizeLinear", "DequantizeLinear")):
        zero = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
        data = node.inputs[0] if node.op_type == "DequantizeLinear" else node.outputs[0]
        kind = None if data is None else data.dtype
        if kind == ir.DataType.UINT8 or (zero is not None and zero.any()):
            name = "?" if data is None else data.name
            number = 0 if zero is None else int(zero.reshape(-1)[0])
            raise QuantizationError(
                f"tensor '{name}' has zero point {number}, the target takes int8 with 0 only",
                hints=["compile the float model for this target: it is then quantized this way"],
            )


def dequantize_biases(graph: Graph) -> list[str]:
    """Replace each DequantizeLinear of constant int32 by the float32 values it gives."""
    count = 0
    for node in nodes_of(graph.graph, ("DequantizeLinear",)):
        stored = constant_array(node.inputs[0])
        if stored is None or stored.dtype != np.int32:
            continue
        for use in list(node.outputs[0].uses()):
            operand = read_operand(use.node, use.idx)
            if operand is not None:
                real = operand.real.astype(np.float32)
                constant = make_constant(graph.graph, f"{node.inputs[0].name}_float", real)  # type: ignore[union-attr]
                use.node.replace_input_with(use.idx, constant)
                count += 1
    remove_unused(graph.graph)
    return [f"{count} biases are float32, as TensorRT wants them"] if count else []
