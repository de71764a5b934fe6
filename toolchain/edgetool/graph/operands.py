"""Weights and other constants of a node, seen through the DequantizeLinear in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph.edit import insert_node, set_input
from edgetool.graph.values import attribute, constant_array, make_constant

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Operand:
    """A constant input of a node.

    stored: the initializer's own contents.
    scale: float64, () or one per index of axis; None for float.   zero_points: int64, likewise.
    dequantize: the node in between, None for float.
    """

    stored: Array
    scale: Array | None = None
    zero_points: Array | None = None
    axis: int = 0
    dequantize: ir.Node | None = None

    @property
    def is_quantized(self) -> bool:
        """Whether a DequantizeLinear stands between the contents and the node."""
        return self.scale is not None

    @property
    def integers(self) -> Array:
        """The contents as int64, their zero point taken off; made anew each time."""
        whole = self.stored.astype(np.int64)
        if self.zero_points is not None:
            whole -= _along(self.zero_points, whole.ndim, self.axis)
        return whole

    @property
    def real(self) -> Array:
        """The value in float64; made anew each time, eight times the size of int8 contents."""
        values = self.stored.astype(np.float64)
        if self.zero_points is not None:
            values -= _along(self.zero_points, values.ndim, self.axis)
        if self.scale is not None:
            values *= _along(self.scale.reshape(-1), values.ndim, self.axis)
        return values


def read_operand(node: ir.Node, index: int) -> Operand | None:
    """The node's constant input, None when it is absent, computed, or quantized in blocks."""
    value = node.inputs[index] if index < len(node.inputs) else None
    array = constant_array(value)
    if array is not None:
        return Operand(array)
    producer = None if value is None else value.producer()
    if producer is None or producer.op_type != "DequantizeLinear" or producer.domain != "":
        return None
    return _read_quantized(producer)


def _read_quantized(dequantize: ir.Node) -> Operand | None:
    stored, scale = constant_array(dequantize.inputs[0]), constant_array(dequantize.inputs[1])
    if stored is None or scale is None or attribute(dequantize, "block_size", 0):
        return None
    zero = constant_array(dequantize.inputs[2]) if len(dequantize.inputs) > 2 else None
    axis = int(attribute(dequantize, "axis", 1)) % max(stored.ndim, 1)
    factors = scale.astype(np.float64).reshape(-1)
    offsets = np.zeros(1, np.int64) if zero is None else zero.astype(np.int64).reshape(-1)
    shared: Array = factors.reshape(()) if factors.size == 1 else factors
    return Operand(stored, shared, offsets, axis, dequantize)


def _along(numbers: Array, rank: int, axis: int) -> Array:
    """One number for all, or one for each index of axis, ready to broadcast."""
    if numbers.size == 1:
        return numbers.reshape((1,) * rank)
    return numbers.reshape([-1 if index == axis else 1 for index in range(rank)])


def activation_scale(value: ir.Value | None) -> float | None:
    """The scale of the DequantizeLinear that makes the value, when it is one for all."""
    producer = None if value is None else value.producer()
    if producer is None or producer.op_type != "DequantizeLinear":
        return None
    scale = constant_array(producer.inputs[1])
    return float(scale.reshape(-1)[0]) if scale is not None and scale.size == 1 else None


def take(graph: ir.Graph, node: ir.Node, index: int, axis: int, kept: Array) -> None:
    """Keep only some indices of a constant input's axis, and of its scales if they lie along it.

    kept: bool, one for each index. Other readers of the constant are not affected.
    """
    operand = read_operand(node, index)
    if operand is None:
        raise ValueError(f"input {index} of '{node.name}' is not constant")
    data = np.compress(kept, operand.stored, axis=axis)
    if operand.dequantize is None:
        _write(graph, node, index, data)
        return
    dequantize = _own_dequantize(node, index, operand.dequantize)
    _write(graph, dequantize, 0, data)
    if operand.axis == axis:
        for parameter in range(1, len(dequantize.inputs)):
            found = constant_array(dequantize.inputs[parameter])
            if found is not None and found.size > 1:
                _write(graph, dequantize, parameter, found[kept])
    dequantize.outputs[0].shape = ir.Shape(data.shape)


def overwrite(graph: ir.Graph, node: ir.Node, index: int, stored: Array) -> None:
    """Give a constant input other contents of the same shape; its scales stay."""
    operand = read_operand(node, index)
    if operand is None:
        raise ValueError(f"input {index} of '{node.name}' is not constant")
    if operand.dequantize is None:
        _write(graph, node, index, stored)
    else:
        _write(graph, _own_dequantize(node, index, operand.dequantize), 0, stored)


def _own_dequantize(node: ir.Node, index: int, shared: ir.Node) -> ir.Node:
    """The DequantizeLinear of this input, copied first if others read it too."""
    if len(list(shared.outputs[0].uses())) == 1:
        return shared
    output = insert_node(
        node,
        "DequantizeLinear",
        list(shared.inputs),
        {name: found.value for name, found in shared.attributes.items()},
        name=str(shared.name or shared.outputs[0].name),
        like=shared.outputs[0],
    )
    set_input(node, index, output)
    own = output.producer()
    if own is None:
        raise ValueError("a new node has no output")
    return own


def _write(graph: ir.Graph, node: ir.Node, index: int, array: Array) -> None:
    """Change an initializer in place when nobody else reads it, so that it keeps its name."""
    value = node.inputs[index]
    if value is None:
        raise ValueError(f"input {index} of '{node.name}' is absent")
    if value.is_initializer() and len(list(value.uses())) == 1 and not value.is_graph_output():
        value.const_value = ir.tensor(np.ascontiguousarray(array), name=value.name)
        value.shape = ir.Shape(array.shape)
        return
    set_input(node, index, make_constant(graph, str(value.name), array))
