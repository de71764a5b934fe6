from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetool.errors import QuantizationError, UsageError
from edgetool.quantization.histogram import BINS, Histogram
from edgetool.quantization.parameters import Range
from edgetool.quantization.ranges import (
    METHODS,
    choose_range,
    divergence,
    percentile_range,
    require_method,
    summed_error,
)
from edgetool.quantization.statistics import ActivationStatistics


def seen(*batches: NDArray[Any]) -> ActivationStatistics:
    statistics = ActivationStatistics(with_histogram=True)
    for sample, values in enumerate(batches):
        statistics.update("x", values.astype(np.float32), sample)
    return statistics


@given(st.lists(st.floats(-1e5, 1e5, width=32, allow_subnormal=False), min_size=1, max_size=60))
def test_a_histogram_counts_every_value_near_where_it_lies(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.update(np.array([value], np.float32), value, value)
    assert histogram.total == len(values)
    assert histogram.zeros == values.count(0.0)
    nonzero = [value for value in values if value]
    if nonzero:
        assert histogram.low <= min(nonzero)
        assert histogram.high >= max(nonzero)
        mean = float(np.dot(histogram.centers(), histogram.counts)) / len(nonzero)
        # Merging keeps edges aligned, so no value is ever over a bin away; float32 rounds a bit.
        assert mean == pytest.approx(np.mean(nonzero), abs=1.01 * histogram.bin_width)


def test_a_histogram_keeps_its_size_and_a_quarter_of_its_resolution() -> None:
    rng, histogram = np.random.default_rng(0), Histogram()
    for sample in range(200):
        values = (rng.standard_normal(500) * 1.05**sample).astype(np.float32)
        histogram.update(values, float(values.min()), float(values.max()))
    assert histogram.counts.shape == (BINS,)
    assert histogram.total == 100_000
    assert np.ptp(np.flatnonzero(histogram.counts)) >= BINS // 4 - 1


def test_minmax_covers_all_that_was_seen_and_zero() -> None:
    statistics = seen(np.array([2.0, 3.0]), np.array([5.0]))
    assert choose_range(statistics, "minmax") == Range(0.0, 5.0)


def test_percentile_leaves_out_outliers_but_counts_no_zeros() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([np.zeros(900_000), rng.uniform(1, 2, 99_999), [1000.0]])
    found = choose_range(seen(values), "percentile")
    assert found.low == 0.0
    assert 1.99 < found.high < 3.0


def test_percentile_of_few_values_is_their_range() -> None:
    statistics = seen(np.linspace(-1, 1, 100))
    found = choose_range(statistics, "percentile")
    assert (found.low, found.high) == pytest.approx((-1.0, 1.0))


def test_percentile_cuts_both_ends() -> None:
    statistics = seen(np.concatenate([np.linspace(-1, 1, 100_000), [-50.0, 50.0]]))
    assert statistics.histogram is not None
    found = percentile_range(statistics.histogram, Range(-50.0, 50.0), 99.9)
    assert (found.low, found.high) == pytest.approx((-1.0, 1.0), abs=0.1)


@pytest.mark.parametrize("shape", ["normal", "exponential", "heavy tails", "relu"])
def test_mse_finds_the_best_of_all_ranges(shape: str) -> None:
    rng = np.random.default_rng(2)
    values = {
        "normal": rng.standard_normal(4_000),
        "exponential": rng.exponential(size=4_000) - 0.3,
        "heavy tails": rng.standard_t(3, 4_000),
        "relu": np.maximum(rng.standard_normal(4_000), 0),
    }[shape]
    counts = np.ones(len(values), np.int64)
    found = choose_range(seen(values), "mse")
    fractions = np.geomspace(1.0, 0.05, 16)
    everything = choose_range(seen(values), "minmax")
    tried = [
        summed_error(Range(everything.low * a, everything.high * b), values, counts, False)
        for a in (fractions if everything.low < 0 else (0.0,))
        for b in fractions
    ]
    assert summed_error(found, values, counts, False) <= 1.01 * min(tried)


def test_entropy_and_lp_clip_outliers_and_keep_the_rest() -> None:
    values = np.concatenate([np.random.default_rng(4).standard_normal(200_000), [60.0, -60.0]])
    entropy, power = (choose_range(seen(values), method) for method in ("entropy", "lp"))
    squared = choose_range(seen(values), "mse")
    for found in (entropy, power):
        assert 2.0 < found.high < 12.0
        assert -12.0 < found.low < -2.0
    assert power.high >= squared.high  # large errors weigh more


def test_divergence_is_least_where_the_codes_tell_most() -> None:
    values = np.arange(256, dtype=np.float64)
    counts = np.ones(256, np.int64)
    exact = divergence(Range(0.0, 255.0), values, counts, False)
    assert exact == pytest.approx(0.0, abs=1e-12)
    assert divergence(Range(0.0, 100.0), values, counts, False) > 0.1


def test_symmetric_mse_clips_the_longer_tail_and_keeps_within_what_was_seen() -> None:
    values = np.concatenate([np.random.default_rng(3).standard_normal(200_000), [8.0]])
    found = choose_range(seen(values), "mse", symmetric=True)
    assert 3.0 < found.high < 7.0
    assert -6.0 < found.low < -3.0


@pytest.mark.parametrize("method", METHODS)
def test_constant_activations_have_a_range_with_zero(method: str) -> None:
    assert choose_range(seen(np.full(10, -2.5)), method).low == pytest.approx(-2.5, rel=0.01)
    assert choose_range(seen(np.zeros(10)), method) == Range(0.0, 0.0)


def test_nan_and_infinity_name_tensor_and_sample() -> None:
    statistics = ActivationStatistics(with_histogram=False)
    statistics.update("relu", np.ones(3, np.float32), 0)
    for bad in (np.nan, np.inf):
        with pytest.raises(QuantizationError, match="for calibration sample 1"):
            statistics.update("relu", np.array([1.0, bad], np.float32), 1)


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="minmax, percentile, mse"):
        require_method("median")
