"""Two variants measured in turn: the ratio of their times, with an interval.

In ABBA order a linear drift hits both alike: each block of A, B, B, A is one observation of the
ratio, from which the drift has cancelled.
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
    An even number of pairs is taken two by two, as ABBA order has them, so that drift cancels
    within an observation, when enough observations are left for an interval.
    Raises: ValueError when they are not pairs.
    """
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"{len(first)} and {len(second)} windows are no pairs")
    logs = np.log(np.asarray(first, np.float64) / np.asarray(second, np.float64))
    if len(logs) % 2 == 0:
        blocks = logs.reshape(-1, 2).mean(axis=1)
        interval = median_interval(blocks, confidence, seed)
        logs = blocks if interval is not None else logs
    interval = median_interval(logs, confidence, seed)
    return Ratio(float(np.exp(np.median(logs))), _exponentiated(interval), len(first))


def _exponentiated(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    return Interval(float(np.exp(interval.low)), float(np.exp(interval.high)), interval.confidence)
