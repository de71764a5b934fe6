"""Scaling in double, rounded once, in int32: sums shifted left, one VQRDMULH, one rounding shift.

LiteRT scales the sums of fully connected layers in double. Two integer roundings differ from it
only next to a tie. With the sums shifted left as far as they go, the first rounding happens far
below the outputs' last place, and a multiplier is found that moves no tie across a sum. That is
proven by comparing the sums beside every step of the output: between them neither side changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgetool.program.accumulators import FloatArray, Requantization
from edgetool.program.arithmetic import (
    INT32_MAX,
    INT32_MIN,
    Int32Array,
    Int64Array,
    multiply_double_rounding,
    quantize_multipliers,
)

LARGEST_SHIFT = 31
NEIGHBOURS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8)  # of the nearest multipliers
TRIES = 4  # left shifts, from the largest down
BESIDE = np.arange(-2, 3)


@dataclass(frozen=True, eq=False)
class PreciseScaling:
    """saturated(sum << left) * multiplier / 2**31 * 2**shift, rounded after the product and
    after the shift, halves of the second away from zero.

    multipliers, shifts: int32 (O,); shifts are below 0: to the right.
    """

    left: int
    multipliers: Int32Array
    shifts: Int32Array


def find_scaling(found: Requantization, low: Int64Array, high: Int64Array) -> PreciseScaling | None:
    """A scaling that is right for all sums from low to high (O,), bias included; None if none is
    found.   found: of a layer that scales in double."""
    factors = np.broadcast_to(found.factors, low.shape)
    points = step_points(found, factors, low, high)
    if points is None:
        return None
    right = _clamped(found, found.rounding.scale(points, factors))
    nearest, exponents = quantize_multipliers(factors)
    for left in _left_shifts(found, points, right):
        shifts = exponents.astype(np.int64) - left
        if shifts.max() >= 0 or shifts.min() < -LARGEST_SHIFT:
            continue
        shifted = np.clip(points << left, INT32_MIN, INT32_MAX)
        multipliers = _choose_multipliers(found, shifted, right, nearest, shifts)
        if multipliers is not None:
            return PreciseScaling(left, multipliers, shifts.astype(np.int32))
    return None


def step_points(
    found: Requantization, factors: FloatArray, low: Int64Array, high: Int64Array
) -> Int64Array | None:
    """Sums (points, O) on both sides of every step of the output, and the ends; None where a
    step is not where the factor says."""
    steps = np.arange(found.bounds[0] + 1, found.bounds[1] + 1)[:, None] - found.zero_point
    with np.errstate(divide="ignore"):
        places = (steps - 0.5) / factors
    around = np.floor(np.clip(places, low, high)).astype(np.int64) + BESIDE[:, None, None]
    around = np.clip(around, low, high)
    first, last = around[0], around[-1]
    below = (found.rounding.scale(first, factors) < steps) | (first == low)
    above = (found.rounding.scale(last, factors) >= steps) | (last == high)
    if not bool(np.all(below & above)):
        return None
    return np.concatenate([around.reshape(-1, len(low)), low[None], high[None]])


def _left_shifts(found: Requantization, points: Int64Array, right: Int64Array) -> range:
    """The largest that keeps every sum whose output is not clamped, and the next smaller ones."""
    is_inside = (right > found.bounds[0]) & (right < found.bounds[1])
    used = int(np.abs(np.where(is_inside, points, 0)).max())
    largest = min(LARGEST_SHIFT, (INT32_MAX // max(used, 1)).bit_length() - 1)
    return range(largest, max(largest - TRIES, -1), -1)


def _choose_multipliers(
    found: Requantization,
    shifted: Int64Array,
    right: Int64Array,
    nearest: Int32Array,
    shifts: Int64Array,
) -> Int32Array | None:
    """For each channel a multiplier that gives right at all points."""
    chosen, is_open = np.zeros_like(nearest), np.ones(nearest.shape, bool)
    for change in NEIGHBOURS:
        tried = np.clip(nearest.astype(np.int64) + change, 0, INT32_MAX)
        given = _clamped(found, multiply_double_rounding(shifted, tried, shifts))
        fits = is_open & np.all(given == right, axis=0)
        chosen[fits] = tried[fits]
        is_open &= ~fits
        if not is_open.any():
            return chosen
    return None


def _clamped(found: Requantization, scaled: Int64Array) -> Int64Array:
    return np.clip(scaled + found.zero_point, *found.bounds)
