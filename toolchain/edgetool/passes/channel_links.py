"""Which channels of which values stand or fall together.

An element-wise operator, a pool or a depthwise convolution has channel c of its output if and
only if it has channel c of its input; a Concat has its inputs' channels in a row. Channels that
leave the graph, or reach an operator that is not understood, are pinned: they stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import attribute, constant_array, static_shape
from edgetool.graph.operands import read_operand
from edgetool.passes.channel_bounds import (
    channel_expansion,
    channels_of,
    is_spatial_reduction,
    pad_value,
)
from edgetool.passes.channel_layers import channel_layer

Array = npt.NDArray[Any]

UNARY = frozenset(
    "Identity Relu LeakyRelu Elu Sigmoid Tanh HardSigmoid HardSwish Softplus Erf Exp Neg Abs Sqrt "  # noqa: SIM905
    "Cast Gelu Mish Clip MaxPool AveragePool GlobalMaxPool GlobalAveragePool".split()
)
BINARY = frozenset(("Add", "Sub", "Mul", "Div", "PRelu", "Min", "Max"))
RESHAPES = frozenset(("Reshape", "Flatten"))


@dataclass(frozen=True)
class Link:
    """Channel first_channels[i] of first goes with channel second_channels[i] of second."""

    first: ir.Value
    first_channels: Array
    second: ir.Value
    second_channels: Array


class Channels:
    """Flags for every channel of every value, kept equal along the links."""

    def __init__(self, graph: ir.Graph) -> None:
        self.links: list[Link] = []
        self.pinned: dict[int, ir.Value] = {}
        self.layer_inputs: list[ir.Node] = []
        self.values: dict[int, ir.Value] = {}
        for value in (*graph.inputs, *graph.outputs):
            self._pin(value)
        for node in graph:
            self._visit(node)

    def flags(self, fill: bool) -> dict[int, Array]:
        """One bool for each channel of each value, by id of the value."""
        return {
            key: np.full(channels_of(value) or 1, fill and key not in self.pinned)
            for key, value in self.values.items()
        }

    def narrow(self, flags: dict[int, Array]) -> None:
        """Clear flags until linked channels agree: what one side lacks, the other loses."""
        changed = True
        while changed:
            changed = False
            for link in (*self.links, *reversed(self.links)):
                a, b = flags[id(link.first)], flags[id(link.second)]
                both = a[link.first_channels] & b[link.second_channels]
                before = int(a.sum() + b.sum())
                np.logical_and.at(a, link.first_channels, both)
                np.logical_and.at(b, link.second_channels, both)
                changed = changed or int(a.sum() + b.sum()) != before

    def widen(self, flags: dict[int, Array]) -> None:
        """Set flags until linked channels agree: what one side has, the other gains."""
        inverse = {key: ~array for key, array in flags.items()}
        self.narrow(inverse)
        for key, array in inverse.items():
            flags[key] = ~array

    def _pin(self, value: ir.Value | None) -> None:
        if value is not None and channels_of(value) is not None:
            self.values[id(value)] = value
            self.pinned[id(value)] = value

    def _link(self, first: ir.Value, a: Array, second: ir.Value, b: Array) -> None:
        self.values[id(first)], self.values[id(second)] = first, second
        self.links.append(Link(first, a, second, b))

    def _link_all(self, first: ir.Value, second: ir.Value) -> None:
        index = np.arange(channels_of(second) or 0)
        self._link(first, index, second, index)

    def _visit(self, node: ir.Node) -> None:
        if node.op_type == "DequantizeLinear" and constant_array(node.inputs[0]) is not None:
            return
        rule = _rule_for(node)
        if rule is None or not rule(self, node):
            for value in (*node.inputs, *node.outputs):
                self._pin(value)


def _rule_for(node: ir.Node) -> Callable[[Channels, ir.Node], bool] | None:
    if node.domain != "" or channels_of(node.outputs[0]) is None:
        return None
    return _RULES.get(node.op_type)


def _unary(channels: Channels, node: ir.Node) -> bool:
    return _same_channels(channels, node, node.inputs[1:])


def _same_channels(
    channels: Channels, node: ir.Node, parameters: Iterable[ir.Value | None] = ()
) -> bool:
    """Link input to output, if the other inputs are scalars that know no channel."""
    source, output = node.inputs[0], node.outputs[0]
    if source is None or channels_of(source) != channels_of(output) or len(node.outputs) != 1:
        return False
    found = [constant_array(value) for value in parameters if value is not None]
    if any(array is None or array.size > 1 for array in found):
        return False
    channels._link_all(source, output)
    return True


def _spatial(accepts: Callable[[ir.Node], bool]) -> Callable[[Channels, ir.Node], bool]:
    def rule(channels: Channels, node: ir.Node) -> bool:
        return accepts(node) and _same_channels(channels, node)

    return rule


def _is_spatial_pad(node: ir.Node) -> bool:
    return pad_value(node) is not None


def _is_spatial_resize(node: ir.Node) -> bool:
    """By scales; a Resize to given sizes would have to be told the new number of channels."""
    return len(node.inputs) == 3 and constant_array(node.inputs[2]) is not None


def _binary(channels: Channels, node: ir.Node) -> bool:
    output = node.outputs[0]
    width, rank = channels_of(output), len(static_shape(output) or ())
    activations: list[ir.Value] = []
    for index, value in enumerate(node.inputs):
        if constant_channel_axis(node, index) is not None:
            continue
        shape = None if value is None else static_shape(value)
        if value is None or shape is None or len(shape) != rank:
            return False
        activations.append(value)
    if not activations or all(channels_of(value) != width for value in activations):
        return False
    for value in activations:
        if channels_of(value) == width:
            channels._link_all(value, output)
        else:
            channels._pin(value)
    return True


def constant_channel_axis(node: ir.Node, index: int) -> int | None:
    """The axis of a constant operand that lies along its node's channels; -1 if it has none.

    None when the operand is not constant.
    """
    operand = read_operand(node, index)
    shape = static_shape(node.outputs[0])
    if operand is None or shape is None:
        return None
    axis = operand.stored.ndim - len(shape) + 1
    return axis if axis >= 0 and operand.stored.shape[axis] != 1 else -1


def _concat(channels: Channels, node: ir.Node) -> bool:
    output = node.outputs[0]
    rank = len(static_shape(output) or ())
    if attribute(node, "axis") % rank != 1:
        return False
    if any(v is None or channels_of(v) is None or _is_constant(v) for v in node.inputs):
        return False
    offset = 0
    for value in node.inputs:
        if value is not None:
            count = channels_of(value) or 0
            channels._link(value, np.arange(count), output, np.arange(offset, offset + count))
            offset += count
    return True


def _is_constant(value: ir.Value) -> bool:
    producer = value.producer()
    if constant_array(value) is not None:
        return True
    return (
        producer is not None
        and producer.op_type == "DequantizeLinear"
        and constant_array(producer.inputs[0]) is not None
    )


def _reshape(channels: Channels, node: ir.Node) -> bool:
    source, factor = node.inputs[0], channel_expansion(node)
    # A negative or zero entry stands for another dimension; the shape is rewritten in full.
    if source is None or factor is None:
        return False
    target = np.arange(channels_of(node.outputs[0]) or 0)
    channels._link(source, target // factor, node.outputs[0], target)
    return True


def _layer(channels: Channels, node: ir.Node) -> bool:
    layer = channel_layer(node)
    source, output = node.inputs[0], node.outputs[0]
    if layer is None or source is None:
        return False
    if layer.is_depthwise:
        target = np.arange(layer.outputs)
        channels._link(source, target // (layer.outputs // layer.inputs), output, target)
        return True
    if layer.groups != 1:
        return False
    channels.values[id(source)], channels.values[id(output)] = source, output
    channels.layer_inputs.append(node)
    return True


_RULES: dict[str, Callable[[Channels, ir.Node], bool]] = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _unary),
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(RESHAPES, _reshape),
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), _layer),
    "ReduceMean": _spatial(is_spatial_reduction),
    "Pad": _spatial(_is_spatial_pad),
    "Resize": _spatial(_is_spatial_resize),
    "Concat": _concat,
}
