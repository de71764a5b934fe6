"""Two variants measured in turn: the ratio of their times, with an interval.

Each pair of windows side by side is one observation of the ratio: what changes slowly hits both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.measure.bootstrap import Interval, median_interval

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ratio:
    """Time of one variant over the time of another.

    value: the median over pairs; below 1 the first is faster.   interval: None of too few pairs.
    """

    value: float
    interval: Interval | None
    pairs: int

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves no doubt which is faster."""
        return self.interval is not None and not self.interval.contains(1.0)

    def to_json(self) -> dict[str, Any]:
        """{value, interval, pairs}."""
        content: dict[str, Any] = {"value": self.value, "pairs": self.pairs}
        if self.interval is not None:
            content["interval"] = self.interval.to_json()
        return content


def paired_ratio(first: Array, second: Array, confidence: float = 0.95, seed: int = 0) -> Ratio:
    """Of windows that were measured in pairs, first[i] next to second[i].

    first, second: (n,) the windows' medians in one unit, all above 0.
    In ABBA order a drift makes one pair's ratio as much too large as the next one's too small: the
    median lies between them, and one pair that something disturbed moves it little.
    Raises: ValueError when they are not pairs.
    """
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"{len(first)} and {len(second)} windows are no pairs")
    logs = np.log(np.asarray(first, np.float64) / np.asarray(second, np.float64))
    interval = median_interval(logs, confidence, seed)
    return Ratio(float(np.exp(np.median(logs))), _exponentiated(interval), len(first))


def _exponentiated(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    return Interval(float(np.exp(interval.low)), float(np.exp(interval.high)), interval.confidence)
