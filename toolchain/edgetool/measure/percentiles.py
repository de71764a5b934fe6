"""Percentiles that the number of samples can carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PERCENTILES: Mapping[str, float] = {"p90": 0.90, "p99": 0.99, "p99_9": 0.999}
BEYOND_MIN = 10  # samples that lie beyond a percentile, for it to be more than their largest


def percentiles(samples: Array) -> dict[str, float]:
    """median and those of PERCENTILES that at least BEYOND_MIN samples exceed, in samples' unit.

    Raises: ValueError without samples.
    """
    if len(samples) == 0:
        raise ValueError("no samples")
    found = {"median": float(np.median(samples))}
    for name, fraction in PERCENTILES.items():
        if len(samples) >= enough_for(fraction):
            found[name] = float(np.quantile(samples, fraction))
    return found


def enough_for(fraction: float) -> int:
    """How many samples a percentile takes: 100 for p90, 1,000 for p99, 10,000 for p99.9."""
    return round(BEYOND_MIN / (1 - fraction))
