"""conv2d_blocks_s8: some pixels by some channels at a time, weights side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetool.kernels.bounded_layers import Parameters, bounded_layer, padded, round_up
from edgetool.program.accumulators import Layer
from edgetool.program.operator import Array, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead, with_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import image_parameters

KINDS = frozenset({"conv2d"})


@dataclass(frozen=True)
class Block:
    """What a core's edge_block.h says of its blocks.

    channels: of a block; `together` of them have their weights side by side.   unrolled: taps are
    a multiple of it.   header: taps before them.   unsigned: weights are stored plus 128.
    """

    pixels: int
    channels: int
    together: int
    unrolled: int
    cell_bytes: int
    header: int = 0
    unsigned: bool = False


PORTABLE = Block(pixels=2, channels=4, together=4, unrolled=4, cell_bytes=1)


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
    if operator.groups != 1 or (found := bounded_layer(layer, operator.clamp)) is None:
        return None
    weights = blocked(layer.weight_data.reshape(layer.channels, -1), block)
    taps = weights.size // round_up(layer.channels, block.channels)
    row = layer.weights.shape[2] * layer.weights.shape[3]
    scratch = block.pixels * (block.cell_bytes * (block.header + taps) + row)
    image = image_of(operator, layer)
    call = found.call("conv2d_blocks_s8", image, weights, scratch, block.channels)
    shapes = layer.x.shape, layer.output.shape
    return with_lead(call, window_lead(*shapes, operator.stride, operator.padding[:2], 0))


def blocked(weights: Array, block: Block) -> Array:
    """weights (O, K) as (groups, taps, together), zeros where there is no tap or channel."""
    channels, taps = weights.shape
    grown = padded(weights, round_up(channels, block.channels), round_up(taps, block.unrolled))
    side_by_side = grown.reshape(-1, block.together, grown.shape[1]).transpose(0, 2, 1)
    if block.unsigned:
        side_by_side = (side_by_side.view(np.uint8) + np.uint8(128)).view(np.int8)
    return np.ascontiguousarray(side_by_side)


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
