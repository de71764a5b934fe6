"""3x3 depthwise_conv2d on cores with the DSP extension (depthwise_conv2d_dsp_s8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.epilogue import DEPTHWISE, RECTIFIED, Epilogue, choose_epilogue
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.depthwise_conv2d import CHANNEL_AXIS, DepthwiseConv2D
from edgetool.program.overlap import strip_lead, with_lead
from edgetool.program.tensor import Tensor

KINDS = ("depthwise_conv2d",)
KERNEL = 3
QUAD = 4
QUAD_BYTES = 120
COLUMN_BYTES = 24
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("output"),
    Argument("scratch"),
)

Array = npt.NDArray[Any]


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """depthwise_conv2d_dsp_s8, or None for larger kernels, channel multipliers, unaligned
    channels, dilated columns, and clamps or multipliers that need the generic rounding."""
    layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
    if require_types(operator.kind, layer) != "int8" or not _fits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, DEPTHWISE)
    if epilogue.tail != RECTIFIED:
        return None
    parameters = {
        "in_height": layer.x.shape[1],
        "in_width": layer.x.shape[2],
        "channels": layer.channels,
        "out_height": layer.output.shape[1],
        "out_width": layer.output.shape[2],
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "dilation_height": operator.dilation[0],
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
    }
    packed = pack_quads(layer.weight_data[0], found.bias, epilogue)
    scratch = QUAD_BYTES + COLUMN_BYTES * _columns(operator, layer)
    made = KernelCall(
        "depthwise_conv2d_dsp_s8", ARGUMENTS, parameters, {"weights": packed}, scratch
    )
    shapes = layer.x.shape, layer.output.shape
    lead = strip_lead(*shapes, operator.stride[0], operator.padding[0], rows=1)
    return with_lead(made, lead, multiple=layer.channels)


def pack_quads(weights: Array, bias: Array, epilogue: Epilogue) -> npt.NDArray[np.uint32]:
    """22 words for each 4 channels: 9 taps, bias, multipliers, addends, shifts.

    weights: int8 (kh, kw, C), kernels of at most 3 by 3.
    """
    height, width, channels = weights.shape
    kernel = np.pad(weights, ((0, KERNEL - height), (0, KERNEL - width), (0, 0)))
    quads = channels // QUAD
    taps = _words(kernel.reshape(KERNEL * KERNEL, channels)).T
    words = [
        np.asarray(column, np.int64).astype(np.uint32).reshape(quads, QUAD)
        for column in (bias & 0xFFFFFFFF, epilogue.multipliers, _unsigned(epilogue.addends))
    ]
    shifts = _words(epilogue.shifts[None]).T
    return np.concatenate([taps, *words, shifts], axis=1).astype(np.uint32).ravel()


def _words(rows: Array) -> npt.NDArray[np.uint32]:
    """(rows, C/4) words of bytes (rows, C)."""
    return np.ascontiguousarray(rows.astype(np.int8)).view(np.uint32)


def _unsigned(values: Array) -> Array:
    return values.astype(np.int64) & 0xFFFFFFFF


def _columns(operator: DepthwiseConv2D, layer: Layer) -> int:
    return (layer.output.shape[2] - 1) * operator.stride[1] + KERNEL


def _fits(operator: DepthwiseConv2D, layer: Layer) -> bool:
    kernel = layer.weights.shape[1:3]
    return (
        max(kernel) <= KERNEL
        and layer.x.shape[3] == layer.channels
        and layer.channels % QUAD == 0
        and (operator.dilation[1] == 1 or kernel[1] == 1)
        and _columns(operator, layer) > operator.padding[1]
    )
