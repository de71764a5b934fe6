"""add_line_s8: an int8 addition as one line, (a * i + b * j + k) >> n, proven for every pair.

LiteRT rescales both operands and their sum, rounding six times. The result is a staircase over
256 x 256 operands, which one rounding of exact products nearly always reproduces: all 65,536
are compared, and where no line is found the general kernel stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from edgetool.program.arithmetic import Int64Array
from edgetool.program.elementwise import binary_call, execute_add
from edgetool.program.operator import Array, Clamp, KernelCall, Step
from edgetool.program.ops.add import Add
from edgetool.program.ops.sub import Sub
from edgetool.program.tensor import Tensor

KINDS = frozenset({"add", "sub"})
CODES = np.arange(-128, 128, dtype=np.int8)
LARGEST = (1 << 31) - 1
MOST_BITS = 24
NEIGHBOURS = (0, -1, 1, -2, 2)  # of the nearest factors


@dataclass(frozen=True)
class Line:
    """(a * a_factor + b * b_factor + offset) >> shift, which stays within int32."""

    a_factor: int
    b_factor: int
    offset: int
    shift: int


def call(
    operator: Add | Sub, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8 and where no line fits."""
    a, b, out = inputs[0], inputs[1], outputs[0]
    if a is None or b is None or {a.dtype, b.dtype, out.dtype} != {"int8"}:
        return None
    sign = 1 if isinstance(operator, Add) else -1
    bounds = operator.clamp.integer_bounds(out)
    line = find_line(table(a, b, out, operator.clamp, sign), slopes(a, b, out, sign), bounds)
    if line is None:
        return None
    numbers = {
        "a_factor": line.a_factor,
        "b_factor": line.b_factor,
        "offset": line.offset,
        "shift": line.shift,
        "low": bounds[0],
        "high": bounds[1],
    }
    return binary_call("add_line_s8", a, b, out, numbers)


def table(a: Tensor, b: Tensor, out: Tensor, clamp: Clamp, sign: int) -> Array:
    """The right outputs (256, 256) for all int8 a (rows) and b (columns)."""
    step = Step((CODES[:, None], CODES[None, :]), (a, b), (out,))
    return execute_add(step, clamp, sign)


def slopes(a: Tensor, b: Tensor, out: Tensor, sign: int) -> tuple[float, float]:
    """What one more of a and one more of b add to the output."""
    return float(a.scale) / float(out.scale), sign * float(b.scale) / float(out.scale)


def find_line(right: Array, slope: tuple[float, float], bounds: tuple[int, int]) -> Line | None:
    """A Line that gives right (256, 256) after clamping to bounds, None where none was found."""
    steepest = 128 * (abs(slope[0]) + abs(slope[1])) + 256
    shift = min(MOST_BITS, int(np.floor(np.log2(LARGEST / steepest))))
    if shift < 1:
        return None
    nearest = [round(value * (1 << shift)) for value in slope]
    for a_change, b_change in product(NEIGHBOURS, NEIGHBOURS):
        factors = nearest[0] + a_change, nearest[1] + b_change
        offset = _offset(right.astype(np.int64), factors, shift, bounds)
        if offset is not None:
            return Line(*factors, offset, shift)
    return None


def _offset(
    right: Int64Array, factors: tuple[int, int], shift: int, bounds: tuple[int, int]
) -> int | None:
    """An offset for which every sum falls on its step; clamped outputs have one edge only."""
    codes = CODES.astype(np.int64)
    sums = codes[:, None] * factors[0] + codes[None, :] * factors[1]
    above, below = right > bounds[0], right < bounds[1]
    lowest = int(((right << shift) - sums)[above].max(initial=-LARGEST))
    highest = int((((right + 1) << shift) - 1 - sums)[below].min(initial=LARGEST))
    if lowest > highest:
        return None
    offset = (lowest + highest) // 2
    largest = 128 * (abs(factors[0]) + abs(factors[1])) + abs(offset)
    return offset if largest <= LARGEST else None
