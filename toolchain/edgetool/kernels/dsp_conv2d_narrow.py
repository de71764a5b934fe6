"""conv2d with weights of 4 bits on cores with the DSP extension (conv2d_dsp_s4).

A word holds four taps of two channels. A weight in the upper bits of an int16 half is itself times
4096, so one AND takes those of two taps out of the word, and sums come times 4096: exactly, while
they stay below 2**19.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.dsp_conv2d import blocks_call, suits
from edgetool.kernels.dsp_packing import (
    GROUP,
    UInt32Array,
    order_taps,
    packed_shifts,
    pair_channels,
)
from edgetool.kernels.epilogue import (
    CONVOLUTION_NARROW,
    SUMS,
    Epilogue,
    choose_epilogue,
    largest_sums,
)
from edgetool.program.accumulators import Layer, requantization
from edgetool.program.arithmetic import Int64Array
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
PACKED_WEIGHTS = True
SCALE_BITS = 12
SUM_LIMIT = 1 << (31 - SCALE_BITS)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_dsp_s4, or None for groups, and multipliers or sums out of its range."""
    layer = Layer.of(inputs, outputs[0])
    if not suits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, CONVOLUTION_NARROW)
    if epilogue.tail == SUMS or int(largest_sums(layer, found).max()) >= SUM_LIMIT:
        return None
    packed = pack_narrow_pairs(order_taps(layer.weight_data), found.bias, epilogue)
    return blocks_call("conv2d_dsp_s4", operator, layer, found, epilogue.tail, packed)


def pack_narrow_pairs(
    weights: npt.NDArray[Any], bias: Int64Array, epilogue: Epilogue
) -> UInt32Array:
    """The stream that edge_dot_narrow_3x2 reads, for each pair of channels:

    b0, b1 times 4096, a word for every four taps, m0, m1, c0, c1, and 12 less the shifts.
    weights: int8 (O, K) within -8..7; K is padded to a multiple of 4.   bias: (O,).
    """
    columns = [bias << SCALE_BITS, epilogue.multipliers, epilogue.addends]
    biases, multipliers, addends = (pair_channels(np.asarray(c, np.int64)) for c in columns)
    shifts = packed_shifts(SCALE_BITS - pair_channels(epilogue.shifts.astype(np.int64)))
    stream = [biases, nibble_words(weights), multipliers, addends, shifts]
    return (
        np.asarray(np.concatenate(stream, axis=1) & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()
    )


def nibble_words(weights: npt.NDArray[Any]) -> Int64Array:
    """(pairs, K/4) words of weights (O, K): two channels of the first tap in the lowest byte."""
    depth = -(-weights.shape[1] // GROUP) * GROUP
    padded = np.pad(weights.astype(np.int64), ((0, 0), (0, depth - weights.shape[1]))) & 15
    pairs = pair_channels(padded)
    taps = (pairs[:, 0] | pairs[:, 1] << 4).reshape(len(pairs), -1, GROUP)
    return np.asarray((taps << 8 * np.arange(GROUP)).sum(axis=-1), np.int64)
