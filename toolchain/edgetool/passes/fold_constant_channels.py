"""Remove channels whose value never changes, or is never used, without changing the outputs.

A channel is constant when its weights are all zero, or when interval analysis shows that an
activation clamps it (edgetool.passes.channel_bounds). Its contribution to the next layers goes
into their biases: exactly, in integers, on a quantized graph. A layer with padding can take in
a constant other than 0 only through taps that never read the padding; otherwise the channel
stays. Depthwise layers, residual sums and concatenations lose a channel only together with
everything it is tied to (edgetool.passes.channel_links).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, make_constant, static_shape
from edgetool.graph.edit import insert_node, nodes_of, remove_unused, set_input
from edgetool.graph.operands import activation_scale, overwrite, take
from edgetool.passes.channel_bounds import Analysis, Bounds
from edgetool.passes.channel_layers import ChannelLayer, channel_layer
from edgetool.passes.channel_links import BINARY, RESHAPES, Channels, constant_channel_axis
from edgetool.passes.contract import PassContext, PassResult, unchanged

Array = npt.NDArray[Any]
Flags = dict[int, Array]

_INT32 = np.iinfo(np.int32)
_SCALE_TOLERANCE = 1e-6


def run(graph: Graph, context: PassContext) -> PassResult:
    """Fold until nothing is left to fold: a removed channel can make others constant.

    A layer keeps at least one channel. Graph outputs keep all of theirs.
    """
    before = _measure(graph.graph)
    removed: dict[str, _Removed] = {}
    while _fold_once(graph.graph, removed):
        remove_unused(graph.graph)
    if not removed:
        return unchanged(graph)
    return PassResult(graph, True, _notes(before, _measure(graph.graph), removed))


@dataclass
class _Removed:
    """How many output channels of a layer went."""

    constant: int = 0
    unread: int = 0


@dataclass(frozen=True)
class _Plan:
    """removed: channels that go, by id of the value.   constant: those that had one value.
    bounds: what is known of every value."""

    channels: Channels
    removed: Flags
    constant: Flags
    bounds: Analysis

    def kept(self, value: ir.Value | None) -> Array:
        """Which channels of a value stay."""
        if value is None:
            raise ValueError("an activation is absent")
        return ~self.removed[id(value)]

    def touches(self, value: ir.Value | None) -> bool:
        """Whether the value loses channels."""
        return value is not None and bool(self.removed.get(id(value), np.zeros(1)).any())


def _fold_once(graph: ir.Graph, removed: dict[str, _Removed]) -> bool:
    plan = _make_plan(graph)
    if not any(flags.any() for flags in plan.removed.values()):
        return False
    _count(graph, plan, removed)
    for node in nodes_of(graph):
        if plan.touches(node.inputs[0] if node.inputs else None) or plan.touches(node.outputs[0]):
            _shrink(graph, node, plan)
    for key, value in plan.channels.values.items():
        shape = static_shape(value)
        if shape is not None and plan.removed[key].any():
            left = int((~plan.removed[key]).sum())
            value.shape = ir.Shape((shape[0], left, *shape[2:]))
    return True


def _make_plan(graph: ir.Graph) -> _Plan:
    bounds, channels = Analysis(graph), Channels(graph)
    removed, constant = channels.flags(True), channels.flags(False)
    for node in channels.layer_inputs:
        layer = channel_layer(node)
        if layer is not None and node.inputs[0] is not None:
            key = id(node.inputs[0])
            source = bounds.of(node.inputs[0])
            removed[key] &= _foldable(layer, source)
            constant[key] |= source.constant
    _free_unread(graph, channels, removed)
    channels.narrow(removed)
    _keep_one(channels, removed)
    channels.widen(constant)
    return _Plan(channels, removed, constant, bounds)


def _free_unread(graph: ir.Graph, channels: Channels, removed: Flags) -> None:
    """A value that nothing reads cannot say that its channels may go."""
    for key, value in channels.values.items():
        if not value.uses():
            removed[key][:] = False


def _keep_one(channels: Channels, removed: Flags) -> None:
    """Give a value back its first channel, and what is tied to it, if it would lose all."""
    while True:
        empty = [flags for flags in removed.values() if flags.all()]
        if not empty:
            return
        empty[0][0] = False
        channels.narrow(removed)


def _foldable(layer: ChannelLayer, source: Bounds) -> Array:
    """Which input channels the layer can do without: unused ones, and constants it can absorb."""
    weights = layer.grouped_weights(layer.weights.real)
    unused = ~weights.any(axis=(0, 2))
    zero = source.constant & (source.low == 0)
    found: Array = unused | zero
    if source.constant.any():
        reads_padding = weights[:, :, layer.padded_taps.reshape(-1)].any(axis=(0, 2))
        found |= source.constant & ~reads_padding & _can_take_bias(layer, source)
    return found


def _can_take_bias(layer: ChannelLayer, source: Bounds) -> bool:
    """Whether constants can be added to the layer's bias: in float, or exactly in integers."""
    if layer.node.op_type in ("MatMul", "ConvTranspose"):
        return False
    if not layer.weights.is_quantized:
        return layer.bias is None or not layer.bias.is_quantized
    scale = activation_scale(layer.node.inputs[0])
    if scale is None or not _is_bias_exact(layer, scale):
        return False
    added = _integer_contribution(layer, source.constant, source.low, scale)
    bias = np.zeros(layer.outputs, np.int64) if layer.bias is None else layer.bias.integers
    total = np.abs(added).sum(axis=1) + np.abs(bias)
    return bool((total <= _INT32.max).all())


def _is_bias_exact(layer: ChannelLayer, scale: float) -> bool:
    """Whether one unit of the bias is one unit of the accumulator."""
    if layer.bias is None:
        return True
    if layer.bias.scale is None or layer.weights.scale is None:
        return False
    wanted = layer.weights.scale * scale
    return bool((np.abs(layer.bias.scale - wanted) <= _SCALE_TOLERANCE * wanted).all())


def _integer_contribution(layer: ChannelLayer, which: Array, real: Array, scale: float) -> Array:
    """(outputs, inputs): what the chosen constant channels add to the accumulator, int64."""
    steps = np.where(which, np.rint(np.where(which, real, 0.0) / scale), 0.0).astype(np.int64)
    found: Array = layer.grouped_weights(layer.weights.integers).sum(axis=2) * steps
    return found


def _shrink(graph: ir.Graph, node: ir.Node, plan: _Plan) -> None:
    layer = channel_layer(node)
    if layer is not None:
        _shrink_layer(graph, layer, plan)
    elif node.op_type in BINARY:
        for index in range(len(node.inputs)):
            axis = constant_channel_axis(node, index)
            if axis is not None and axis >= 0:
                take(graph, node, index, axis, plan.kept(node.outputs[0]))
    elif node.op_type == "Reshape":
        shape = static_shape(node.outputs[0]) or ()
        left = int(plan.kept(node.outputs[0]).sum())
        target = np.array((shape[0], left, *shape[2:]), np.int64)
        overwrite(graph, node, 1, target)
    if node.op_type in RESHAPES:
        node.attributes.pop("allowzero", None)


def _shrink_layer(graph: ir.Graph, layer: ChannelLayer, plan: _Plan) -> None:
    node = layer.node
    if layer.is_depthwise:
        group = int(plan.kept(node.inputs[0]).sum())
        node.attributes["group"] = ir.AttrInt64("group", group)
    elif plan.touches(node.inputs[0]):
        kept = plan.kept(node.inputs[0])
        _absorb(graph, layer, ~kept, plan.bounds.of(node.inputs[0]))
        take(graph, node, 1, layer.input_axis, kept)
    if plan.touches(node.outputs[0]):
        take(graph, node, 1, layer.output_axis, plan.kept(node.outputs[0]))
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            take(graph, node, 2, 0, plan.kept(node.outputs[0]))


def _absorb(graph: ir.Graph, layer: ChannelLayer, removed: Array, source: Bounds) -> None:
    """Add what the removed constant channels contribute to the bias."""
    chosen = removed & source.constant
    if not layer.weights.is_quantized:
        rows = layer.grouped_weights(layer.weights.real).sum(axis=2)
        added = rows @ np.where(chosen, source.low, 0.0)
    else:
        scale = activation_scale(layer.node.inputs[0]) or 1.0
        added = _integer_contribution(layer, chosen, source.low, scale).sum(axis=1)
    if added.any():
        _add_to_bias(graph, layer, added)


def _add_to_bias(graph: ir.Graph, layer: ChannelLayer, added: Array) -> None:
    node = layer.node
    if layer.bias is not None:
        # Real values for a float bias, whole accumulator units for a quantized one.
        present = layer.bias.stored
        total = present.astype(added.dtype) + added
        overwrite(graph, node, 2, total.astype(present.dtype))
    elif not layer.weights.is_quantized:
        bias = added.astype(layer.weights.stored.dtype)
        set_input(node, 2, make_constant(graph, f"{node.name}_bias", bias))
    else:
        _add_quantized_bias(graph, layer, added)


def _add_quantized_bias(graph: ir.Graph, layer: ChannelLayer, added: Array) -> None:
    """An int32 bias whose unit is the accumulator's: input scale times weight scale."""
    node = layer.node
    dequantize = layer.weights.dequantize
    source = None if node.inputs[0] is None else node.inputs[0].producer()
    if dequantize is None or source is None:
        raise ValueError(f"'{node.name}' is not quantized")
    scale = np.asarray(constant_array(source.inputs[1])).reshape(-1)[0]
    weight_scale = np.asarray(constant_array(dequantize.inputs[1]))
    product = (weight_scale.astype(np.float32) * np.float32(scale)).astype(np.float32)
    name = f"{node.name}_bias"
    inputs = [
        make_constant(graph, f"{name}_int32", added.astype(np.int32)),
        make_constant(graph, f"{name}_scale", product),
        make_constant(graph, f"{name}_zero_point", np.zeros(product.shape, np.int32)),
    ]
    bias = insert_node(node, "DequantizeLinear", inputs, {"axis": 0}, name=name)
    bias.shape, bias.dtype = ir.Shape(added.shape), ir.DataType.FLOAT
    set_input(node, 2, bias)


@dataclass(frozen=True)
class _Cost:
    """Of a layer: output channels, bytes of weights and bias, multiply-accumulates."""

    outputs: int
    weight_bytes: int
    macs: int


def _measure(graph: ir.Graph) -> dict[str, _Cost]:
    layers = (channel_layer(node) for node in graph)
    return {
        str(layer.node.name): _Cost(layer.outputs, layer.weight_bytes(), layer.macs())
        for layer in layers
        if layer is not None
    }


def _count(graph: ir.Graph, plan: _Plan, removed: dict[str, _Removed]) -> None:
    for node in graph:
        if channel_layer(node) is None:
            continue
        entry = removed.setdefault(str(node.name), _Removed())
        gone = plan.removed.get(id(node.outputs[0]), np.zeros(1, bool))
        constant = plan.constant.get(id(node.outputs[0]), gone)
        entry.constant += int((gone & constant).sum())
        entry.unread += int((gone & ~constant).sum())


def _notes(
    before: dict[str, _Cost], after: dict[str, _Cost], removed: dict[str, _Removed]
) -> tuple[str, ...]:
    notes = []
    for name, entry in removed.items():
        # A layer that nothing needs any more is gone.
        old, new = before[name], after.get(name, _Cost(0, 0, 0))
        saved = f"weights {_change(old.weight_bytes, new.weight_bytes)} B"
        saved += f", MACs {_change(old.macs, new.macs)}"
        kinds = ((entry.constant, "constant"), (entry.unread, "never read"))
        said = " and ".join(f"{count} {kind}" for count, kind in kinds if count)
        if said:
            notes.append(f"{name}: of {old.outputs} channels {said}, folded; {saved}")
        elif old != new:
            notes.append(f"{name}: fewer input channels; {saved}")
    totals = [
        (sum(c.weight_bytes for c in m.values()), sum(c.macs for c in m.values()))
        for m in (before, after)
    ]
    (old_bytes, old_macs), (new_bytes, new_macs) = totals
    notes.append(
        f"all layers: weights {old_bytes:,} -> {new_bytes:,} B, MACs {old_macs:,} -> {new_macs:,}"
    )
    return tuple(notes)


def _change(old: int, new: int) -> str:
    return f"−{old - new:,}" if new <= old else f"+{new - old:,}"
