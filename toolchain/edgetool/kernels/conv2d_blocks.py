"""conv2d_blocks_s8: six pixels by four channels at a time, three sums in two words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetool.kernels.bounded_layers import (
    Parameters,
    bounded_layer,
    padded,
    round_up,
)
from edgetool.kernels.short_scaling import ChooseScaling, long_scaling
from edgetool.program.accumulators import Layer
from edgetool.program.arithmetic import Int64Array
from edgetool.program.operator import Array, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead, with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import extent, image_parameters

KINDS = frozenset({"conv2d"})

PIXELS, CHANNELS = 6, 4
TAP_BYTES = 16
SUMS = (-(1 << 20), (1 << 20) - 1)
"""What edge_triple.h can tell apart."""


@dataclass(frozen=True)
class Block:
    """What a core's edge_block.h says of its blocks.

    together: so many of the four channels have their weights side by side.   unrolled: taps of
    a segment are a multiple of it.   offsets: words for each segment.   unsigned: weights are
    stored plus 128.
    """

    together: int
    unrolled: int
    offsets: int = 0
    unsigned: bool = False
    scaling: ChooseScaling = long_scaling


PORTABLE = Block(together=4, unrolled=4)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for groups, other types than int8, and sums that may be large."""
    return blocks_call(operator, inputs, outputs, PORTABLE)


def blocks_call(
    operator: Conv2D,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    block: Block,
) -> KernelCall | None:
    """The call for a core's blocks."""
    layer = Layer.of(inputs, outputs[0])
    found = bounded_layer(layer, operator.clamp, block.scaling) if operator.groups == 1 else None
    if found is None:
        return None
    weights = layer.weight_data.reshape(layer.channels, -1)
    taps, count = split_taps(weights, found.epilogue.bias, block.unrolled)
    image = {**image_of(operator, layer), "segment_taps": taps, "segments": count}
    scratch = count * (TAP_BYTES * taps + 4 * block.offsets) + border_bytes(operator, layer)
    packed = blocked(weights, taps, count, block)
    call = found.call("conv2d_blocks_s8", image, packed, scratch, CHANNELS)
    shapes = layer.x.shape, layer.output.shape
    return with_lead(call, window_lead(*shapes, operator.stride, operator.padding[:2], 0))


def split_taps(weights: Array, bias: Int64Array, unrolled: int) -> tuple[int, int]:
    """(taps, segments), the fewest for which the sums of each segment are within SUMS.

    weights (O, K).   bias (O,): a single segment's sums start from it, those of several from 0.
    """
    products = weights.astype(np.int64)
    low, high = (reach(products * -128, products * 127) for reach in (np.minimum, np.maximum))
    if _holds(low.sum(axis=1) + bias, high.sum(axis=1) + bias):
        return round_up(weights.shape[1], unrolled), 1
    for count in range(2, weights.shape[1] + 1):
        taps = round_up(-(-weights.shape[1] // count), unrolled)
        segments = (
            padded(side, side.shape[0], count * taps).reshape(-1, count, taps).sum(axis=2)
            for side in (low, high)
        )
        if _holds(*segments):
            return taps, count
    return unrolled, max(2, -(-weights.shape[1] // unrolled))


def _holds(low: Int64Array, high: Int64Array) -> bool:
    return bool(low.min() >= SUMS[0] and high.max() <= SUMS[1])


def blocked(weights: Array, taps: int, segments: int, block: Block) -> Array:
    """weights (O, K) as (O / 4, segments, 4 / together, taps, together), zeros where none are."""
    channels = round_up(weights.shape[0], CHANNELS)
    grown = padded(weights, channels, segments * taps)
    parts = grown.reshape(-1, CHANNELS // block.together, block.together, segments, taps)
    side_by_side = parts.transpose(0, 3, 1, 4, 2)
    if block.unsigned:
        side_by_side = side_by_side ^ np.int8(-128)  # plus 128 as an unsigned byte
    return np.ascontiguousarray(side_by_side)


def border_bytes(operator: Conv2D, layer: Layer) -> int:
    """For each pixel of a block one kernel row, where windows reach beyond the image."""
    _, height, width, _ = layer.weights.shape
    covered = extent((height, width), operator.dilation)
    image, output = layer.x.shape[1:3], layer.output.shape[1:3]
    inside = all(
        pad == 0 and (count - 1) * stride + size <= length
        for pad, count, stride, size, length in zip(
            operator.padding[:2], output, operator.stride, covered, image, strict=True
        )
    )
    return 0 if inside else PIXELS * width * layer.weights.shape[3]


def image_of(operator: Conv2D, layer: Layer) -> Parameters:
    """The fields of the parameters up to the input's zero point."""
    return {
        **image_parameters(layer.x.shape, layer.output.shape, layer.weights.shape[1:3]),
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "dilation_height": operator.dilation[0],
        "dilation_width": operator.dilation[1],
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
    }
