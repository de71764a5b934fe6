"""Bring uint8 quantization to int8: zero points and constants shifted by 128, exactly.

real = (q - z) * s does not change when q and z lose 128 each. Scales stay to the bit.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import Graph, attribute, constant_array, dtype_of, make_constant, node_label
from edgetool.graph.edit import remove_unused, set_input
from edgetool.passes.contract import PassContext, PassResult, unchanged

SHIFT = 128
SHIFTED_INPUT = "edgetool.uint8_input."
Shifted = dict[int, ir.Value]
# Between Q and DQ these move integers about, or compare them, without computing with them.
_INDIFFERENT = frozenset(
    "Identity Reshape Flatten Squeeze Unsqueeze Transpose Concat Slice Split MaxPool Gather".split()  # noqa: SIM905
)


def run(graph: Graph, context: PassContext) -> PassResult:
    """Every uint8 value becomes int8, inputs and outputs of the graph included.

    A graph input that was uint8 is noted in the model's metadata as SHIFTED_INPUT + name: its
    data must lose 128.   Raises: UnsupportedOperatorError for another operator on uint8 values.
    """
    values = _uint8_values(graph.graph)
    if not values:
        return unchanged(graph)
    notes = [f"{len(values)} uint8 tensors are int8, their zero points moved by −{SHIFT}"]
    _refuse_arithmetic(graph.graph, values)
    shifted: Shifted = {}
    for node in list(graph.graph):
        _shift_constants(graph.graph, node, shifted)
    for value in values:
        value.dtype = ir.DataType.INT8
    for value in graph.graph.inputs:
        if any(value is found for found in values):
            graph.model.metadata_props[f"{SHIFTED_INPUT}{value.name}"] = str(SHIFT)
            notes.append(f"input '{value.name}' takes int8: its uint8 data minus {SHIFT}")
    for value in graph.graph.outputs:
        if any(value is found for found in values):
            notes.append(f"output '{value.name}' gives int8: its uint8 values minus {SHIFT}")
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _uint8_values(graph: ir.Graph) -> list[ir.Value]:
    """uint8 values that are quantized data: what a DQ reads or a Q writes, and in between."""
    found: dict[int, ir.Value] = {}
    waiting = [node.inputs[0] for node in graph if _is(node, "DequantizeLinear")]
    waiting += [node.outputs[0] for node in graph if _is(node, "QuantizeLinear")]
    while waiting:
        value = waiting.pop()
        if value is None or id(value) in found or dtype_of(value) != "uint8":
            continue
        found[id(value)] = value
        for node in (value.producer(), *(use.node for use in value.uses())):
            if node is not None and node.domain == "" and node.op_type in _INDIFFERENT:
                waiting += [*node.inputs, *node.outputs]
    return list(found.values())


def _is(node: ir.Node, op_type: str) -> bool:
    return node.domain == "" and node.op_type == op_type


def _quantizes(node: ir.Node) -> bool:
    return node.domain == "" and node.op_type in ("QuantizeLinear", "DequantizeLinear")


def _refuse_arithmetic(graph: ir.Graph, values: list[ir.Value]) -> None:
    for value in values:
        for node in (use.node for use in value.uses()):
            if not _quantizes(node) and node.op_type not in _INDIFFERENT:
                raise UnsupportedOperatorError(
                    f"{node_label(node)} computes with the uint8 tensor '{value.name}'",
                    hints=["a QDQ model: onnxruntime's quantize_static with QuantFormat.QDQ"],
                )


def _shift_constants(graph: ir.Graph, node: ir.Node, shifted: Shifted) -> None:
    if _quantizes(node):
        _shift_zero_point(graph, node, shifted)
        if attribute(node, "output_dtype") == ir.DataType.UINT8:
            node.attributes.pop("output_dtype")
        if node.op_type == "DequantizeLinear":
            _shift_input(graph, node, 0, shifted)
    elif node.domain == "" and node.op_type in ("Concat", "Gather"):
        for index in range(len(node.inputs)):
            _shift_input(graph, node, index, shifted)


def _shift_zero_point(graph: ir.Graph, node: ir.Node, shifted: Shifted) -> None:
    """An absent zero point is a uint8 zero when the data are uint8."""
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        _shift_input(graph, node, 2, shifted)
        return
    data = node.inputs[0] if node.op_type == "DequantizeLinear" else node.outputs[0]
    if data is not None and dtype_of(data) == "uint8":
        scale = constant_array(node.inputs[1])
        shape = () if scale is None else scale.shape
        zero = np.full(shape, -SHIFT, np.int8)
        set_input(node, 2, make_constant(graph, f"{node.name}_zero_point", zero))


def _shift_input(graph: ir.Graph, node: ir.Node, index: int, shifted: Shifted) -> None:
    value = node.inputs[index]
    array = constant_array(value)
    if value is None or array is None or array.dtype != np.uint8:
        return
    if id(value) not in shifted:
        integers = (array.astype(np.int16) - SHIFT).astype(np.int8)
        shifted[id(value)] = make_constant(graph, f"{value.name}_int8", integers)
    set_input(node, index, shifted[id(value)])
