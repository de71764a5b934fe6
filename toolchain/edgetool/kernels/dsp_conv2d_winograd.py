"""3x3 conv2d on cores with the DSP extension by Winograd's F(4x4, 3x3) (conv2d_winograd_dsp_s8).

A quarter of the multiplications for eight times the flash, bit for bit the same outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.dsp_packing import GROUP
from edgetool.kernels.epilogue import CONVOLUTION, SUMS, Epilogue, choose_epilogue
from edgetool.kernels.winograd import MIN_SHIFT, POSITIONS, TILE, pack
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("speed",)
TILES = 3  # of a block
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_winograd_dsp_s8, or None for other kernels and where direct products cost less."""
    layer = Layer.of(inputs, outputs[0])
    if require_types(operator.kind, layer) != "int8" or not _fits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, CONVOLUTION)
    if not _is_exact(epilogue):
        return None
    parameters = {
        "in_height": layer.x.shape[1],
        "in_width": layer.x.shape[2],
        "in_channels": layer.x.shape[3],
        "out_height": layer.output.shape[1],
        "out_width": layer.output.shape[2],
        "out_channels": layer.channels,
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
    }
    return KernelCall(
        "conv2d_winograd_dsp_s8",
        ARGUMENTS,
        parameters,
        {"weights": pack(layer.weight_data, found.bias, epilogue)},
        scratch_bytes(layer),
        {0: lead_bytes(operator, layer)},
    )


def scratch_bytes(layer: Layer) -> int:
    """Values and sums of 3 tiles, inputs of one."""
    channels = layer.x.shape[3]
    return POSITIONS * (2 * TILES * channels + 4 * TILES * 2 + channels)


def lead_bytes(operator: Conv2D, layer: Layer) -> int:
    """How far the input may lie behind the output: a row of tiles may be written, but for its last
    tile, before the inputs of this tile are read, whose first row is that of its first outputs."""
    x, output = layer.x.shape, layer.output.shape
    ahead = (TILE - 1) * output[2]
    return window_lead(x, output, (1, 1), operator.padding[:2], ahead)


def _fits(operator: Conv2D, layer: Layer) -> bool:
    return (
        operator.groups == 1
        and layer.weights.shape[1:3] == (3, 3)
        and operator.stride == (1, 1)
        and operator.dilation == (1, 1)
        and layer.x.shape[3] % GROUP == 0
        and layer.channels % 2 == 0
        and _winograd_instructions(layer) < _direct_instructions(layer)
    )


def _is_exact(epilogue: Epilogue) -> bool:
    """Whether every channel shifts its sums by at least what outputs come times."""
    return epilogue.tail != SUMS and bool(np.all(epilogue.shifts >= MIN_SHIFT))


def _winograd_instructions(layer: Layer) -> float:
    """About: products at 23 instructions for 36, 270 for a channel's outputs of a tile, 345 for two
    channels' inputs."""
    _, height, width, outputs = layer.output.shape
    inputs = layer.x.shape[3]
    tiles = -(-height // TILE) * -(-width // TILE)
    blocks = -(-tiles // TILES)
    products = POSITIONS * (8 + 23 / 36 * 2 * TILES * inputs)
    return blocks * outputs / 2 * products + tiles * (outputs * 270 + inputs / 2 * 345)


def _direct_instructions(layer: Layer) -> float:
    """About, with int16 weights: 23 instructions for 36 products, 30 for a block's outputs of two
    channels, 13 for 12 gathered taps."""
    _, height, width, outputs = layer.output.shape
    taps = 9 * layer.x.shape[3]
    products = 23 / 36 * 6 * taps + 30
    return -(-height * width // 3) * (outputs / 2 * products + 13 / 4 * taps)
