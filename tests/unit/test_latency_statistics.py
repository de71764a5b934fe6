"""Statistics of latencies: what they promise holds, over seeded simulations."""

from __future__ import annotations

import numpy as np
import pytest

from edgetool.measure import (
    enough_for,
    is_settled,
    median_interval,
    paired_ratio,
    percentiles,
    relative_slope,
    slope,
)

SEEDS = 600
COVERAGE_MIN = 0.93


@pytest.mark.parametrize("windows", [6, 10, 20])
@pytest.mark.parametrize("shape", ["normal", "skewed", "heavy tails"])
def test_intervals_cover_the_truth_in_93_percent_of_seeds(windows: int, shape: str) -> None:
    hits = 0
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        noise = {
            "normal": random.normal(0, 0.01, windows),
            "skewed": random.exponential(0.05, windows) - 0.05 * np.log(2),
            "heavy tails": 0.01 * random.standard_t(2, windows),
        }[shape]
        interval = median_interval(1 + noise, seed=seed)
        assert interval is not None
        hits += interval.contains(1.0)
    assert hits / SEEDS >= COVERAGE_MIN


@pytest.mark.parametrize("blocks", [3, 5, 10])
def test_intervals_of_ratios_cover_the_truth_although_the_device_drifts(blocks: int) -> None:
    hits = 0
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        order = np.array([0, 1, 1, 0] * blocks)
        drift = 1 + 0.02 * np.arange(len(order))
        times = np.where(order == 0, 1.0, 1.25) * drift * np.exp(random.normal(0, 0.02, len(order)))
        ratio = paired_ratio(times[order == 0], times[order == 1], seed=seed)
        assert ratio.interval is not None
        hits += ratio.interval.contains(1 / 1.25)
    assert hits / SEEDS >= COVERAGE_MIN


def test_the_interval_narrows_with_more_windows_and_repeats_itself() -> None:
    windows = 1 + np.random.default_rng(1).normal(0, 0.01, 100)
    few, many = median_interval(windows[:10]), median_interval(windows)
    assert few is not None and many is not None
    assert many.high - many.low < few.high - few.low
    assert many == median_interval(windows)


def test_of_too_few_windows_there_is_no_interval() -> None:
    assert median_interval(np.ones(5)) is None


def test_a_percentile_is_absent_without_samples_beyond_it() -> None:
    assert set(percentiles(np.arange(99.0))) == {"median"}
    assert set(percentiles(np.arange(999.0))) == {"median", "p90"}
    assert set(percentiles(np.arange(1000.0))) == {"median", "p90", "p99"}
    everything = percentiles(np.arange(10_000.0))
    assert everything["p99_9"] == pytest.approx(9989, abs=1)
    assert [enough_for(f) for f in (0.9, 0.99, 0.999)] == [100, 1000, 10_000]


def test_a_slope_within_noise_counts_as_settled_and_a_clear_one_does_not() -> None:
    random = np.random.default_rng(0)
    times = np.linspace(0, 10, 50)
    noise = random.normal(0, 0.01, 50)
    assert is_settled(relative_slope(times, 1 + noise), 0.001)
    assert not is_settled(relative_slope(times, 1 + 0.02 * times + noise), 0.001)


def test_a_slope_is_that_of_the_line() -> None:
    found = slope(np.arange(5.0), 3 * np.arange(5.0) + 1)
    assert found is not None
    assert found.per_s == pytest.approx(3)
    assert found.error_per_s == pytest.approx(0, abs=1e-9)


def test_what_is_not_known_has_not_settled() -> None:
    assert not is_settled(slope(np.arange(3.0), np.arange(3.0)), 0.1)
    assert is_settled(None, None)


def test_windows_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_ratio(np.ones(4), np.ones(5))


def test_a_ratio_is_decided_only_when_its_interval_leaves_out_one() -> None:
    random = np.random.default_rng(0)
    first = 1 + random.normal(0, 0.01, 10)
    assert paired_ratio(first, first * 2).is_decided
    assert not paired_ratio(first, 1 + random.normal(0, 0.01, 10)).is_decided
