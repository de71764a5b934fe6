"""From calibration statistics to the range that an activation's codes cover.

minmax: everything seen.   percentile: all but a few outliers at each end.
mse: the range with the least mean squared error, rounding and clipping together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import UsageError
from edgetool.quantization.histogram import Histogram
from edgetool.quantization.parameters import (
    INT8_MAX,
    INT8_MIN,
    Range,
    activation_parameters,
)
from edgetool.quantization.statistics import ActivationStatistics

METHODS = ("minmax", "percentile", "mse")
DEFAULT_METHOD = "percentile"
PERCENTILE = 99.99
# Candidates of the mse search: fractions of the observed extreme, the full range first so that
# it wins ties.
_FRACTIONS = tuple(float(fraction) for fraction in np.geomspace(1.0, 0.02, 81))
_ROUNDS = 2


def require_method(name: Any) -> str:
    """The name of a range method; UsageError for any other."""
    if name in METHODS:
        return str(name)
    raise UsageError(f"range method '{name}' is not known", hints=(", ".join(METHODS),))


def chosen_method(options: Mapping[str, Any]) -> str:
    """The method that the options of quantize_static name, else that of their activations."""
    # 16 bits resolve what an outlier leaves of the range; cutting it off would only cost.
    default = DEFAULT_METHOD if int(options.get("activation_bits", 8)) == 8 else "minmax"
    return require_method(options.get("ranges", default))


def choose_range(statistics: ActivationStatistics, method: str, symmetric: bool = False) -> Range:
    """The range to quantize with.   statistics: of at least one value."""
    observed = Range.including_zero(statistics.minimum, statistics.maximum)
    histogram = statistics.histogram
    if method == "minmax" or histogram is None or observed.is_zero:
        return observed
    if method == "percentile":
        return percentile_range(histogram, observed, PERCENTILE)
    return least_error_range(histogram, observed, symmetric)


def percentile_range(histogram: Histogram, observed: Range, percentile: float) -> Range:
    """The range that leaves out at most 100 - percentile percent of the values at each end.

    Exact zeros do not count: after a Relu they would make rare but large values look like noise.
    """
    allowed = (1.0 - percentile / 100.0) * float(histogram.counts.sum())
    edges = histogram.low + np.arange(histogram.counts.size + 1) * histogram.bin_width
    above = np.cumsum(histogram.counts[::-1])[::-1]
    below = np.cumsum(histogram.counts)
    # The first bin from each end that may not be left out bounds the range.
    high = float(edges[np.flatnonzero(above > allowed).max() + 1])
    low = float(edges[np.flatnonzero(below > allowed).min()])
    return Range.including_zero(max(low, observed.low), min(high, observed.high))


def least_error_range(histogram: Histogram, observed: Range, symmetric: bool) -> Range:
    """The range with the least squared error over the histogram, by coordinate search."""
    if symmetric:
        largest = max(-observed.low, observed.high)
        fraction = _best([Range(-largest * f, largest * f) for f in _FRACTIONS], histogram, True)
        return Range(max(fraction.low, observed.low), min(fraction.high, observed.high))
    # Both ends together first: one end alone gains little while the other keeps the step large.
    best = _best([Range(observed.low * f, observed.high * f) for f in _FRACTIONS], histogram, False)
    for _ in range(_ROUNDS):
        best = _best([Range(best.low, observed.high * f) for f in _FRACTIONS], histogram, False)
        best = _best([Range(observed.low * f, best.high) for f in _FRACTIONS], histogram, False)
    return best


def _best(candidates: list[Range], histogram: Histogram, symmetric: bool) -> Range:
    filled = histogram.counts > 0
    centers, counts = histogram.centers()[filled], histogram.counts[filled]
    errors = [squared_error(c, centers, counts, symmetric) for c in candidates]
    return candidates[int(np.argmin(errors))]


def squared_error(
    candidate: Range,
    values: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    symmetric: bool,
) -> float:
    """Sum of squared differences between values and their codes under the candidate range."""
    parameters = activation_parameters(candidate, symmetric)
    codes = np.rint(values / parameters.scale) + parameters.zero_point
    codes = np.clip(codes, INT8_MIN, INT8_MAX)
    error = values - (codes - parameters.zero_point) * parameters.scale
    return float(np.dot(error * error, counts))
