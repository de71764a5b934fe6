"""A float32 graph in float16: weights and arithmetic, with float32 at the model's borders."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.errors import QuantizationError, UsageError
from edgetool.graph import Graph, constant_array
from edgetool.graph.edit import insert_node, nodes_of

LARGEST = float(np.finfo(np.float16).max)
# Operator: inputs that stay float32 whatever the data are (scales of a Resize).
_FLOAT32_INPUTS = {"Resize": (1, 2)}


def to_float16(graph: Graph) -> list[str]:
    """Convert in place; values beyond ±65504 are clamped, with a note that names the tensor.

    Raises: QuantizationError for a weight that is not a number; UsageError when the graph is
    quantized.
    """
    if graph.is_quantized():
        raise UsageError(
            "a quantized model cannot be written in float16", hints=["--precision int8"]
        )
    notes = _convert_constants(graph.graph)
    _convert_nodes(graph.graph)
    computed = [value for node in graph.graph for value in node.outputs]
    for value in computed:
        if value.dtype == ir.DataType.FLOAT:
            value.dtype = ir.DataType.FLOAT16
    _cast_inputs(graph.graph)
    _cast_outputs(graph.graph)
    return ["weights and arithmetic are float16, inputs and outputs float32", *notes]


def _convert_constants(graph: ir.Graph) -> list[str]:
    kept = {
        id(node.inputs[index])
        for node in nodes_of(graph, _FLOAT32_INPUTS)
        for index in _FLOAT32_INPUTS[node.op_type]
        if index < len(node.inputs)
    }
    notes = []
    for value in graph.initializers.values():
        array = constant_array(value)
        if array is None or array.dtype != np.float32 or id(value) in kept:
            continue
        if np.isnan(array).any():
            raise QuantizationError(f"tensor '{value.name}' holds values that are not a number")
        outside = int((np.abs(array) > LARGEST).sum())
        if outside:
            notes.append(f"'{value.name}': {outside} values clamped to ±{LARGEST:.0f}")
        half = np.clip(array, -LARGEST, LARGEST).astype(np.float16)
        value.const_value = ir.tensor(half, name=value.name)
        value.dtype = ir.DataType.FLOAT16
    return notes


def _convert_nodes(graph: ir.Graph) -> None:
    """Attributes that say float32: the target of a Cast, the value of a ConstantOfShape."""
    for node in nodes_of(graph, ("Cast",)):
        if node.attributes["to"].as_int() == ir.DataType.FLOAT:
            node.attributes["to"] = ir.AttrInt64("to", int(ir.DataType.FLOAT16))
    for node in nodes_of(graph, ("Constant", "ConstantOfShape")):
        found = node.attributes.get("value")
        tensor = None if found is None else found.as_tensor()
        if tensor is not None and tensor.dtype == ir.DataType.FLOAT:
            half = ir.tensor(np.clip(tensor.numpy(), -LARGEST, LARGEST).astype(np.float16))
            node.attributes["value"] = ir.AttrTensor("value", half)


def _cast_inputs(graph: ir.Graph) -> None:
    for value in graph.inputs:
        uses = list(value.uses())
        if value.dtype != ir.DataType.FLOAT or not uses:
            continue
        first = next(node for node in graph if any(use.node is node for use in uses))
        half = insert_node(
            first, "Cast", [value], {"to": int(ir.DataType.FLOAT16)}, name=f"{value.name}_float16"
        )
        half.shape, half.dtype = value.shape, ir.DataType.FLOAT16
        for use in uses:
            use.node.replace_input_with(use.idx, half)


def _cast_outputs(graph: ir.Graph) -> None:
    for index, value in enumerate(graph.outputs):
        if value.dtype != ir.DataType.FLOAT16 or value.producer() is None:
            continue
        name = str(value.name)
        value.name = f"{name}_float16"
        output = ir.Value(name=name, shape=value.shape, type=ir.TensorType(ir.DataType.FLOAT))
        form = ir.convenience.convert_attributes({"to": int(ir.DataType.FLOAT)})
        graph.append(ir.Node("", "Cast", [value], form, outputs=[output], name=f"{name}_float32"))
        graph.outputs[index] = output
