"""Has a quantity stopped drifting? Its slope over time, with what the noise makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

POINTS_MIN = 4
SIGNIFICANT = 2.0  # standard errors


@dataclass(frozen=True)
class Slope:
    """per_s: change per second.   error_per_s: its standard error."""

    per_s: float
    error_per_s: float

    def is_within(self, limit_per_s: float) -> bool:
        """Whether noise aside the slope is no steeper than the limit."""
        return abs(self.per_s) - SIGNIFICANT * self.error_per_s <= limit_per_s


def slope(times_s: Array, values: Array) -> Slope | None:
    """Least squares through (n,) points; None of fewer than POINTS_MIN, or all at one time."""
    times, found = np.asarray(times_s, np.float64), np.asarray(values, np.float64)
    if len(times) < POINTS_MIN:
        return None
    away = times - times.mean()
    spread = float(away @ away)
    if spread == 0:
        return None
    per_s = float(away @ (found - found.mean())) / spread
    residuals = found - found.mean() - per_s * away
    variance = float(residuals @ residuals) / (len(times) - 2)
    return Slope(per_s, float(np.sqrt(variance / spread)))


def relative_slope(times_s: Array, values: Array) -> Slope | None:
    """As slope, as a fraction of the values' median per second."""
    found = slope(times_s, values)
    middle = float(np.median(values)) if found is not None else 0.0
    if found is None or middle <= 0:
        return None
    return Slope(found.per_s / middle, found.error_per_s / middle)


def is_settled(found: Slope | None, limit_per_s: float | None) -> bool:
    """Whether a slope is known and within the limit; True where no limit is set."""
    return limit_per_s is None or (found is not None and found.is_within(limit_per_s))
