"""A histogram of fixed size over a stream of values whose range is not known beforehand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

SIDE = 2048  # bins on each side of 0
BINS = 2 * SIDE
_LEAST_EXPONENT = -110  # of a bin's width: its reciprocal is a float32 number too
_BLOCK = 1 << 14  # values at a time: buffers that stay in a core's own cache


class Histogram:
    """Counts in BINS equal bins around 0; their width is a power of two and doubles as values come.

    Widths that are powers of two make the counts exact: they do not depend on the order of the
    values, nor on how these were shared out among histograms that are merged. Exact zeros are
    counted apart: they are represented exactly under any scale, and after a Relu they are the
    greater part. Memory does not depend on the number of values.
    """

    def __init__(self) -> None:
        self.exponent = _LEAST_EXPONENT
        self.zeros = 0
        self.counts: npt.NDArray[np.int64] = np.zeros(BINS, np.int64)

    @property
    def total(self) -> int:
        """Number of values seen, zeros included."""
        return self.zeros + int(self.counts.sum())

    @property
    def bin_width(self) -> float:
        """Width of a bin."""
        return math.ldexp(1.0, self.exponent)

    @property
    def low(self) -> float:
        """Lower edge of the first bin."""
        return -SIDE * self.bin_width

    @property
    def high(self) -> float:
        """Upper edge of the last bin."""
        return SIDE * self.bin_width

    def centers(self) -> npt.NDArray[np.float64]:
        """Centre of each bin, (BINS,)."""
        return np.asarray(self.low + (np.arange(BINS) + 0.5) * self.bin_width, np.float64)

    def update(self, values: npt.NDArray[Any], minimum: float, maximum: float) -> None:
        """Count values (any shape, finite float32) whose extremes are minimum and maximum."""
        self._cover(max(-minimum, maximum, 0.0))
        flat = values.reshape(-1)
        zeros = 0
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK]
            self.counts += np.bincount(self._bins(block, minimum < 0), minlength=BINS)
            zeros += int(np.count_nonzero(block == 0))
        self.counts[SIDE] -= zeros
        self.zeros += zeros

    def merge(self, other: Histogram) -> None:
        """Add what another one has counted."""
        counts = other.counts
        self._widen(max(self.exponent, other.exponent))
        for _ in range(self.exponent - other.exponent):
            counts = _halved(counts)
        self.counts += counts
        self.zeros += other.zeros

    def _bins(self, block: npt.NDArray[Any], negative: bool) -> npt.NDArray[np.int32]:
        scaled = block * np.float32(math.ldexp(1.0, -self.exponent))
        if negative:  # a cast rounds towards 0, which is the floor of the others
            np.floor(scaled, out=scaled)
        bins = scaled.astype(np.int32)
        bins += SIDE
        return bins

    def _cover(self, largest: float) -> None:
        if largest == 0.0:  # zeros fit into bins of any width
            return
        # frexp: largest < 2**exponent, so that it lies below the upper edge.
        self._widen(max(math.frexp(largest)[1] - (SIDE.bit_length() - 1), self.exponent))

    def _widen(self, exponent: int) -> None:
        if not self.counts.any():
            self.exponent = exponent
        while self.exponent < exponent:
            self.counts = _halved(self.counts)
            self.exponent += 1


def _halved(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The counts in bins of twice the width."""
    outside = np.zeros(SIDE // 2, np.int64)
    return np.concatenate((outside, counts.reshape(-1, 2).sum(axis=1), outside))
