"""conv2d_blocks_s8: two pixels by four channels at a time, weights side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.bounded_layers import Parameters, bounded_layer, padded, round_up
from edgetool.program.accumulators import Layer
from edgetool.program.operator import Array, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor
from edgetool.program.windows import image_parameters

KINDS = frozenset({"conv2d"})
PIXELS, CHANNELS, UNROLLED = 2, 4, 4


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for groups, other types than int8, and sums that may be large."""
    layer = Layer.of(inputs, outputs[0])
    if operator.groups != 1 or (found := bounded_layer(layer, operator.clamp)) is None:
        return None
    weights = blocked(layer.weight_data.reshape(layer.channels, -1))
    row = layer.weights.shape[2] * layer.weights.shape[3]
    scratch = PIXELS * (weights.shape[1] + row)
    return found.call("conv2d_blocks_s8", image_of(operator, layer), weights, scratch)


def blocked(weights: Array) -> Array:
    """weights (O, K) as (ceil(O / 4), taps, 4), zeros where there is no tap or channel."""
    channels, taps = weights.shape
    grown = padded(weights, round_up(channels, CHANNELS), round_up(taps, UNROLLED))
    return np.ascontiguousarray(grown.reshape(-1, CHANNELS, grown.shape[1]).transpose(0, 2, 1))


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
