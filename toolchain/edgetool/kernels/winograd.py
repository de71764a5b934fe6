"""Weights of 3x3 convolutions for Winograd's F(4x4, 3x3) in exact integers.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015). G is taken times
24 (its last row times 12, which the transform of sums makes good), so that transformed weights are
integers and outputs come times 576 = 64 * 9. What they come times is taken out modulo 2**32: once
the requantization shifts sums to the left by s >= 6 anyway, 2**s / 576 = 2**(s - 6) / 9 is an
integer there, and only the last value, not those between, has to fit in int32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.dsp_packing import UInt32Array, tap_words
from edgetool.kernels.epilogue import LINEAR, Epilogue
from edgetool.program.arithmetic import Int64Array

Array = npt.NDArray[Any]

TILE, INPUTS = 4, 6
POSITIONS = INPUTS * INPUTS
MIN_SHIFT = 6
OFFSET = 0x3800  # of transformed inputs, in edge_winograd_input
UNSIGNED = 128  # is added to inputs
INVERSE_OF_9 = pow(9, -1, 1 << 32)

WEIGHTS = np.array(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 12]], np.int64
)


def transform_weights(weights: Array) -> Int64Array:
    """(O, 36, I) integers within int16 of weights int8 (O, 3, 3, I)."""
    grown = np.einsum("ia,oabc,jb->oijc", WEIGHTS, weights.astype(np.int64), WEIGHTS)
    return np.asarray(grown.reshape(len(weights), POSITIONS, -1), np.int64)


def pack(weights: Array, bias: Int64Array, epilogue: Epilogue) -> UInt32Array:
    """The stream that conv2d_winograd_dsp_s8 reads, for each pair of output channels:

    at each position two words b0, b1 that take the inputs' offset out, then for every two input
    channels a word of either output channel; then factor, bias, multiplier, addend and nudge of
    both.   weights: int8 (O, 3, 3, I), O even, I a multiple of 4.   bias: (O,).
    """
    transformed = transform_weights(weights)
    channels, _, inputs = transformed.shape
    starts = -OFFSET * transformed.sum(axis=2)
    words = tap_words(transformed.reshape(-1, inputs)).reshape(channels, POSITIONS, -1)
    columns = np.concatenate([starts[:, :, None], words], axis=2)
    pairs = columns.reshape(-1, 2, POSITIONS, columns.shape[2]).transpose(0, 2, 3, 1)
    scales = _scales(weights, bias, epilogue).reshape(len(pairs), -1)
    stream = np.concatenate([pairs.reshape(len(pairs), -1), scales], axis=1)
    return np.asarray(stream & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()


def _scales(weights: Array, bias: Int64Array, epilogue: Epilogue) -> Int64Array:
    """(O, 5): factor, bias, multiplier, addend, nudge."""
    shifts = epilogue.shifts.astype(np.int64)
    sums = weights.astype(np.int64).sum(axis=(1, 2, 3))
    factors = [INVERSE_OF_9 << int(s) - MIN_SHIFT & 0xFFFFFFFF for s in shifts]
    nudges = (1 << (shifts - 1)) * int(epilogue.tail == LINEAR)
    return np.stack(
        [
            np.array(factors, np.int64),
            (bias - UNSIGNED * sums) << shifts,
            epilogue.multipliers.astype(np.int64),
            epilogue.addends.astype(np.int64),
            nudges,
        ],
        axis=1,
    )
