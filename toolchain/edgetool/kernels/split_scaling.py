"""Requantization in products of 32 bits, for cores that have no longer ones (Armv6-M).

LiteRT rounds sum * multiplier / 2**31 and then / 2**n. Beyond the sum that saturates the output
nothing is left to compute; up to there, u = |sum|, the upper 2 * b bits of the multiplier
suffice nearly always, M = M_high * 2**b + M_low, and both roundings become one:

    |y| = (u * M_high + (u * M_low >> b) + 2**(n + b - 1) + 2**(b - 1)) >> (n + b)

(without the last addend where LiteRT rounds once). Both sides never fall as the sum grows, and give
the zero point for 0: they are equal where they step at the same sums, which is compared for every
step that the sums of the layer can reach. Where no neighbour of M fits, the layer keeps the
general form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgetool.kernels.output_steps import FULL, OutputSteps
from edgetool.program.accumulators import FIXED_POINT, Requantization
from edgetool.program.arithmetic import Int64Array, quantize_multipliers

MOST_SPLIT = 15  # M has 30 bits at most
MOST_SHIFT = 31
NEIGHBOURS = (0, 1, -1, 2, -2)  # of the nearest M
ABOVE = 1 << 32  # what unsigned words stay below


@dataclass(frozen=True, eq=False)
class SplitScaling:
    """split: b.   limit: u beyond it counts as it.   multipliers: M.   shifts: n + b."""

    split: int
    limit: int
    multipliers: Int64Array
    shifts: Int64Array


def find_split_scaling(found: Requantization, largest: Int64Array) -> SplitScaling | None:
    """The form for sums within ±largest (O,), biases included; None where there is none."""
    multipliers, shifts = (
        np.broadcast_to(array, largest.shape).astype(np.int64)
        for array in quantize_multipliers(found.factors)
    )
    right = np.where(multipliers == 0, 1, -shifts)
    if found.bounds != FULL or right.min() < 1:
        return None
    steps = OutputSteps.of(found, largest)
    limit, split = steps.largest(), 0
    while split < MOST_SPLIT and _fits(limit, multipliers, right, split + 1):
        split += 1
    chosen = _choose(steps, found, multipliers, right, split) if split else None
    return None if chosen is None else SplitScaling(split, limit, chosen, right + split)


def _fits(limit: int, multipliers: Int64Array, right: Int64Array, split: int) -> bool:
    """Whether no term leaves an unsigned word, two units of M and both roundings added."""
    if int(right.max()) + split > MOST_SHIFT:
        return False
    total = limit * ((multipliers >> (31 - 2 * split)) + 2) >> split
    rounded = total + (1 << (right + split - 1)) + (1 << split)
    return limit << split < ABOVE and int(rounded.max()) < ABOVE


def _choose(
    steps: OutputSteps,
    found: Requantization,
    multipliers: Int64Array,
    right: Int64Array,
    split: int,
) -> Int64Array | None:
    """A multiplier for each channel that has all its steps, None if one has none."""
    chosen = np.full(multipliers.shape, -1, np.int64)
    shift = (right + split)[:, None]
    twice = found.rounding is FIXED_POINT
    addend = (1 << (shift - 1)) + ((1 << (split - 1)) if twice else 0)
    for change in NEIGHBOURS:
        near = (multipliers >> (31 - 2 * split)) + change
        candidate = np.clip(near, 0, (1 << (2 * split)) - 1)
        upper, lower = candidate[:, None] >> split, candidate[:, None] & ((1 << split) - 1)

        def output(
            sums: Int64Array, upper: Int64Array = upper, lower: Int64Array = lower
        ) -> Int64Array:
            u = np.abs(sums)
            magnitude = (u * upper + ((u * lower) >> split) + addend) >> shift
            return np.asarray(np.sign(sums) * magnitude + found.zero_point)

        chosen = np.where((chosen < 0) & steps.are_those_of(output), candidate, chosen)
    return None if (chosen < 0).any() else chosen
