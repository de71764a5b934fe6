"""The short forms of edge_scale.h, by which sums become outputs, one for each kind of core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgetool.kernels.output_steps import FULL, OutputSteps
from edgetool.kernels.split_scaling import find_split_scaling
from edgetool.program.accumulators import FIXED_POINT, Requantization
from edgetool.program.arithmetic import Int64Array, quantize_multipliers

RECTIFIED_TAIL, LINEAR_TAIL, ANY_TAIL = 0, 1, 2
"""EDGE_RECTIFIED, EDGE_LINEAR and EDGE_ANY of edge_scale.h."""

LEFT = 17  # less LiteRT's right shift: what sums are shifted left by
LEFT_SHIFTS = (2, 15)


@dataclass(frozen=True, eq=False)
class Scaling:
    """How edge_scale.h makes outputs of sums.   multipliers, shifts: (O,)."""

    tail: int
    multipliers: Int64Array
    shifts: Int64Array
    split: int = 0
    limit: int = 0


ChooseScaling = Callable[[Requantization, Int64Array], Scaling | None]
"""A core's short form for sums within ±largest (O,), biases included; None where none is exact."""


def long_scaling(found: Requantization, largest: Int64Array) -> Scaling | None:
    """By the upper word of one product of 64 bits: of cores with a long multiply.

    LiteRT's roundings become one; see epilogue.py for those of convolutions. Fully connected
    layers round once, halves away from zero, which for negative sums is one unit less:

        y + zero point = ((sum << s) * M / 2**32 + addend - [sum < 0] * sign) >> 16
        convolutions: addend = 2**(s - 2) + 2**15 + zero point * 2**16, sign = 2**(s - 1)
        fully connected: addend = 2**15 + zero point * 2**16, sign = 1
    """
    multipliers, shifts = (
        np.broadcast_to(array, largest.shape).astype(np.int64)
        for array in quantize_multipliers(found.factors)
    )
    left = np.where(multipliers == 0, LEFT_SHIFTS[0], LEFT + shifts)
    is_small = largest < 1 << (31 - np.clip(left, 0, 31))
    in_range = left.min() >= LEFT_SHIFTS[0] and left.max() <= LEFT_SHIFTS[1]
    if found.bounds != FULL or not in_range or not is_small.all():
        return None
    half = (1 << (left - 2))[:, None] if found.rounding is FIXED_POINT else np.int64(0)
    addend = half + ((2 * found.zero_point + 1) << 15)

    def output(sums: Int64Array) -> Int64Array:
        high = ((sums << left[:, None]) * multipliers[:, None]) >> 32
        return np.asarray((high + addend - (sums < 0) * np.maximum(2 * half, 1)) >> 16)

    if not OutputSteps.of(found, largest).are_those_of(output).all():
        return None
    return Scaling(_tail_of(found), multipliers, left)


def split_scaling(found: Requantization, largest: Int64Array) -> Scaling | None:
    """By two products of 32 bits: of cores without a long multiply."""
    split = find_split_scaling(found, largest)
    if split is None:
        return None
    return Scaling(_tail_of(found), split.multipliers, split.shifts, split.split, split.limit)


def _tail_of(found: Requantization) -> int:
    """Rectified where sums below 0 give the lowest output, else linear."""
    return RECTIFIED_TAIL if found.zero_point == FULL[0] else LINEAR_TAIL
