"""A histogram of fixed size over a stream of values whose range is not known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 2048
_SMALLEST_SPAN = 1e-30


class Histogram:
    """Counts in BINS equal bins; the range doubles, merging pairs of bins, as values come.

    Exact zeros are counted apart: they are represented exactly under any scale, and after a
    Relu they are the greater part. Memory does not depend on the number of values.
    """

    def __init__(self) -> None:
        self.low = 0.0
        self.high = 0.0
        self.zeros = 0
        self.counts: npt.NDArray[np.int64] = np.zeros(BINS, np.int64)

    @property
    def total(self) -> int:
        """Number of values seen, zeros included."""
        return self.zeros + int(self.counts.sum())

    @property
    def bin_width(self) -> float:
        """Width of a bin."""
        return (self.high - self.low) / BINS

    def centers(self) -> npt.NDArray[np.float64]:
        """Centre of each bin, (BINS,)."""
        return np.asarray(self.low + (np.arange(BINS) + 0.5) * self.bin_width, np.float64)

    def update(self, values: npt.NDArray[Any], minimum: float, maximum: float) -> None:
        """Count values (any shape, finite float32) whose extremes are minimum and maximum."""
        flat = values.reshape(-1)
        nonzero = flat[flat != 0]
        self.zeros += flat.size - nonzero.size
        if nonzero.size == 0:
            return
        self._cover(min(minimum, 0.0), max(maximum, 0.0))
        position = (nonzero - np.float32(self.low)) * np.float32(1.0 / self.bin_width)
        index = np.clip(position.astype(np.int64), 0, BINS - 1)
        self.counts += np.bincount(index, minlength=BINS)

    def _cover(self, low: float, high: float) -> None:
        if self.high == self.low:
            self.low, self.high = low, max(high, low + _SMALLEST_SPAN)
        while self.high < high:
            self.high += self.high - self.low
            self.counts = np.concatenate((self._pairs(), np.zeros(BINS // 2, np.int64)))
        while self.low > low:
            self.low -= self.high - self.low
            self.counts = np.concatenate((np.zeros(BINS // 2, np.int64), self._pairs()))

    def _pairs(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.counts.reshape(-1, 2).sum(axis=1), np.int64)
