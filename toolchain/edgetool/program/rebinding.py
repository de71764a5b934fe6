"""Nodes that only change where a value is bound: Q, DQ, Transpose, Reshape and its kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import attribute, node_label
from edgetool.program.binding import Bound
from edgetool.program.layouts import after_transpose, identity, moves_only_units, unit_move
from edgetool.program.ops.quantize import Quantize

if TYPE_CHECKING:
    from edgetool.program.lowering import Lowering


def lower_quantize(lowering: Lowering, node: ir.Node) -> None:
    """Bind to integers that are there already, requantize, or quantize floats."""
    value = lowering.input_of(node)
    bound = lowering.bound_of(value)
    parameters = lowering.parameters_of(node, len(lowering.shape(value)))
    dtype = lowering.quantized_dtype(node)
    if not parameters.is_per_tensor:
        raise UnsupportedOperatorError(
            f"layer {node_label(node)}: activations quantized per channel"
        )
    if bound.dequantized and bound.tensor.dtype == dtype:
        same = parameters.same_as(bound.tensor.quantization)
        if not same:
            bound = lowering.materialized(value)
        tensor = bound.tensor if same else lowering.requantize(bound.tensor, parameters)
        lowering.bound[node.outputs[0]] = Bound(tensor, bound.layout, False, bound.pending)
        return
    tensor = lowering.tensor(value, as_float=True)
    layout = lowering.materialized(value).layout
    name = node.outputs[0].name or "quantized"
    output = lowering.builder.activation(name, tensor.shape, dtype, parameters, layout)
    lowering.builder.operation(lowering.step_name(node), Quantize(), [tensor], [output])
    lowering.bind(node.outputs[0], output, layout, False)


def lower_dequantize(lowering: Lowering, node: ir.Node) -> None:
    """Bind the float value to the integer tensor, as a view."""
    bound = lowering.bound_of(lowering.input_of(node))
    parameters = lowering.parameters_of(node, len(bound.layout))
    if not parameters.same_as(bound.tensor.quantization):
        raise UnsupportedOperatorError(
            f"layer {node_label(node)}: reads '{lowering.input_of(node).name}' with another scale"
            " or zero point than it was written with"
        )
    lowering.bound[node.outputs[0]] = Bound(bound.tensor, bound.layout, True, bound.pending)


def lower_transpose(lowering: Lowering, node: ir.Node) -> None:
    """Bind to the same tensor under another order of axes."""
    value = lowering.input_of(node)
    bound = lowering.materialized(value)
    rank = len(lowering.shape(value))
    permutation = tuple(attribute(node, "perm", tuple(reversed(range(rank)))))
    layout = after_transpose(bound.layout, permutation)
    lowering.bound[node.outputs[0]] = Bound(bound.tensor, layout, bound.dequantized)


def lower_reshape(lowering: Lowering, node: ir.Node) -> None:
    """Bind to the same bytes where the order allows it; leave a flatten pending; else move."""
    value, output = lowering.input_of(node), node.outputs[0]
    bound = lowering.materialized(value)
    before, after = lowering.shape(value), lowering.shape(output)
    move = unit_move(before, after)
    if move is not None:
        layout = after_transpose(bound.layout, move)
        lowering.bound[output] = Bound(bound.tensor, layout, bound.dequantized)
    elif moves_only_units(before, bound.layout):
        tensor = lowering.reshape(bound.tensor, after)
        lowering.bound[output] = Bound(tensor, identity(len(after)), bound.dequantized)
    elif len(after) == 2 and after[0] == 1:
        pending = (before, bound.layout)
        lowering.bound[output] = Bound(bound.tensor, (0, 1), bound.dequantized, pending)
    else:
        ordered = lowering.tensor(value, identity(len(before)))
        tensor = lowering.reshape(ordered, after)
        lowering.bound[output] = Bound(tensor, identity(len(after)), bound.dequantized)


def lower_identity(lowering: Lowering, node: ir.Node) -> None:
    """Bind to whatever the input is bound to."""
    lowering.bound[node.outputs[0]] = lowering.bound_of(lowering.input_of(node))


REBINDING: dict[str, Callable[[Lowering, ir.Node], None]] = {
    "QuantizeLinear": lower_quantize,
    "DequantizeLinear": lower_dequantize,
    "Transpose": lower_transpose,
    "Identity": lower_identity,
    "Reshape": lower_reshape,
    "Flatten": lower_reshape,
    "Squeeze": lower_reshape,
    "Unsqueeze": lower_reshape,
}
"""The rule of each operator type."""
