"""depthwise_conv2d on cores with Helium: a window is one vector (depthwise_conv2d_mve_s8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.mve_packing import (
    GROUP,
    VECTOR,
    Array,
    UInt32Array,
    choose_tail,
    double_rounding,
    group_words,
)
from edgetool.program.accumulators import Layer, Requantization, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.depthwise_conv2d import CHANNEL_AXIS, DepthwiseConv2D
from edgetool.program.tensor import Tensor

KINDS = ("depthwise_conv2d",)
ROOM = 8  # rows that windows move on before the planes are moved back
MAX_PITCH = 8192  # eight planes are reached by offsets of 16 bits
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """depthwise_conv2d_mve_s8, or None for floats, dilated columns and planes that are too far
    apart."""
    layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
    if require_types(operator.kind, layer) != "int8":
        return None
    height, width = layer.weights.shape[1:3]
    pitch = plane_pitch(operator, layer)
    if pitch >= MAX_PITCH or (operator.dilation[1] > 1 and width > 1):
        return None
    found = requantization(layer, operator.clamp)
    parameters = {
        "in_height": layer.x.shape[1],
        "in_width": layer.x.shape[2],
        "in_channels": layer.x.shape[3],
        "out_height": layer.output.shape[1],
        "out_width": layer.output.shape[2],
        "multiplier": layer.channels // layer.x.shape[3],
        "kernel_height": height,
        "kernel_width": width,
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "dilation_height": operator.dilation[0],
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_zero_point": found.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
        "tail": choose_tail(found),
        "pitch": pitch,
    }
    return KernelCall(
        "depthwise_conv2d_mve_s8",
        ARGUMENTS,
        parameters,
        {"weights": pack_quads(layer.weight_data[0], found)},
        layer.x.shape[3] * pitch + -(-height * width // VECTOR) * VECTOR,
        {0: lead_bytes(operator, layer)},
    )


def pack_quads(weights: Array, found: Requantization) -> UInt32Array:
    """For each 4 channels (the last padded with zeros) the taps of each, column by column, then
    biases, multipliers and shifts, 4 words each.   weights: int8 (kh, kw, C)."""
    channels = weights.shape[2]
    taps = weights.transpose(2, 1, 0).reshape(channels, -1)
    padded = np.pad(taps, ((0, -channels % GROUP), (0, 0))).astype(np.int8)
    words = np.ascontiguousarray(padded.reshape(len(padded) // GROUP, -1)).view(np.uint32)
    scales = [group_words(values) for values in double_rounding(found)]
    return np.ascontiguousarray(np.concatenate([words, *scales], axis=1)).ravel()


def plane_pitch(operator: DepthwiseConv2D, layer: Layer) -> int:
    """Bytes from one channel's plane to the next: a row of windows, and room to move on in."""
    height, width = layer.weights.shape[1:3]
    columns = (layer.output.shape[2] - 1) * operator.stride[1] + width
    moves = (layer.output.shape[1] - 1) * operator.stride[0]
    return height * columns + (min(moves, ROOM) if kept_rows(operator, height) else 0)


def kept_rows(operator: DepthwiseConv2D, height: int) -> int:
    """Rows of the image that a row of windows leaves in the planes for the next."""
    return max(0, height - operator.stride[0]) if operator.dilation[0] == 1 else 0


def lead_bytes(operator: DepthwiseConv2D, layer: Layer) -> int:
    """Before a row of windows takes new rows of the input, all output rows above are written."""
    height = layer.weights.shape[1]
    rows = np.arange(layer.output.shape[1])
    first_new = rows * operator.stride[0] - operator.padding[0]
    first_new[1:] += kept_rows(operator, height)
    row_bytes = layer.output.shape[2] * layer.channels
    still_read = np.maximum(first_new, 0) * layer.x.shape[2] * layer.x.shape[3]
    return max(0, int(np.max(rows * row_bytes - still_read)))
