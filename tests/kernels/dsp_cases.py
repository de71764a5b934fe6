"""Layers that the kernels for DSP cores take, drawn at the edges of what they take."""

from __future__ import annotations

import math

import mac_cases
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from mac_cases import CLAMPS
from narrow_weights import with_narrow_weights
from single_operation import activation, constant, single_operation

from edgetool.program.operator import Array, Clamp, Operator
from edgetool.program.ops.add import Add
from edgetool.program.ops.average_pool2d import AveragePool2D
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.max_pool2d import MaxPool2D
from edgetool.program.ops.mean import Mean
from edgetool.program.ops.mul import Mul
from edgetool.program.ops.requantize import Requantize
from edgetool.program.ops.sub import Sub
from edgetool.program.program import Program
from edgetool.program.windows import Padding, Pair, extent
from one_operation import OneOperation
from operator_cases import CASES

RECTIFIED = (-128, Clamp(0.0, math.inf))
STRIDES = st.tuples(st.integers(1, 3), st.integers(1, 3))
SHIFTS = st.one_of(st.integers(5, 9), st.integers(1, 16))
"""Of the multipliers: both ends lie outside what one SMMLA does."""
SMALL_DEPTHS = [(4, 8), (8, 4), (12, 16), (28, 6), (84, 8), (156, 8)]  # inputs, outputs
LARGE_DEPTHS = [(8, 8), (8, 12), (12, 12)]


@st.composite
def convolutions(draw: DrawFn) -> Program:
    """Conv2D of any kernel, stride, dilation and padding; channels that fill words or do not."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    channels = draw(st.sampled_from([1, 2, 3, 4, 8, 12, 64]))
    outputs = draw(st.integers(1, 6))
    x, output, stride, dilation, padding = draw(
        _geometry(kernel, st.integers(1, 2), draw(st.tuples(st.integers(1, 2), st.integers(1, 2))))
    )
    zero_point, clamp = draw(st.sampled_from([RECTIFIED, (-128, CLAMPS[2]), (5, CLAMPS[0])]))
    operator = Conv2D(stride, dilation, padding, 1, clamp)
    shape = (outputs, *kernel, channels)
    return draw(_layer(operator, (*x, channels), shape, (*output, outputs), 0, zero_point))


@st.composite
def pointwise_convolutions(draw: DrawFn) -> Program:
    """Conv2D of 1x1 without stride, of depths that rounds of six taps fill or do not."""
    channels = draw(st.sampled_from([4, 8, 12, 20, 40, 44, 64, 76, 128, 136]))
    height, width, outputs = draw(
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 8))
    )
    zero_point, clamp = draw(st.sampled_from([RECTIFIED, (-128, CLAMPS[2]), (5, CLAMPS[0])]))
    operator = Conv2D((1, 1), (1, 1), (0, 0, 0, 0), 1, clamp)
    x, output = (1, height, width, channels), (1, height, width, outputs)
    shape = (outputs, 1, 1, channels)
    return draw(_layer(operator, x, shape, output, 0, zero_point, st.integers(6, 12)))


@st.composite
def large_convolutions(draw: DrawFn) -> Program:
    """Conv2D whose sums reach more than 2^23."""
    width, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    zero_point, clamp = draw(st.sampled_from([RECTIFIED, (5, CLAMPS[0])]))
    operator = Conv2D((1, 1), (1, 1), (0, 0, 0, 0), 1, clamp)
    x, output, shape = (1, 3, width + 3, 64), (1, 1, width, outputs), (outputs, 3, 4, 64)
    shifts = st.integers(9, 12)
    return draw(_layer(operator, x, shape, output, 0, zero_point, shifts, low=120))


@st.composite
def winograd_convolutions(draw: DrawFn) -> Program:
    """3x3 Conv2D without stride, of sizes that tiles fill or do not."""
    small = st.tuples(*[st.sampled_from([4, 7, 8, 12])] * 2, st.sampled_from(SMALL_DEPTHS))
    large = st.tuples(*[st.sampled_from([25, 26, 28])] * 2, st.sampled_from(LARGE_DEPTHS))
    height, width, (channels, outputs) = draw(st.one_of(small, large))
    padding: Padding = draw(
        st.sampled_from([(1, 1, 1, 1), (0, 0, 0, 0), (2, 0, 0, 2), (0, 1, 2, 1)])
    )
    x = (1, height + 2 - padding[0] - padding[2], width + 2 - padding[1] - padding[3], channels)
    zero_point, clamp = draw(st.sampled_from([RECTIFIED, (-128, CLAMPS[2]), (5, CLAMPS[0])]))
    operator = Conv2D((1, 1), (1, 1), padding, 1, clamp)
    output, shape = (1, height, width, outputs), (outputs, 3, 3, channels)
    return draw(_layer(operator, x, shape, output, 0, zero_point, st.integers(5, 12)))


@st.composite
def depthwise_convolutions(draw: DrawFn) -> Program:
    """DepthwiseConv2D of any kernel, stride, dilation and multiplier; whole words of channels or
    not, rows of one block or of several."""
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (5, 5), (1, 9), (4, 1), (2, 2), (1, 1)]))
    channels, multiplier = draw(st.sampled_from([1, 3, 4, 4, 8, 9])), draw(st.integers(1, 2))
    widths = st.integers(1, 2)
    largest = draw(st.sampled_from([(9, 9), (20, 20), (14, 70), (70, 14)]))
    x, output, stride, dilation, padding = draw(_geometry(kernel, widths, draw(STRIDES), largest))
    zero_point, clamp = draw(
        st.sampled_from([RECTIFIED, RECTIFIED, (5, CLAMPS[0]), (9, CLAMPS[2])])
    )
    operator = DepthwiseConv2D(stride, dilation, padding, clamp)
    outputs = channels * multiplier
    shape = (1, *kernel, outputs)
    return draw(_layer(operator, (*x, channels), shape, (*output, outputs), 3, zero_point))


@st.composite
def additions(draw: DrawFn) -> Program:
    """Add of equal shapes, scales from equal to far apart."""
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 6)))
    scales = [draw(st.sampled_from([0.5, 0.1, 0.0137, 1e-4])) for _ in range(3)]
    points = [draw(st.integers(-128, 127)) for _ in range(3)]
    a, b, y = (activation(n, shape, s, z) for n, s, z in zip("xay", scales, points, strict=True))
    return single_operation(Add(draw(st.sampled_from(CLAMPS))), [a, b], [y])


@st.composite
def global_pools(draw: DrawFn) -> Program:
    """AveragePool2D over the whole image, more pixels than 16 bits can sum among them."""
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    channels = 4 * draw(st.integers(1, 3))
    x = activation("x", (1, height, width, channels), 0.1, 3)
    y = activation("y", (1, 1, 1, channels), 0.1, 3)
    return single_operation(AveragePool2D((height, width)), [x], [y])


@st.composite
def window_pools(draw: DrawFn) -> Program:
    """MaxPool2D and AveragePool2D of any window, of channels that fill words or do not."""
    window = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    sides = [draw(st.integers(0, size - 1)) for size in (*window, *window)]
    padding = (sides[0], sides[1], sides[2], sides[3])
    channels = draw(st.sampled_from([1, 3, 4, 7, 16, 23, 40]))
    size = [
        max(draw(st.integers(1, 9)), k - min(a, b))
        for k, a, b in zip(window, sides[:2], sides[2:], strict=True)
    ]
    height, width = (
        (n + a + b - k) // s + 1
        for n, a, b, k, s in zip(size, sides[:2], sides[2:], window, stride, strict=True)
    )
    kind = draw(st.sampled_from([MaxPool2D, AveragePool2D]))
    operator = kind(window, stride, padding, draw(st.sampled_from(CLAMPS)))
    x = activation("x", (1, *size, channels), 0.1, 3)
    y = activation("y", (1, height, width, channels), 0.1, 3)
    return single_operation(operator, [x], [y])


@st.composite
def channel_rows(draw: DrawFn) -> Program:
    """Add, Sub and Mul of equal shapes, with a row of channels or with one number."""
    channels = draw(st.integers(1, 40))
    x = (1, 3, 2, channels)
    other = draw(st.sampled_from([x, (1, 1, 1, channels), (1, 1, 1, 1)]))
    scales = [draw(st.sampled_from([0.5, 0.1, 0.0137, 1e-4])) for _ in range(3)]
    points = [draw(st.integers(-128, 127)) for _ in range(3)]
    operator = draw(st.sampled_from([Add, Sub, Mul]))(draw(st.sampled_from(CLAMPS)))
    tensors = [
        activation("x", x, scales[0], points[0]),
        activation("z", other, scales[1], points[1]),
    ]
    return single_operation(operator, tensors, [activation("y", x, scales[2], points[2])])


@st.composite
def means(draw: DrawFn) -> Program:
    """Mean over the image, more pixels than 16 bits can sum among them."""
    height, width = draw(st.sampled_from([(3, 3), (1, 5), (17, 16), (40, 13)]))
    channels = draw(st.integers(1, 10))
    x = activation("x", (1, height, width, channels), 0.1, draw(st.integers(-128, 127)))
    y = activation("y", (1, 1, 1, channels), draw(st.sampled_from([0.1, 0.01])), -5)
    return single_operation(Mean((1, 2), keepdims=True), [x], [y])


@st.composite
def requantizations(draw: DrawFn) -> Program:
    """Requantize between any parameters, factors that shift left among them."""
    shape = (1, 3, draw(st.integers(1, 7)), 5)
    scales = [draw(st.sampled_from([0.5, 0.1, 0.0137, 1e-4])) for _ in range(2)]
    points = [draw(st.integers(-128, 127)) for _ in range(2)]
    x, y = (activation(n, shape, s, z) for n, s, z in zip("xy", scales, points, strict=True))
    return single_operation(Requantize(), [x], [y])


@st.composite
def fully_connected_layers(draw: DrawFn) -> Program:
    """FullyConnected of any sizes, one scale or one a channel, any factors."""
    rows, inputs = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4, 7, 16, 33, 130]))
    outputs = draw(st.integers(1, 9))
    zero_point, clamp = draw(st.sampled_from([RECTIFIED, (-128, CLAMPS[2]), (5, CLAMPS[0])]))
    shape = (outputs, inputs)
    return draw(
        _layer(FullyConnected(clamp), (rows, inputs), shape, (rows, outputs), 0, zero_point)
    )


KINDS = (
    convolutions(),
    convolutions().map(with_narrow_weights),
    large_convolutions(),
    winograd_convolutions(),
    depthwise_convolutions(),
    depthwise_convolutions().map(with_narrow_weights),
    fully_connected_layers(),
    additions(),
    global_pools(),
)
LAYERS = st.one_of(*KINDS)
OTHERS = st.one_of(
    window_pools(),
    channel_rows(),
    means(),
    requantizations(),
    CASES["sigmoid"]("int8").map(OneOperation.program),
    mac_cases.convolutions("int16"),
    mac_cases.depthwise_convolutions("int16"),
)
"""What the core's kernels of the portable ones' names take."""


@st.composite
def _geometry(
    draw: DrawFn,
    kernel: Pair,
    widths: st.SearchStrategy[int],
    stride: Pair,
    largest: Pair = (9, 9),
) -> tuple[tuple[int, int, int], tuple[int, int, int], Pair, Pair, Padding]:
    """(x, output, stride, dilation, padding) without channels.   widths: dilations of a row."""
    dilation = (draw(st.integers(1, 2)), draw(widths))
    covered = extent(kernel, dilation)
    sides = [draw(st.integers(0, size - 1)) for size in (*covered, *covered)]
    padding = (sides[0], sides[1], sides[2], sides[3])
    around = (padding[0] + padding[2], padding[1] + padding[3])
    rows, columns = (
        max(draw(st.integers(1, most)), c - a, 1)
        for most, c, a in zip(largest, covered, around, strict=True)
    )
    height, width = (
        (n + a - c) // s + 1
        for n, a, c, s in zip((rows, columns), around, covered, stride, strict=True)
    )
    return (1, rows, columns), (1, height, width), stride, dilation, padding


@st.composite
def _layer(
    draw: DrawFn,
    operator: Operator,
    x: tuple[int, ...],
    weights: tuple[int, ...],
    output: tuple[int, ...],
    axis: int,
    zero_point: int,
    shifts: st.SearchStrategy[int] = SHIFTS,
    low: int | None = None,
) -> Program:
    """The layer with multipliers of drawn shifts and weights that reach the sums' ends."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shift, spread = draw(shifts), draw(st.sampled_from([0.0, 0.9]))
    channels = weights[axis]
    scales = (0.01 * 2.0 ** -rng.uniform(0, spread, channels)).astype(np.float32)
    if spread == 0.0 and draw(st.booleans()):
        scales = scales[:1]
    source = activation("x", x, 0.05, draw(st.sampled_from([-128, 0, 83, 127])))
    target = activation("y", output, 0.05 * 0.01 * 2.0**shift, zero_point)
    bias = rng.integers(-(2**12), 2**12, channels).astype(np.int32)
    tensors = [
        source,
        constant("weights", _weights(draw, weights, rng, low), scales, axis),
        constant("bias", bias, np.asarray(source.scale * scales, np.float32)),
    ]
    return single_operation(operator, tensors, [target])


def _weights(
    draw: DrawFn, shape: tuple[int, ...], rng: np.random.Generator, low: int | None
) -> Array:
    low = low or draw(st.sampled_from([-128, -127, -20, 120]))
    high = {-128: 128, -127: 128, -20: 21, 120: 128}[low]
    return rng.integers(low, high, shape).astype(np.int8)
