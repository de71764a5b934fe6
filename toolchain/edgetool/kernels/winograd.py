"""3x3 convolutions by Winograd's minimal filtering in exact integers: weights and scales.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015). The transform of
weights, G, is taken times a constant, so that it is of integers and outputs come times a square.
That is taken out modulo 2**32: once the requantization shifts sums to the left by s anyway,
2**s / square is an integer there, if s is not below the square's power of two, and only the last
value, not those between, has to fit in int32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.dsp_packing import UInt32Array, tap_words
from edgetool.kernels.epilogue import LINEAR, SUMS, Epilogue
from edgetool.program.accumulators import Layer
from edgetool.program.arithmetic import Int32Array, Int64Array
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead

Array = npt.NDArray[Any]

BLOCK = 3  # tiles
KERNEL = 3
OFFSET = 0x3800  # of transformed inputs, in edge_winograd_input_4x4
UNSIGNED = 128  # is added to inputs there


@dataclass(frozen=True)
class Scheme:
    """F(outputs x outputs, 3 x 3).

    outputs: along a side of a tile.   shift, odd: outputs come times 2**shift * odd.
    """

    outputs: int
    shift: int
    odd: int

    @property
    def inputs(self) -> int:
        """Along a side of a tile."""
        return self.outputs + KERNEL - 1

    @property
    def positions(self) -> int:
        """Multiplications of a tile and two channels."""
        return self.inputs**2

    def tiles(self, layer: Layer) -> int:
        """Tiles of the layer's output."""
        _, height, width, _ = layer.output.shape
        return -(-height // self.outputs) * -(-width // self.outputs)

    def scratch_bytes(self, layer: Layer) -> int:
        """Values and sums of a block, inputs of a tile."""
        channels = layer.x.shape[3]
        return self.positions * (2 * BLOCK * channels + 4 * BLOCK * 2 + channels)

    def lead_bytes(self, operator: Conv2D, layer: Layer) -> int:
        """How far the input may lie behind the output: a row of tiles may be written, but for its
        last, before the inputs of that are read, the first of which its first outputs need."""
        ahead = (self.outputs - 1) * layer.output.shape[2]
        return window_lead(layer.x.shape, layer.output.shape, (1, 1), operator.padding[:2], ahead)

    def is_exact(self, epilogue: Epilogue) -> bool:
        """Whether every channel shifts its sums by at least what outputs come times."""
        return epilogue.tail != SUMS and bool(np.all(epilogue.shifts >= self.shift))

    def scales(self, bias: Int64Array, epilogue: Epilogue) -> Int32Array:
        """(O, 5): factor, bias, multiplier, addend, nudge of edge_winograd_scale."""
        shifts = epilogue.shifts.astype(np.int64)
        inverse = pow(self.odd, -1, 1 << 32)
        factors = np.array([inverse << int(s) - self.shift & 0xFFFFFFFF for s in shifts], np.int64)
        nudges = (1 << (shifts - 1)) * int(epilogue.tail == LINEAR)
        multipliers, addends = (
            a.astype(np.int64) for a in (epilogue.multipliers, epilogue.addends)
        )
        columns = [factors, bias << shifts, multipliers, addends, nudges]
        return (np.stack(columns, axis=1) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


F4 = Scheme(outputs=4, shift=6, odd=9)
F2 = Scheme(outputs=2, shift=2, odd=1)

WEIGHTS_4 = np.array(  # G times 24, its last row times 12: edge_winograd_output_4x4 doubles that
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 12]], np.int64
)


def suits(operator: Conv2D, layer: Layer) -> bool:
    """Whether the layer is a 3x3 convolution without stride, of whole words of channels."""
    return (
        operator.groups == 1
        and layer.weights.shape[1:3] == (KERNEL, KERNEL)
        and operator.stride == (1, 1)
        and operator.dilation == (1, 1)
        and layer.x.shape[3] % 4 == 0
        and layer.channels % 2 == 0
        and max(*layer.x.shape, *layer.output.shape) < 1 << 15
    )


def parameters_of(
    operator: Conv2D, layer: Layer, bounds: tuple[int, int]
) -> dict[str, int | float | tuple[int, ...]]:
    """The fields of edge_winograd_params."""
    return {
        "in_height": layer.x.shape[1],
        "in_width": layer.x.shape[2],
        "in_channels": layer.x.shape[3],
        "out_height": layer.output.shape[1],
        "out_width": layer.output.shape[2],
        "out_channels": layer.channels,
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_min": bounds[0],
        "out_max": bounds[1],
    }


def transform_weights(weights: Array) -> Int64Array:
    """(O, 36, I) integers within int16 of weights int8 (O, 3, 3, I), for F4."""
    grown = np.einsum("ia,oabc,jb->oijc", WEIGHTS_4, weights.astype(np.int64), WEIGHTS_4)
    return np.asarray(grown.reshape(len(weights), F4.positions, -1), np.int64)


def pack(weights: Array) -> UInt32Array:
    """The stream that edge_winograd_conv2d reads with F4, for each pair of output channels:

    at each position two words b0, b1 that take the inputs' offset out, then for every two input
    channels a word of either output channel.
    weights: int8 (O, 3, 3, I), O even, I a multiple of 4.
    """
    transformed = transform_weights(weights)
    channels, positions, inputs = transformed.shape
    starts = -OFFSET * transformed.sum(axis=2)
    words = tap_words(transformed.reshape(-1, inputs)).reshape(channels, positions, -1)
    columns = np.concatenate([starts[:, :, None], words], axis=2) & 0xFFFFFFFF
    pairs = columns.reshape(-1, 2, positions, columns.shape[2]).transpose(0, 2, 3, 1)
    return np.asarray(pairs, np.int64).astype(np.uint32).ravel()


def direct_instructions(layer: Layer, per_product: float) -> float:
    """About what edge_dsp_conv2d executes: 35 for a block's outputs of two channels, 13 for 12
    gathered taps.   per_product: instructions for a multiply-accumulate."""
    _, height, width, outputs = layer.output.shape
    taps = KERNEL * KERNEL * layer.x.shape[3]
    products = per_product * 6 * taps + 35
    return -(-height * width // 3) * (outputs / 2 * products + 13 / 4 * taps)


def winograd_instructions(layer: Layer, scheme: Scheme) -> float:
    """About what edge_winograd_conv2d executes: 23 for 36 multiply-accumulates, and what the
    transforms take for two channels of a tile."""
    two_inputs, two_outputs = {4: (345, 560), 2: (130, 160)}[scheme.outputs]
    outputs, inputs = layer.channels, layer.x.shape[3]
    tiles = scheme.tiles(layer)
    products = scheme.positions * (8 + 23 / 36 * 2 * BLOCK * inputs)
    return -(-tiles // BLOCK) * outputs / 2 * products + tiles * (
        outputs / 2 * two_outputs + inputs / 2 * two_inputs
    )
