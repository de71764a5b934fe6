"""Requantization in few instructions on cores that multiply for the upper word (SMMLA).

LiteRT rounds twice: y = floor((acc * M + 2**30 + 2**(30 + n) - [acc < 0] * 2**31) / 2**(31 + n)),
M in [2**30, 2**31), n >= 1 a right shift. With acc shifted left by s = m + 1 - n all terms but the
product are multiples of 2**32, so one SMMLA and one saturating shift by m give the same bits:

    y + zero point = ((acc << s) * M / 2**32 + addend - [acc < 0] * 2**(s - 1)) >> m
    addend = 2**(s - 2) + 2**(m - 1) + zero point * 2**m

Where the lower clamp is not below the zero point the sign term cannot be seen and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgetool.program.accumulators import Layer, Requantization
from edgetool.program.arithmetic import Int32Array, Int64Array, quantize_multipliers

RECTIFIED, LINEAR, SUMS = 0, 1, 2
"""EDGE_TAIL_… of edge_dsp_dot.h."""

MIN_SHIFT = 2
MAX_ZERO_POINT_SHIFT = 21  # zero point << 21 and its half stay within int32


@dataclass(frozen=True)
class Scheme:
    """What a kernel's code fixes: the saturating shift m, and the largest left shift s."""

    saturating_shift: int
    largest_left: int


CONVOLUTION = Scheme(16, 15)
CONVOLUTION_RECTIFIED = Scheme(13, 8)  # second channels come times 256, and shift to the right
CONVOLUTION_NARROW = Scheme(12, 12)  # 4-bit weights: sums come times 4096, and shift to the right
DEPTHWISE = Scheme(12, 8)  # the weights are shifted, as int16


@dataclass(frozen=True, eq=False)
class Epilogue:
    """Constants of the short sequence, one an output channel.

    multipliers, addends: int32.   shifts: int32, left shifts of the sums; with tail SUMS the
    multiplier and the shift of the generic double rounding, and no addends.
    """

    tail: int
    multipliers: Int32Array
    addends: Int32Array
    shifts: Int32Array


def choose_epilogue(layer: Layer, found: Requantization, scheme: Scheme = CONVOLUTION) -> Epilogue:
    """The cheapest sequence that is exact for the layer's multipliers and largest sums."""
    multipliers, shifts = per_channel(found, layer.channels)
    m = scheme.saturating_shift
    left = np.where(multipliers == 0, MIN_SHIFT, m + 1 + shifts).astype(np.int64)
    if not is_exact(left, largest_sums(layer, found), scheme):
        return Epilogue(SUMS, multipliers, np.zeros_like(shifts), shifts)
    addends = (1 << (left - 2)) + (1 << (m - 1)) + (found.zero_point << m)
    tail = RECTIFIED if found.bounds[0] >= found.zero_point else LINEAR
    return Epilogue(tail, multipliers, addends.astype(np.int32), left.astype(np.int32))


def choose_convolution_epilogue(layer: Layer, found: Requantization) -> Epilogue:
    """Of the tails of edge_dsp_dot.h the cheapest that is exact; rectified sums leave a byte."""
    narrow = choose_epilogue(layer, found, CONVOLUTION_RECTIFIED)
    if narrow.tail == RECTIFIED and int(largest_sums(layer, found).max()) < 1 << 23:
        return narrow
    wide = choose_epilogue(layer, found, CONVOLUTION)
    return wide if wide.tail == SUMS else replace(wide, tail=LINEAR)


def is_exact(left: Int64Array, largest: Int64Array, scheme: Scheme) -> bool:
    """Whether every channel's shifted sums stay within int32 and its terms within their words."""
    in_range = (left >= MIN_SHIFT) & (left <= min(scheme.largest_left, scheme.saturating_shift))
    return bool(np.all(in_range & (largest < 1 << (31 - np.clip(left, 0, 31)))))


def largest_sums(layer: Layer, found: Requantization) -> Int64Array:
    """The largest magnitude (O,) that each channel's sum can reach with int8 inputs."""
    magnitudes = layer.sums(np.abs(layer.weight_data.astype(np.int64)))
    return np.abs(found.bias) + 128 * magnitudes


def per_channel(found: Requantization, channels: int) -> tuple[Int32Array, Int32Array]:
    """(multipliers, shifts), one an output channel."""
    multipliers, shifts = quantize_multipliers(np.broadcast_to(found.factors, (channels,)))
    return multipliers, shifts
