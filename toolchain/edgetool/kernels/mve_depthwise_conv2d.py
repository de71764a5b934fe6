"""depthwise_conv2d on cores with Helium: 8 channels at once (depthwise_conv2d_mve_s8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.epilogue import per_channel
from edgetool.kernels.mve_packing import ANY, Array, UInt32Array, choose_tail
from edgetool.program.accumulators import Layer, Requantization, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.depthwise_conv2d import CHANNEL_AXIS, DepthwiseConv2D
from edgetool.program.tensor import Tensor

KINDS = ("depthwise_conv2d",)
LANES = 8
MAX_ROWS = 16
MIN_WEIGHT = -127  # two products of -128 * -128 do not fit in int16
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
    """depthwise_conv2d_mve_s8, or None for channel multipliers, dilation, weights of -128, and
    multipliers that shift to the left."""
    layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
    if require_types(operator.kind, layer) != "int8" or not _fits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    tail = choose_tail(found)
    if tail == ANY:
        return None
    kernel = layer.weights.shape[1:3]
    parameters = {
        "in_height": layer.x.shape[1],
        "in_width": layer.x.shape[2],
        "channels": layer.channels,
        "out_height": layer.output.shape[1],
        "out_width": layer.output.shape[2],
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_zero_point": found.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
        "tail": tail,
    }
    packed = pack_octets(layer.weight_data[0], found)
    columns = (layer.output.shape[2] - 1) * operator.stride[1] + kernel[1]
    scratch = LANES * kernel[0] * columns
    return KernelCall(
        "depthwise_conv2d_mve_s8", ARGUMENTS, parameters, {"weights": packed}, scratch
    )


def pack_octets(weights: Array, found: Requantization) -> UInt32Array:
    """For each 8 channels (the last padded with zeros) taps of 8 bytes, then bias, multipliers
    and shifts, 8 words each.   weights: int8 (kh, kw, C)."""
    channels = weights.shape[2]
    multipliers, shifts = per_channel(found, channels)
    taps = np.pad(weights.reshape(-1, channels), ((0, 0), (0, -channels % LANES)))
    octets = taps.astype(np.int8).reshape(len(taps), -1, LANES).transpose(1, 0, 2)
    words = np.ascontiguousarray(octets.reshape(len(octets), -1)).view(np.uint32)
    scales = [_parted(values) for values in (found.bias, multipliers, shifts)]
    return np.ascontiguousarray(np.concatenate([words, *scales], axis=1)).ravel()


def _parted(values: Array) -> UInt32Array:
    """(C / 8, 8) words of int32 values (C,): even channels first, as VMOVLB parts them."""
    padded = np.pad(values.astype(np.int32), (0, -values.size % LANES)).reshape(-1, LANES)
    parted = np.concatenate([padded[:, ::2], padded[:, 1::2]], axis=1)
    return np.ascontiguousarray(parted).view(np.uint32)


def _fits(operator: DepthwiseConv2D, layer: Layer) -> bool:
    height, width = layer.weights.shape[1:3]
    is_dense = (operator.dilation[0] == 1 or height == 1) and (
        operator.dilation[1] == 1 or width == 1
    )
    same_channels = layer.x.shape[3] == layer.channels
    is_small = height <= MAX_ROWS and int(layer.weight_data.min()) >= MIN_WEIGHT
    return is_dense and same_channels and is_small
