"""Requantization in products of 32 bits, for cores that have no longer ones (Armv6-M).

LiteRT rounds sum * multiplier / 2**31 and then / 2**n. Beyond the sum that saturates the output
nothing is left to compute; up to there, u = |sum|, the upper 2 * b bits of the multiplier
suffice nearly always, M = M_high * 2**b + M_low, and both roundings become one:

    |y| = (u * M_high + (u * M_low >> b) + 2**(n + b - 1) + 2**(b - 1)) >> (n + b)

Both sides are staircases that never fall, of at most 255 steps between the clamps, and give the
zero point for 0. They are equal where each step of LiteRT's is one of this form's: which is
compared for every step that the sums of the layer can reach. Where no neighbour of M fits, the
layer keeps the general form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetool.program.accumulators import Requantization
from edgetool.program.arithmetic import Int64Array, multiply_double_rounding, quantize_multipliers

BoolArray = npt.NDArray[np.bool_]

MOST_SPLIT = 15  # M has 30 bits at most
MOST_SHIFT = 31
NEIGHBOURS = (0, 1, -1, 2, -2)  # of the nearest M
FULL = (-128, 127)
ABOVE = 1 << 32  # what unsigned words stay below


@dataclass(frozen=True, eq=False)
class SplitScaling:
    """split: b.   limit: u beyond it counts as it.   multipliers: M.   shifts: n + b.

    rectified: whether sums below 0 give the lower clamp, so that none needs its sign.
    """

    split: int
    limit: int
    multipliers: Int64Array
    shifts: Int64Array
    rectified: bool


def find_split_scaling(found: Requantization, largest: Int64Array) -> SplitScaling | None:
    """The form for sums within ±largest (O,), biases included; None where there is none."""
    multipliers, shifts = (
        np.broadcast_to(array, largest.shape).astype(np.int64)
        for array in quantize_multipliers(found.factors)
    )
    right = np.where(multipliers == 0, 1, -shifts)
    if found.bounds != FULL or right.min() < 1:
        return None
    steps = _Steps.of(multipliers, right, found.zero_point, largest)
    limit, split = steps.largest(), 0
    while split < MOST_SPLIT and _fits(limit, multipliers, right, split + 1):
        split += 1
    nearest = multipliers >> (31 - 2 * split)
    chosen = _choose(steps, nearest, right, split) if split else None
    if chosen is None:
        return None
    return SplitScaling(split, limit, chosen, right + split, steps.rectified)


def _fits(limit: int, multipliers: Int64Array, right: Int64Array, split: int) -> bool:
    """Whether no term leaves an unsigned word, two units of M and both roundings added."""
    if int(right.max()) + split > MOST_SHIFT:
        return False
    total = limit * ((multipliers >> (31 - 2 * split)) + 2) >> split
    rounded = total + (1 << (right + split - 1)) + (1 << split)
    return limit << split < ABOVE and int(rounded.max()) < ABOVE


@dataclass(frozen=True, eq=False)
class _Steps:
    """LiteRT's staircase.   levels (L,): outputs.   first (O, L): the least sum that gives them.

    exists (O, L): whether the sums of the channel reach the level, from below it.
    """

    zero_point: int
    levels: Int64Array
    first: Int64Array
    exists: BoolArray

    @classmethod
    def of(
        cls,
        multipliers: Int64Array,
        right: Int64Array,
        zero_point: int,
        largest: Int64Array,
    ) -> _Steps:
        """Found by bisection of ±largest (O,)."""
        levels = np.arange(FULL[0] + 1, FULL[1] + 1, dtype=np.int64)

        def reached(sums: Int64Array) -> BoolArray:
            factors = multipliers[:, None].astype(np.int32), -right[:, None].astype(np.int32)
            return np.asarray(multiply_double_rounding(sums, *factors) + zero_point >= levels)

        above = np.broadcast_to(largest[:, None], (largest.size, levels.size)).astype(np.int64)
        below = -above
        exists = ~reached(below) & reached(above)
        while int((above - below).max()) > 1:  # above reaches the level, below does not
            middle = (above + below) >> 1
            is_above = reached(middle)
            above, below = np.where(is_above, middle, above), np.where(is_above, below, middle)
        return cls(zero_point, levels, above, exists)

    @property
    def rectified(self) -> bool:
        """Whether sums below 0 give the lowest output."""
        return self.zero_point == FULL[0]

    def largest(self) -> int:
        """The largest |sum| on either side of a step, at least 1."""
        sides = np.maximum(np.abs(self.first), np.abs(self.first - 1))
        return int(sides[self.exists].max(initial=1))


def _choose(steps: _Steps, nearest: Int64Array, right: Int64Array, split: int) -> Int64Array | None:
    """A multiplier for each channel that has all its steps, None if one has none."""
    chosen = np.full(nearest.shape, -1, np.int64)
    for change in NEIGHBOURS:
        candidate = np.clip(nearest + change, 0, (1 << (2 * split)) - 1)
        fits = _has_steps(steps, candidate, right, split)
        chosen = np.where((chosen < 0) & fits, candidate, chosen)
    return None if (chosen < 0).any() else chosen


def _has_steps(steps: _Steps, multipliers: Int64Array, right: Int64Array, split: int) -> BoolArray:
    """Which channels (O,) come to each level at LiteRT's sum, and not one sum sooner."""
    factor, shift = multipliers[:, None], (right + split)[:, None]
    addend = (1 << (shift - 1)) + (1 << (split - 1))

    def output(sums: Int64Array) -> Int64Array:
        u = np.abs(sums)
        products = u * (factor >> split) + ((u * (factor & ((1 << split) - 1))) >> split)
        return np.asarray(np.sign(sums) * ((products + addend) >> shift) + steps.zero_point)

    same = (output(steps.first) >= steps.levels) & (output(steps.first - 1) < steps.levels)
    return np.asarray((same | ~steps.exists).all(axis=1))
