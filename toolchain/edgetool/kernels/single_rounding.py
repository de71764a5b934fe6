"""One upper product and one shift in place of a product in double, proven by its steps.

LiteRT's fully connected layers scale int32 sums by a double and round once, halves away from zero.
As a function of the sum the output is a staircase of at most 256 steps, and so is

    (((sum << left) * multiplier >> 32) + addend + (sign & sum >> 31)) >> right,

which saturates to int8; sign is -1 where ties below zero must be put on their side, else 0. Both
only rise, so they are equal everywhere if they are equal at both ends of the sums' range and on
both sides of every step. That is what is compared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from edgetool.program.accumulators import Requantization
from edgetool.program.arithmetic import INT32_MAX, Int32Array, Int64Array, multiply_real

RIGHT_SHIFTS = (16, 14, 12, 10)
"""A large one leaves rounding to the last place of the product, a small one room for large sums."""

SIGNS, NUDGES = (0, -1), (0, -1, 1)
LARGEST_LEFT = 16
INT8 = (-128, 127)


@dataclass(frozen=True, eq=False)
class Steps:
    """Constants of the short sequence.

    multipliers, addends, shifts (left): int32, one an output channel or one for all.
    """

    right: int
    sign: int
    multipliers: Int32Array
    addends: Int32Array
    shifts: Int32Array


def find_steps(found: Requantization, largest: Int64Array) -> Steps | None:
    """The constants for all channels, None where some channel has none.

    largest (O,): what each channel's sum can reach. One factor for all channels is proven once.
    """
    one_for_all = found.factors.size == 1
    bounds = [int(largest.max(initial=0))] if one_for_all else [int(bound) for bound in largest]
    factors = [float(factor) for factor in found.factors.ravel()]
    for right, sign in product(RIGHT_SHIFTS, SIGNS):
        each = []
        for factor, bound in zip(factors, bounds, strict=True):
            one = _find_one(factor, bound, found.zero_point, right, sign)
            if one is None:
                break
            each.append(one)
        else:
            return Steps(right, sign, *np.array(each, np.int64).T.astype(np.int32))
    return None


def short_sequence(
    sums: Int64Array, multiplier: int, addend: int, left: int, right: int, sign: int
) -> Int64Array:
    """What the kernel computes of sums, saturated to int8."""
    high = ((sums << left) * multiplier >> 32) + addend + sign * (sums < 0)
    return np.asarray(np.clip(high >> right, *INT8), np.int64)


def _find_one(
    factor: float, largest: int, zero_point: int, right: int, sign: int
) -> tuple[int, int, int] | None:
    """(multiplier, addend, left shift) for |sums| <= largest."""
    left = _left_shift(factor, largest, right)
    if left is None:
        return None
    multiplier = round(factor * 2.0 ** (32 + right - left))
    sums = _edges(factor, largest, zero_point)
    wanted = np.clip(multiply_real(sums, np.array(factor)) + zero_point, *INT8)
    for nudge in NUDGES:
        addend = (1 << (right - 1)) + (zero_point << right) + nudge
        if np.array_equal(short_sequence(sums, multiplier, addend, left, right, sign), wanted):
            return multiplier, addend, left
    return None


def _left_shift(factor: float, largest: int, right: int) -> int | None:
    """The least with which the multiplier fits int32, so that it has the most bits; None where
    sums or results leave int32."""
    for left in range(LARGEST_LEFT + 1):
        if factor * 2.0 ** (32 + right - left) < INT32_MAX:
            result = largest * factor * 2.0**right + (258 << right)
            return left if largest << left <= INT32_MAX and result < INT32_MAX else None
    return None


def _edges(factor: float, largest: int, zero_point: int) -> Int64Array:
    """Both ends of the sums' range, and the sums at both sides of every step of the output."""
    steps = np.arange(INT8[0] + 1, INT8[1] + 1, dtype=np.int64) - zero_point
    low = np.full(len(steps), -largest, np.int64)
    high = np.full(len(steps), largest, np.int64)
    while np.any(low < high):  # the least sum whose output reaches the step
        middle = (low + high) >> 1
        reached = multiply_real(middle, np.array(factor)) >= steps
        high = np.where(reached, middle, high)
        low = np.where(reached, low, np.minimum(middle + 1, high))
    around = np.concatenate([low - 1, low, low + 1, [-largest, largest]])
    return np.asarray(np.clip(around, -largest, largest), np.int64)
