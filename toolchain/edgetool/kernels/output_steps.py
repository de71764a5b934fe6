"""The staircase of a channel's outputs over its sums, by which short forms are proven exact.

An output never falls as its sum grows, and clamps leave at most 255 steps. Another form that never
falls either and agrees at one sum gives the same outputs where it steps at the same sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetool.program.accumulators import Requantization
from edgetool.program.arithmetic import Int64Array

BoolArray = npt.NDArray[np.bool_]

FULL = (-128, 127)


@dataclass(frozen=True, eq=False)
class OutputSteps:
    """levels (L,): outputs above the lowest.   first (O, L): the least sum that gives them.

    exists (O, L): whether the sums of the channel reach the level, from below it.
    """

    levels: Int64Array
    first: Int64Array
    exists: BoolArray

    @classmethod
    def of(cls, found: Requantization, largest: Int64Array) -> OutputSteps:
        """Found by bisection of ±largest (O,), biases included."""
        levels = np.arange(FULL[0] + 1, FULL[1] + 1, dtype=np.int64)

        def reached(sums: Int64Array) -> BoolArray:
            scaled = found.rounding.scale(sums.T, found.factors).T
            return np.asarray(scaled + found.zero_point >= levels)

        above = np.broadcast_to(largest[:, None], (largest.size, levels.size)).astype(np.int64)
        below = -above
        exists = ~reached(below) & reached(above)
        while int((above - below).max()) > 1:  # above reaches the level, below does not
            middle = (above + below) >> 1
            is_above = reached(middle)
            above, below = np.where(is_above, middle, above), np.where(is_above, below, middle)
        return cls(levels, above, exists)

    def largest(self) -> int:
        """The largest |sum| on either side of a step, at least 1."""
        sides = np.maximum(np.abs(self.first), np.abs(self.first - 1))
        return int(sides[self.exists].max(initial=1))

    def are_those_of(self, output: Callable[[Int64Array], Int64Array]) -> BoolArray:
        """Which channels (O,) of output(sums (O, L)) step at each first sum, and not sooner."""
        same = (output(self.first) >= self.levels) & (output(self.first - 1) < self.levels)
        return np.asarray((same | ~self.exists).all(axis=1))
