"""From calibration statistics to the range that an activation's codes cover.

minmax: everything seen.   percentile: all but a few outliers at each end.
mse, lp: the range with the least error, rounding and clipping together, squared or to the power of
2.4, which weighs large errors more.   entropy: the range whose codes tell most of the distribution.
auto: the rule, or the mixture of rules, that samples held back speak for (`chosen_ranges`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import UsageError
from edgetool.quantization.histogram import Histogram
from edgetool.quantization.parameters import (
    INT4_MAX,
    INT8_MAX,
    INT8_MIN,
    Range,
    activation_parameters,
)
from edgetool.quantization.statistics import ActivationStatistics

METHODS = ("minmax", "percentile", "mse", "lp", "entropy", "auto")
DEFAULT_METHOD = "percentile"
PERCENTILE = 99.99
CANDIDATE_PERCENTILES = (99.9, 99.999)
# Source: Nahshon et al. 2020, "Loss aware post-training quantization": norms of 2 to 4 fit best.
POWER = 2.4
_ALIKE = 0.01  # of the span: ranges that differ by less are one candidate
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
    wide = int(options.get("activation_bits", 8)) == 16
    narrow = int(options.get("activation_bits", 8)) == 4
    usual = "auto" if options.get("effort") == "max" else DEFAULT_METHOD
    method = require_method(options.get("ranges", "minmax" if wide else usual))
    if narrow and (method == "auto" or "ranges" not in options):
        return "mse"  # with 15 steps, cutting off large values serves the others
    return "minmax" if wide and method == "auto" else method


def choose_range(
    statistics: ActivationStatistics, method: str, symmetric: bool = False, bits: int = 8
) -> Range:
    """The range to quantize with.   statistics: of at least one value."""
    observed = Range.including_zero(statistics.minimum, statistics.maximum)
    histogram = statistics.histogram
    if method == "minmax" or histogram is None or observed.is_zero:
        return observed
    if method == "percentile":
        return percentile_range(histogram, observed, PERCENTILE)
    if method == "entropy":
        return least_divergence_range(histogram, observed, symmetric)
    power = POWER if method == "lp" else 2.0
    return least_error_range(histogram, observed, symmetric, power, bits)


def candidate_ranges(statistics: ActivationStatistics, symmetric: bool) -> tuple[Range, ...]:
    """What the rules would choose, the default first, near duplicates left out."""
    observed = Range.including_zero(statistics.minimum, statistics.maximum)
    found = [choose_range(statistics, DEFAULT_METHOD, symmetric)]
    if statistics.histogram is None or observed.is_zero:
        return tuple(found)
    histogram = statistics.histogram
    more = [choose_range(statistics, m, symmetric) for m in ("minmax", "mse", "lp", "entropy")]
    more += [percentile_range(histogram, observed, p) for p in CANDIDATE_PERCENTILES]
    for candidate in more:
        if not any(_alike(candidate, other) for other in found):
            found.append(candidate)
    return tuple(found)


def _alike(first: Range, second: Range) -> bool:
    span = max(first.high - first.low, second.high - second.low)
    apart = max(abs(first.low - second.low), abs(first.high - second.high))
    return apart <= _ALIKE * span


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


_Cost = Callable[[Range, npt.NDArray[np.float64], npt.NDArray[np.int64], bool], float]


def least_error_range(
    histogram: Histogram, observed: Range, symmetric: bool, power: float = 2.0, bits: int = 8
) -> Range:
    """The range with the least error to a power over the histogram.   bits: 8 or 4."""

    cost = partial(summed_error, power=power, bits=bits)
    return _search(histogram, observed, symmetric, cost)


def least_divergence_range(histogram: Histogram, observed: Range, symmetric: bool) -> Range:
    """The range whose codes lose least of the distribution."""
    return _search(histogram, observed, symmetric, divergence)


def _search(histogram: Histogram, observed: Range, symmetric: bool, cost: _Cost) -> Range:
    """The range of least cost by coordinate search."""

    def best_of(candidates: list[Range]) -> Range:
        filled = histogram.counts > 0
        centers, counts = histogram.centers()[filled], histogram.counts[filled]
        costs = [cost(c, centers, counts, symmetric) for c in candidates]
        return candidates[int(np.argmin(costs))]

    if symmetric:
        largest = max(-observed.low, observed.high)
        found = best_of([Range(-largest * f, largest * f) for f in _FRACTIONS])
        return Range(max(found.low, observed.low), min(found.high, observed.high))
    # Both ends together first: one end alone gains little while the other keeps the step large.
    best = best_of([Range(observed.low * f, observed.high * f) for f in _FRACTIONS])
    if observed.low == 0 or observed.high == 0:
        return best
    for _ in range(_ROUNDS):
        best = best_of([Range(best.low, observed.high * f) for f in _FRACTIONS])
        best = best_of([Range(observed.low * f, best.high) for f in _FRACTIONS])
    return best


def summed_error(
    candidate: Range,
    values: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    symmetric: bool,
    power: float = 2.0,
    bits: int = 8,
) -> float:
    """Sum of differences between values and their codes under the candidate, to the power."""
    error = np.abs(values - _codes(candidate, values, symmetric, bits)[1])
    return float(np.dot(error**power if power != 2.0 else error * error, counts))


def divergence(
    candidate: Range,
    values: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    symmetric: bool,
) -> float:
    """Kullback-Leibler divergence of the values' distribution from what their codes say of it.

    A code says how many values it stands for; they are thought to be spread evenly over the bins
    within the range that have it. Values outside count for the bin at that end.
    Source: Migacz 2017, "8-bit inference with TensorRT", with bins of equal width on both sides.
    """
    inside = (values >= candidate.low) & (values <= candidate.high)
    if not inside.any():
        return float("inf")
    codes = _codes(candidate, values[inside], symmetric)[0].astype(np.int64)
    codes -= codes.min()
    seen = counts[inside].astype(np.float64)
    clipped = seen.copy()
    clipped[0] += counts[values < candidate.low].sum()
    clipped[-1] += counts[values > candidate.high].sum()
    told = (np.bincount(codes, seen) / np.maximum(np.bincount(codes), 1))[codes]
    share, told = clipped / clipped.sum(), told / told.sum()
    return float(np.dot(share, np.log(share / told)))


def _codes(
    candidate: Range, values: npt.NDArray[np.float64], symmetric: bool, bits: int = 8
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(codes, what they stand for) of values under the candidate range."""
    parameters = activation_parameters(candidate, symmetric, bits)
    codes = np.rint(values / parameters.scale) + parameters.zero_point
    codes = np.clip(codes, *((-8, INT4_MAX) if bits == 4 else (INT8_MIN, INT8_MAX)))
    return codes, (codes - parameters.zero_point) * parameters.scale
