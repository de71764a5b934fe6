"""Weights of two output channels in one word, for SMLAD without unpacking one of them.

Each int16 half holds 256 * w1 + w0: multiplied as it is, it adds 256 times the second channel's
product plus the first's; its sign-extended low byte adds the first's alone. One subtraction per
output parts the channels again, exactly while the second channel's sum stays below 2**23.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.epilogue import RECTIFIED, Epilogue
from edgetool.program.arithmetic import Int64Array

Array = npt.NDArray[Any]
UInt32Array = npt.NDArray[np.uint32]

GROUP = 4  # taps that SXTB16 widens from one word
SECOND_LIMIT = 1 << 23
SECOND_SHIFT = 8
SHIFT_BITS = 24  # above what rectified sums take
LAST_PAIR = 1 << 31


def order_taps(weights: Array) -> Array:
    """(O, K) of weights (O, kh, kw, I) in the order of edge_gather_columns: of every row of the
    kernel the taps that fill words, then of every row those over them."""
    rows = weights.reshape(*weights.shape[:2], -1)
    whole = rows.shape[2] // GROUP * GROUP
    parts = [rows[:, :, :whole], rows[:, :, whole:]]
    return np.concatenate([part.reshape(len(weights), -1) for part in parts], axis=1)


def can_pack(weights: Array, largest: Int64Array) -> bool:
    """Whether pairs of channels fit: weights int8 (O, K), largest sums (O,)."""
    pairs = pair_channels(weights.astype(np.int64))
    halves = 256 * pairs[:, 1] + pairs[:, 0]
    fits = bool(np.all((halves >= -(1 << 15)) & (halves < 1 << 15)))
    return fits and bool(np.all(largest[1::2] < SECOND_LIMIT))


def pack_pairs(weights: Array, bias: Int64Array, epilogue: Epilogue) -> UInt32Array:
    """The stream that edge_dot_3x2 reads, for each pair of channels (the last may be alone):

    2 words of bias (b0, 256 * b1 + b0), K / 2 words of weights, m0, m1, shifts. Rectified, the
    shifts are in the upper byte of the first word instead.
    weights: int8 (O, K); K is padded to a multiple of 4.   bias: (O,).
    """
    first, second = pair_channels(bias)[:, 0], pair_channels(bias)[:, 1]
    multipliers = pair_channels(epilogue.multipliers.astype(np.int64))
    shifts = pair_channels(epilogue.shifts.astype(np.int64))
    columns = [pair_words(weights), multipliers]
    if epilogue.tail == RECTIFIED:
        start = first + (right_shifts(shifts) << SHIFT_BITS)
    else:
        start = first
        columns.append(packed_shifts(shifts))
    biases = np.stack([start, 256 * second + first], axis=1)
    stream = np.concatenate([biases, *columns], axis=1)
    return np.asarray(stream & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()


def right_shifts(shifts: Int64Array) -> Int64Array:
    """(pairs,) bytes of what sums times 256 shift to the right by, for left shifts (pairs, 2) of 2
    to 8: three bits each, and the upper bit for the last pair."""
    right = (SECOND_SHIFT - shifts) & 7
    packed = right[:, 0] | right[:, 1] << 3
    packed[-1] |= 0x80
    return np.asarray(packed, np.int64)


def fits_wide(weights: Array, epilogue: Epilogue) -> bool:
    """Whether weights int8 (O, K), times 2**shift of their channel, are int16."""
    shifted = weights.astype(np.int64) << epilogue.shifts[:, None].astype(np.int64)
    return bool(np.all((shifted >= -(1 << 15)) & (shifted < 1 << 15)))


def pack_wide_pairs(weights: Array, bias: Int64Array, epilogue: Epilogue) -> UInt32Array:
    """The stream that edge_dot_wide_3x2 reads, for each pair of channels:

    b0, b1, then a word of each channel's weights for every two taps, all times 2**shift, then
    m0, m1, c0, c1, and the shifts less 1.
    weights: int8 (O, K); K is padded to a multiple of 4.   bias: (O,).
    """
    shifts = epilogue.shifts.astype(np.int64)
    biases = pair_channels(bias << shifts)
    words = tap_words(weights.astype(np.int64) << shifts[:, None])
    pairs = pair_channels(words).transpose(0, 2, 1).reshape(len(biases), -1)
    scales = [pair_channels(np.asarray(c, np.int64)) for c in (epilogue.multipliers, shifts - 1)]
    addends = pair_channels(epilogue.addends.astype(np.int64))
    stream = [biases, pairs, scales[0], addends, packed_shifts(scales[1])]
    return (
        np.asarray(np.concatenate(stream, axis=1) & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()
    )


def tap_words(values: Int64Array) -> Int64Array:
    """(O, K/2) words of int16 values (O, K), in the order 0 2, 1 3 of each four."""
    depth = -(-values.shape[1] // GROUP) * GROUP
    padded = np.pad(values, ((0, 0), (0, depth - values.shape[1]))) & 0xFFFF
    groups = padded.reshape(len(values), -1, GROUP)
    words = groups[:, :, :2] | groups[:, :, 2:] << 16
    return np.asarray(words.reshape(len(values), -1), np.int64)


def pair_words(weights: Array) -> Int64Array:
    """(pairs, K/2) words of weights int8 (O, K), 256 * w1 + w0 in each half."""
    pairs = pair_channels(weights.astype(np.int64))
    return tap_words(256 * pairs[:, 1] + pairs[:, 0])


def packed_shifts(shifts: Int64Array) -> Int64Array:
    """(pairs, 1): the shifts (pairs, 2) in two bytes of a word; the last pair's has its sign."""
    packed = (shifts[:, :1] & 0xFF) | (shifts[:, 1:] & 0xFF) << 8
    packed[-1] |= LAST_PAIR
    return np.asarray(packed, np.int64)


def pair_channels(values: Int64Array) -> Int64Array:
    """(pairs, 2, …) of (O, …); a channel of zeros makes an odd number even."""
    padding = [(0, len(values) % 2)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, padding)
    return padded.reshape(-1, 2, *values.shape[1:])
