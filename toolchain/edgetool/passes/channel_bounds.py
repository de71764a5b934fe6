"""What is known of each channel's values: interval analysis, one interval a channel (axis 1).

The intervals hold for every executor of the graph: where a QuantizeLinear ends an integer sum,
float rounding and the fixed-point multiplier that rounds twice are both followed. A sum that is
constant is rounded as the reference executor rounds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import attribute, constant_array, dtype_of, static_shape
from edgetool.graph.operands import activation_scale, read_operand
from edgetool.graph.values import integer_limits
from edgetool.passes.channel_layers import ChannelLayer, channel_layer
from edgetool.passes.constant_results import constant_results

Array = npt.NDArray[Any]

# Executors may be this much of an output step apart before they round: float32 behind a product
# sum, the 2**-19 of a step that LiteRT's ADD and MEAN work with elsewhere. A value closer to a
# tie is not constant.
_SUM_ROUNDING_STEPS = 1e-4
_ROUNDING_STEPS = 1e-3
_BLOCK_WEIGHTS = 1 << 16
_FLOAT_EPSILON = 2.0**-23


@dataclass(frozen=True)
class Bounds:
    """low <= value <= high for each channel, float64; equal where the channel is constant.

    slack: how far an executor's result may be from the interval, because sums are rounded.
    step: the unit of the integer accumulator behind the values, 0 where there is none.
    """

    low: Array
    high: Array
    slack: Array
    step: Array

    @classmethod
    def exact(cls, low: Array, high: Array) -> Bounds:
        """An interval without slack."""
        return cls(low, high, np.zeros(low.size), np.zeros(low.size))

    @classmethod
    def unknown(cls, channels: int) -> Bounds:
        """Anything at all."""
        infinite = np.full(channels, np.inf)
        return cls.exact(-infinite, infinite)

    @property
    def constant(self) -> Array:
        """Which channels have one value everywhere, for every input."""
        found: Array = (self.low == self.high) & np.isfinite(self.low)
        return found

    def select(self, indices: Array) -> Bounds:
        """The channels at indices."""
        return Bounds(*(part[indices] for part in (self.low, self.high, self.slack, self.step)))

    def clamp(self, minimum: float, maximum: float) -> Bounds:
        """After a clamp: slack stays only with constants that the clamp lets through."""
        constant = self.constant
        low = np.where(constant, self.low, self.low - self.slack)
        high = np.where(constant, self.high, self.high + self.slack)
        outside = (self.low - self.slack >= maximum) | (self.high + self.slack <= minimum)
        slack = np.where(constant & ~outside, self.slack, 0.0)
        low, high = np.clip(low, minimum, maximum), np.clip(high, minimum, maximum)
        return Bounds(low, high, slack, self.step)

    def hull(self, number: float) -> Bounds:
        """The interval that also holds number."""
        low, high = np.minimum(self.low, number), np.maximum(self.high, number)
        return Bounds(low, high, self.slack, self.step)


class Analysis:
    """Bounds of every value of a graph that has channels (two dimensions or more)."""

    def __init__(self, graph: ir.Graph) -> None:
        self._found: dict[int, Bounds] = {}
        self.is_quantized = any(node.op_type == "QuantizeLinear" for node in graph)
        for node in graph:
            self._visit(node)

    def of(self, value: ir.Value | None) -> Bounds:
        """The value's bounds; those of its type when nothing else is known."""
        if value is None:
            return Bounds.unknown(1)
        if id(value) in self._found:
            return self._found[id(value)]
        return _bounds_of_type(value)

    def ends_of(self, value: ir.Value) -> tuple[Array, Array]:
        """(low, high) of the value."""
        found = self.of(value)
        return found.low, found.high

    def _visit(self, node: ir.Node) -> None:
        rule = _RULES.get(node.op_type) if node.domain == "" else None
        output = node.outputs[0]
        if rule is None or channels_of(output) is None:
            return
        found = rule(self, node)
        if found is not None and found.low.size == channels_of(output):
            self._found[id(output)] = found


def channels_of(value: ir.Value) -> int | None:
    """The size of axis 1, None when there is none or it is not known."""
    shape = static_shape(value)
    return None if shape is None or len(shape) < 2 else shape[1]


def _bounds_of_type(value: ir.Value) -> Bounds:
    channels = channels_of(value) or 1
    kind = dtype_of(value)
    if kind in ("int8", "uint8", "int16", "uint16"):
        info = np.iinfo(kind)
        low, high = np.full(channels, float(info.min)), np.full(channels, float(info.max))
        return Bounds.exact(low, high)
    return Bounds.unknown(channels)


def _layer(analysis: Analysis, node: ir.Node) -> Bounds | None:
    """Conv, ConvTranspose, Gemm, MatMul: sums of products, tap by tap."""
    layer = channel_layer(node)
    if layer is None:
        return None
    source = analysis.of(node.inputs[0])
    if source.low.size != layer.inputs:
        return None
    weights = layer.grouped_weights(layer.weights.real)
    bias = np.zeros(layer.outputs) if layer.bias is None else layer.bias.real
    if not np.isfinite(weights).all() or not np.isfinite(bias).all():
        return None
    ends = [layer.per_weight(part) for part in (source.low, source.high, source.slack)]
    rows = max(_BLOCK_WEIGHTS // max(weights[0].size, 1), 1)  # products take several such blocks
    blocks = [slice(first, first + rows) for first in range(0, layer.outputs, rows)]
    found = [
        _sums(weights[block], [end[block] for end in ends], layer.padded_taps, bias[block])
        for block in blocks
    ]
    low, high, slack = (np.concatenate(part) for part in zip(*found, strict=True))
    return Bounds(low, high, slack, _accumulator_step(layer))


def _sums(
    weights: Array, ends: list[Array], padded_taps: Array, bias: Array
) -> tuple[Array, Array, Array]:
    """(low, high, slack) of some outputs.   ends: the same of their inputs, one a weight."""
    low, high = _products(weights, ends[0], ends[1])
    low = np.where(padded_taps, np.minimum(low, 0.0), low)
    high = np.where(padded_taps, np.maximum(high, 0.0), high)
    size = np.maximum(np.abs(low), np.abs(high)).sum(axis=(1, 2))
    inherited = (np.abs(weights) * ends[2]).sum(axis=(1, 2))
    terms = weights.shape[1] * weights.shape[2]
    slack = inherited + np.where(size > 0, terms * _FLOAT_EPSILON * (size + np.abs(bias)), 0.0)
    slack = np.where(np.isfinite(slack), slack, 0.0)
    return bias + low.sum(axis=(1, 2)), bias + high.sum(axis=(1, 2)), slack


def _products(weights: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Bounds of weight times value; 0 times anything is 0."""
    first, second = _product(weights, low), _product(weights, high)
    return np.minimum(first, second), np.maximum(first, second)


def _accumulator_step(layer: ChannelLayer) -> Array:
    """One unit of an integer accumulator, 0 in a float graph."""
    scale = activation_scale(layer.node.inputs[0])
    if scale is None or layer.weights.scale is None:
        return np.zeros(layer.outputs)
    return np.broadcast_to(layer.weights.scale * scale, (layer.outputs,))


def _quantize(analysis: Analysis, node: ir.Node) -> Bounds | None:
    scale, zero = _quantization(node)
    kind = dtype_of(node.outputs[0])
    if scale is None or kind is None or not kind.lstrip("u").startswith("int"):
        return None
    info = integer_limits(kind)
    source = analysis.of(node.inputs[0])
    margin = np.where(source.step > 0, _SUM_ROUNDING_STEPS, _ROUNDING_STEPS)
    margin = margin + source.slack / scale
    low = np.minimum(*_roundings(source.low / scale, source.step / scale, -margin))
    high = np.maximum(*_roundings(source.high / scale, source.step / scale, margin))
    low, high = low + zero, high + zero
    known = constant_results(node, analysis.ends_of, scale, zero)
    if known is not None and known.size == low.size:
        low, high = (np.where(np.isnan(known), end, known) for end in (low, high))
    limits = (float(info.min), float(info.max))
    return Bounds.exact(np.clip(low, *limits), np.clip(high, *limits))


def _roundings(values: Array, multiplier: Array, margin: Array) -> tuple[Array, Array]:
    """values, in output steps, rounded once, and rounded twice as a fixed-point multiplier does.

    multiplier: accumulator steps in output steps. One of m * 2**-s, 0.5 <= m < 1, rounds to
    2**-s first, then to a whole step. Each grows with the value, so ends of intervals suffice.
    Source: gemmlowp SaturatingRoundingDoublingHighMul and RoundingDivideByPOT.
    """
    bounded = np.clip(values, -1e6, 1e6)
    with np.errstate(divide="ignore"):
        shift = np.where(multiplier > 0, -np.floor(np.log2(multiplier)) - 1, 0.0)
    grid = 2.0 ** np.clip(shift, 0.0, 30.0)
    twice = np.where(shift > 0, np.floor(bounded * grid + 0.5) / grid, bounded)
    return np.rint(bounded + margin), np.rint(twice + margin)


def _dequantize(analysis: Analysis, node: ir.Node) -> Bounds | None:
    scale, zero = _quantization(node)
    if scale is None or constant_array(node.inputs[0]) is not None:
        return None
    source = analysis.of(node.inputs[0])
    low, high = (source.low - zero) * scale, (source.high - zero) * scale
    # Whatever only moves these values about rescales them by one step of their own.
    return Bounds(low, high, np.zeros(low.size), np.full(low.size, scale))


def _quantization(node: ir.Node) -> tuple[float | None, int]:
    """Scale and zero point, (None, 0) when they are not one for the whole tensor."""
    scale = constant_array(node.inputs[1])
    zero = constant_array(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1, np.int8)
    if scale is None or zero is None or scale.size != 1 or zero.size != 1:
        return None, 0
    return float(scale.reshape(-1)[0]), int(zero.reshape(-1)[0])


def _same(analysis: Analysis, node: ir.Node) -> Bounds | None:
    return analysis.of(node.inputs[0])


def _relu(analysis: Analysis, node: ir.Node) -> Bounds | None:
    return analysis.of(node.inputs[0]).clamp(0.0, np.inf)


def _clip(analysis: Analysis, node: ir.Node) -> Bounds | None:
    limits = [-np.inf, np.inf]
    for index, value in enumerate(node.inputs[1:3]):
        if value is not None:
            found = constant_array(value)
            if found is None:
                return None
            limits[index] = float(found.reshape(-1)[0])
    return analysis.of(node.inputs[0]).clamp(*limits) if limits[0] <= limits[1] else None


def _monotonic(function: Callable[[ir.Node, Array], Array]) -> _Rule:
    """Element-wise and growing. Integer kernels approximate these, so only float graphs count."""

    def rule(analysis: Analysis, node: ir.Node) -> Bounds | None:
        if analysis.is_quantized:
            return None
        source = analysis.of(node.inputs[0])
        with np.errstate(over="ignore"):
            low, high = function(node, source.low), function(node, source.high)
        # A constant is as exact as float32 gets; all else is widened by a float32 step.
        slack = np.where(source.constant, 0.0, source.slack + 1e-6)
        return Bounds(low, high, slack, np.zeros(low.size))

    return rule


def _sigmoid(node: ir.Node, x: Array) -> Array:
    found: Array = 1.0 / (1.0 + np.exp(-x))
    return found


def _hard_sigmoid(node: ir.Node, x: Array) -> Array:
    line: Array = attribute(node, "alpha", 0.2) * x + attribute(node, "beta", 0.5)
    return np.clip(line, 0.0, 1.0)


def _leaky_relu(node: ir.Node, x: Array) -> Array:
    return np.where(x < 0, attribute(node, "alpha", 0.01) * x, x)


def _tanh(node: ir.Node, x: Array) -> Array:
    return np.tanh(x)


def _hardswish(analysis: Analysis, node: ir.Node) -> Bounds | None:
    """Not monotonic: constants, and the lowest value of -3/8 at x = -3/2."""
    if analysis.is_quantized:
        return None
    source = analysis.of(node.inputs[0])
    high = np.maximum(source.high, 0.0) + source.slack + 1e-6
    finite = np.where(source.constant, source.low, 0.0)
    exact = finite * np.clip(finite / 6 + 0.5, 0.0, 1.0)
    low = np.where(source.constant, exact, -0.376)
    return Bounds.exact(low, np.where(source.constant, exact, high))


def _pair(analysis: Analysis, node: ir.Node) -> tuple[Bounds, Bounds] | None:
    """Both operands' bounds, one interval a channel of the output (or one for all)."""
    output = static_shape(node.outputs[0])
    if output is None:
        return None
    first, second = (_operand_bounds(analysis, node, index, output) for index in (0, 1))
    return None if first is None or second is None else (first, second)


def _operand_bounds(
    analysis: Analysis, node: ir.Node, index: int, output: tuple[int, ...]
) -> Bounds | None:
    constant = read_operand(node, index)
    if constant is not None:
        real = constant.real
        if real.ndim > len(output):
            return None
        real = real.reshape((1,) * (len(output) - real.ndim) + real.shape)
        others = tuple(axis for axis in range(real.ndim) if axis != 1)
        low, high = real.min(axis=others), real.max(axis=others)
        return Bounds.exact(low, high)
    value = node.inputs[index]
    shape = None if value is None else static_shape(value)
    return analysis.of(value) if shape is not None and len(shape) == len(output) else None


def _add(analysis: Analysis, node: ir.Node) -> Bounds | None:
    pair = _pair(analysis, node)
    if pair is None:
        return None
    a, b = pair
    sign = 1.0 if node.op_type == "Add" else -1.0
    other_low, other_high = (b.low, b.high) if sign > 0 else (-b.high, -b.low)
    low, high = a.low + other_low, a.high + other_high
    size = np.maximum(np.abs(low), np.abs(high))
    rounding = np.where(np.isfinite(size), size, 0.0) * _FLOAT_EPSILON
    return Bounds(low, high, a.slack + b.slack + rounding, np.zeros(low.size))


def _mul(analysis: Analysis, node: ir.Node) -> Bounds | None:
    pair = _pair(analysis, node)
    if pair is None:
        return None
    step = 0.0
    a, b = pair
    corners = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    slack = _product(_size(a), b.slack) + _product(_size(b), a.slack) + a.slack * b.slack
    slack = slack + np.maximum(np.abs(low), np.abs(high)) * _FLOAT_EPSILON
    slack = np.where(np.isfinite(slack), slack, 0.0)
    if analysis.is_quantized:
        steps = [activation_scale(value) for value in node.inputs]
        if None in steps:
            return None
        step = math.prod(step for step in steps if step is not None)
    return Bounds(low, high, slack, np.full(low.size, step))


def _product(first: Array, second: Array) -> Array:
    """first * second, where 0 times anything is 0."""
    with np.errstate(invalid="ignore"):
        return np.where((first == 0) | (second == 0), 0.0, first * second)


def _size(bounds: Bounds) -> Array:
    return np.maximum(np.abs(bounds.low), np.abs(bounds.high))


def _concat(analysis: Analysis, node: ir.Node) -> Bounds | None:
    rank = len(static_shape(node.outputs[0]) or ())
    if attribute(node, "axis") % max(rank, 1) != 1:
        return None
    parts = [analysis.of(value) for value in node.inputs]
    return Bounds(
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.slack for part in parts]),
        np.concatenate([part.step for part in parts]),
    )


def _average_pool(analysis: Analysis, node: ir.Node) -> Bounds | None:
    source = analysis.of(node.inputs[0])
    padded = any(attribute(node, "pads", ())) or attribute(node, "auto_pad", "NOTSET") != "NOTSET"
    if attribute(node, "count_include_pad", 0) and (padded or attribute(node, "ceil_mode", 0)):
        source = source.hull(0.0)
    return _averaged(source, math.prod(attribute(node, "kernel_shape")), source.step)


def _global_average(analysis: Analysis, node: ir.Node) -> Bounds | None:
    values = (node.inputs[0], node.outputs[0])
    before, after = (math.prod((static_shape(v) if v else None) or ()) for v in values)
    source, count = analysis.of(node.inputs[0]), max(before // max(after, 1), 1)
    return _averaged(source, count, source.step / count)


def _averaged(source: Bounds, count: int, step: Array) -> Bounds:
    """A mean of count values, summed in float32 or in an integer whose unit is step.

    Integer kernels rescale the sum of a global mean in one go, unit / count; a pooling window
    is rounded to a whole step of its input first, where a constant is exact.
    """
    size = np.where(np.isfinite(_size(source)), _size(source), 0.0)
    slack = source.slack + np.where(step > 0, 0.0, count * _FLOAT_EPSILON * size)
    return Bounds(source.low, source.high, slack, step)


def _reduce_mean(analysis: Analysis, node: ir.Node) -> Bounds | None:
    return _global_average(analysis, node) if is_spatial_reduction(node) else None


def is_spatial_reduction(node: ir.Node) -> bool:
    """Whether a reduction leaves the first two axes alone."""
    shape = None if node.inputs[0] is None else static_shape(node.inputs[0])
    axes = attribute(node, "axes")
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        found = constant_array(node.inputs[1])
        axes = None if found is None else found.reshape(-1).tolist()
    return shape is not None and bool(axes) and all(axis % len(shape) >= 2 for axis in axes)


def _resize(analysis: Analysis, node: ir.Node) -> Bounds | None:
    linear = attribute(node, "mode", "nearest") in ("nearest", "linear")
    form = attribute(node, "coordinate_transformation_mode", "half_pixel")
    if not linear or form == "tf_crop_and_resize":
        return None
    return analysis.of(node.inputs[0])


def _pad(analysis: Analysis, node: ir.Node) -> Bounds | None:
    value = pad_value(node)
    source = analysis.of(node.inputs[0])
    return None if value is None else source.hull(value)


def pad_value(node: ir.Node) -> float | None:
    """What a Pad of spatial axes alone writes, None when it does anything else."""
    inputs = [*node.inputs, None, None, None]
    pads = constant_array(inputs[1])
    if attribute(node, "mode", "constant") != "constant" or pads is None or inputs[3] is not None:
        return None
    rank = pads.size // 2
    if pads[:2].any() or pads[rank : rank + 2].any():
        return None
    if inputs[2] is None:
        return 0.0
    value = read_operand(node, 2)
    return None if value is None else float(value.real.reshape(-1)[0])


def _reshape(analysis: Analysis, node: ir.Node) -> Bounds | None:
    factor = channel_expansion(node)
    if factor is None:
        return None
    source = analysis.of(node.inputs[0])
    return source.select(np.repeat(np.arange(source.low.size), factor))


def channel_expansion(node: ir.Node) -> int | None:
    """How many channels of the output each channel of the input becomes, in order.

    None when a reshape mixes channels. (1, C, H, W) to (1, C*H*W) gives H*W.
    """
    source = None if node.inputs[0] is None else static_shape(node.inputs[0])
    target = static_shape(node.outputs[0])
    if source is None or target is None or len(source) < 2 or len(target) < 2:
        return None
    if source[0] != target[0] or source[1] == 0 or target[1] % source[1]:
        return None
    factor = target[1] // source[1]
    return factor if factor * math.prod(target[2:]) == math.prod(source[2:]) else None


_Rule = Callable[[Analysis, ir.Node], "Bounds | None"]
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), _layer),
    **dict.fromkeys(("Identity", "MaxPool", "GlobalMaxPool"), _same),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Relu": _relu,
    "Clip": _clip,
    "Sigmoid": _monotonic(_sigmoid),
    "Tanh": _monotonic(_tanh),
    "HardSigmoid": _monotonic(_hard_sigmoid),
    "LeakyRelu": _monotonic(_leaky_relu),
    "HardSwish": _hardswish,
    "Add": _add,
    "Sub": _add,
    "Mul": _mul,
    "Concat": _concat,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "ReduceMean": _reduce_mean,
    "Resize": _resize,
    "Pad": _pad,
}
