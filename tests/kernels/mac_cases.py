"""Hypothesis strategies: multiply-accumulate layers as one-operation programs.

Shapes are small; scales reach from factors that shift left to ones that round all to zero.
"""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from single_operation import activation, constant, single_operation

from edgetool.program.operator import Clamp, Operator
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.transpose_conv2d import TransposeConv2D
from edgetool.program.program import Program
from edgetool.program.windows import Padding, extent

CLAMPS = (Clamp(), Clamp(0.0, math.inf), Clamp(0.0, 6.0), Clamp(-1.0, 1.0))
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
KERNELS = st.tuples(st.integers(1, 4), st.integers(1, 4))
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
CHANNELS = st.sampled_from([1, 2, 3, 4, 5, 8, 16])


@st.composite
def convolutions(draw: DrawFn, dtype: str) -> Program:
    """Conv2D with groups, strides, dilation and any padding, or LiteRT's SAME."""
    kernel, stride, dilation = draw(KERNELS), draw(PAIRS), draw(PAIRS)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, outputs = groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 5))
    padding = draw(paddings(kernel))
    x, output = _images(draw(SIZES), channels, kernel, stride, dilation, padding)
    operator = Conv2D(stride, dilation, padding, groups, draw(st.sampled_from(CLAMPS)))
    weights = (outputs, *kernel, channels // groups)
    return draw(layers(operator, x, weights, (*output, outputs), dtype, 0))


@st.composite
def depthwise_convolutions(draw: DrawFn, dtype: str) -> Program:
    """DepthwiseConv2D with a channel multiplier, strides, dilation and padding."""
    kernel, stride, dilation = draw(KERNELS), draw(PAIRS), draw(PAIRS)
    channels, multiplier = draw(CHANNELS), draw(st.integers(1, 3))
    padding = draw(paddings(kernel))
    x, output = _images(draw(SIZES), channels, kernel, stride, dilation, padding)
    operator = DepthwiseConv2D(stride, dilation, padding, draw(st.sampled_from(CLAMPS)))
    outputs = channels * multiplier
    return draw(layers(operator, x, (1, *kernel, outputs), (*output, outputs), dtype, 3))


@st.composite
def transposed_convolutions(draw: DrawFn, dtype: str, free: bool) -> Program:
    """TransposeConv2D without padding, or with any if free."""
    kernel, stride, size = draw(KERNELS), draw(PAIRS), draw(SIZES)
    channels, outputs = draw(CHANNELS), draw(CHANNELS)
    full = [(n - 1) * step + k for n, step, k in zip(size, stride, kernel, strict=True)]
    top, bottom = draw(_cuts(full[0])) if free else (0, 0)
    left, right = draw(_cuts(full[1])) if free else (0, 0)
    output = (1, full[0] - top - bottom, full[1] - left - right, outputs)
    operator = TransposeConv2D(stride, (top, left, bottom, right), draw(st.sampled_from(CLAMPS)))
    x = (1, *size, channels)
    return draw(layers(operator, x, (outputs, *kernel, channels), output, dtype, 0))


@st.composite
def fully_connected_layers(draw: DrawFn, dtype: str) -> Program:
    """FullyConnected of one or several rows."""
    rows, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 70)), draw(CHANNELS)
    operator = FullyConnected(draw(st.sampled_from(CLAMPS)))
    return draw(layers(operator, (rows, inputs), (outputs, inputs), (rows, outputs), dtype, 0))


@st.composite
def layers(
    draw: DrawFn,
    operator: Operator,
    x: tuple[int, ...],
    weights: tuple[int, ...],
    output: tuple[int, ...],
    dtype: str,
    axis: int,
) -> Program:
    """The program with random weights, and for integers random scales and zero points.

    dtype: of the activations; int16 ones have int8 weights and zero points of 0.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs, has_bias = weights[axis], draw(st.booleans())
    if dtype == "float32":
        data = rng.normal(size=weights).astype(np.float32)
        bias = constant("bias", rng.normal(size=outputs).astype(np.float32))
        tensors = [activation("x", x), constant("weights", data), bias if has_bias else None]
        return single_operation(operator, tensors, [activation("y", output)])
    per_channel = draw(st.booleans()) and outputs > 1
    scales = rng.uniform(1e-3, 1e-1, outputs if per_channel else 1).astype(np.float32)
    wide = dtype == "int16"
    zero_points = st.just(0) if wide else st.integers(-128, 127)
    zero_point, out_zero_point = draw(zero_points), draw(zero_points)
    source = activation("x", x, draw(st.sampled_from([1e-3, 0.02, 0.7])), zero_point, dtype)
    length = math.prod(weights) // outputs
    spread = float(source.scale) * float(scales.max()) * 128 * 64 * math.sqrt(length)
    smallest = 1e-3 if wide else 1e-6  # LiteRT shifts 48-bit sums left by 7 bits at most
    factor = draw(st.sampled_from([smallest, 0.02, 1.0, 1.0, 1.0, 30.0]))
    target = activation("y", output, spread * factor / 128, out_zero_point, dtype)
    data = rng.integers(-127, 128, weights).astype(np.int8)
    bias_data = rng.integers(-(2**13), 2**13, outputs).astype(np.int32)
    bias_scale = np.asarray(source.scale * scales, np.float32)
    tensors = [
        source,
        constant("weights", data, scales, axis),
        constant("bias", bias_data, bias_scale) if has_bias else None,
    ]
    return single_operation(operator, tensors, [target])


@st.composite
def paddings(draw: DrawFn, kernel: tuple[int, int]) -> Padding:
    """Each side from none to the kernel's size."""
    sides = [draw(st.integers(0, size)) for size in (*kernel, *kernel)]
    return draw(st.sampled_from([(0, 0, 0, 0), (sides[0], sides[1], sides[2], sides[3])]))


def _images(
    size: tuple[int, int],
    channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(input shape, output shape without channels); the input grows to hold one window."""
    covered = extent(kernel, dilation)
    around = (padding[0] + padding[2], padding[1] + padding[3])
    grown = [max(n, c - a, 1) for n, c, a in zip(size, covered, around, strict=True)]
    output = [
        (n + a - c) // s + 1 for n, a, c, s in zip(grown, around, covered, stride, strict=True)
    ]
    return (1, *grown, channels), (1, *output)


def _cuts(full: int) -> SearchStrategy[tuple[int, int]]:
    """(start, end) cuts that leave at least one; a negative end adds."""
    return st.integers(0, full - 1).flatmap(
        lambda start: st.tuples(st.just(start), st.integers(-2, full - 1 - start))
    )
